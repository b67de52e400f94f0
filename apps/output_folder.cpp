// Names within the output folder, and clear words where something is in the way.
#include <apps/output_folder.hpp>
#include <ikebana/core/error.hpp>

#include <cerrno>
#include <cstdio>
#include <system_error>

#include <unistd.h>

namespace ikebana::apps {

namespace fs = std::filesystem;

void make_output_folder(const fs::path& folder) {
    std::error_code code;
    fs::create_directories(folder, code);
    fs::path part;
    for (const fs::path& name : folder) { // the first that is there and no folder is what is in the way
        part /= name;
        std::error_code ignored;
        if (fs::exists(part, ignored) && !fs::is_directory(part, ignored))
            throw file_error(folder.string(), "cannot make the output folder: " +
                                                  (part == folder ? "it" : part.string()) + " is a file");
    }
    if (code) throw file_error(folder.string(), "cannot make the output folder: " + code.message());
    if (::access(folder.c_str(), W_OK | X_OK) != 0)
        throw file_error(folder.string(),
                         "cannot write into the output folder: " + std::generic_category().message(errno));
}

fs::path pass_file(const Options& o, int pass) { return o.out / ("pass-" + std::to_string(pass) + ".safetensors"); }
fs::path best_file(const Options& o) { return o.out / "best.safetensors"; }
fs::path history_file(const Options& o) { return o.out / "history.csv"; }
fs::path curve_file(const Options& o) { return o.out / "learning_curve.svg"; }

void remove_earlier(const fs::path& file) {
    std::error_code code;
    fs::remove(file, code);
    if (code) throw file_error(file.string(), "cannot be removed, though an earlier run left it: " + code.message());
}

void remove_later_passes(const Options& o, int passes) {
    for (const auto& entry : fs::directory_iterator(o.out)) {
        int pass = -1;
        std::sscanf(entry.path().filename().c_str(), "pass-%9d", &pass);
        if (pass < passes || entry.path() != pass_file(o, pass) || entry.is_directory()) continue;
        remove_earlier(entry.path());
    }
}

fs::path model_to_use(const Options& o) {
    if (o.model) return *o.model;
    std::error_code code;
    if (!fs::exists(best_file(o), code))
        throw file_error(best_file(o).string(), "there is no model yet: train first, or name one with --model");
    return best_file(o);
}

} // namespace ikebana::apps
