// apps/output_folder.hpp: the folder is made or refused with its reason; the model that predict uses is found.
#include <apps/output_folder.hpp>
#include <doctest/doctest.h>
#include <fstream>
#include <ikebana/core/error.hpp>
#include <set>

#include <sys/wait.h>
#include <unistd.h>

using namespace ikebana;
using namespace ikebana::apps;
namespace fs = std::filesystem;

namespace {

struct Folder {
    fs::path path = fs::temp_directory_path() / ("ikebana-out-" + std::to_string(getpid()));
    Folder() { fs::create_directories(path); }
    ~Folder() { fs::remove_all(path); }
};

std::string failure(const fs::path& folder) {
    try {
        make_output_folder(folder);
        return "";
    } catch (const file_error& e) {
        return e.what();
    }
}

} // namespace

TEST_CASE("the folder is made with those above it, and may be there already") {
    const Folder scratch;
    CHECK(failure(scratch.path / "a/b/c") == "");
    CHECK(fs::is_directory(scratch.path / "a/b/c"));
    CHECK(failure(scratch.path / "a/b/c") == "");
    CHECK(failure(scratch.path / "a/b/d/") == "");
    CHECK(failure(".") == "");
}

TEST_CASE("what is in the way is named") {
    const Folder scratch;
    std::ofstream(scratch.path / "file") << "x";
    const std::string f = (scratch.path / "file").string();
    CHECK(failure(f) == f + ": cannot make the output folder: it is a file");
    CHECK(failure(f + "/a/b") == f + "/a/b: cannot make the output folder: " + f + " is a file");
    CHECK(fs::is_regular_file(f));
}

TEST_CASE("a folder without permission") {
    const Folder scratch;
    fs::permissions(scratch.path, static_cast<fs::perms>(0555));
    const pid_t child = fork();
    if (child == 0) {
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) _exit(2);
        const bool refused =
            failure(scratch.path) == scratch.path.string() + ": cannot write into the output folder: Permission denied";
        _exit(refused && failure(scratch.path / "new").ends_with("Permission denied") ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(status == 0);
    fs::permissions(scratch.path, fs::perms::owner_all);
}

TEST_CASE("models of an earlier, longer run are removed, and nothing else") {
    const Folder scratch;
    Options o;
    o.out = scratch.path;
    const std::set<std::string> stay{"pass-0.safetensors",  "pass-1.safetensors",          "best.safetensors",
                                     "pass-03.safetensors", "pass-+3.safetensors",         "pass-3.safetensors.bak",
                                     "pass-x.safetensors",  "my-pass-3.safetensors",       "pass-3",
                                     "pass--3.safetensors", "pass-12345678901.safetensors"};
    std::set<std::string> all = stay;
    for (const int pass : {2, 3, 11}) all.insert("pass-" + std::to_string(pass) + ".safetensors");
    for (const std::string& name : all) std::ofstream(scratch.path / name) << "x";
    fs::create_directory(scratch.path / "pass-4.safetensors");

    remove_later_passes(o, 2);
    std::set<std::string> left;
    for (const auto& entry : fs::directory_iterator(scratch.path)) left.insert(entry.path().filename());
    CHECK(left.erase("pass-4.safetensors") == 1);
    CHECK(left == stay);
}

TEST_CASE("files of a run, and the model to use") {
    const Folder scratch;
    Options o;
    o.out = scratch.path;
    CHECK(pass_file(o, 3) == scratch.path / "pass-3.safetensors");
    CHECK(history_file(o) == scratch.path / "history.csv");
    CHECK(curve_file(o) == scratch.path / "learning_curve.svg");
    CHECK_THROWS_WITH_AS(
        model_to_use(o),
        (best_file(o).string() + ": there is no model yet: train first, or name one with --model").c_str(), file_error);
    std::ofstream(best_file(o)) << "x";
    CHECK(model_to_use(o) == scratch.path / "best.safetensors");
    o.model = "other.safetensors";
    CHECK(model_to_use(o) == "other.safetensors");
}
