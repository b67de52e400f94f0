// Where the digits are, and pictures of them. IKEBANA_SAMPLE is the repository's sample, given by meson.
#include <apps/digits.hpp>
#include <cstdlib>
#include <ikebana/io/image.hpp>

namespace ikebana::apps {

std::filesystem::path digits_folder(const Options& options) {
    if (options.sample) return IKEBANA_SAMPLE;
    if (!options.data.empty()) return options.data;
    const char* cache = std::getenv("XDG_CACHE_HOME");
    const char* home = std::getenv("HOME");
    const std::filesystem::path folder =
        (cache && *cache ? std::filesystem::path(cache) : std::filesystem::path(home ? home : "") / ".cache") /
        "ikebana" / "mnist";
    if (!std::filesystem::is_directory(folder))
        throw error("no digits in " + folder.string() +
                    ": apps/fetch_mnist fetches them; or use --data FOLDER, or --sample");
    return folder;
}

xt::xtensor<float, 3> read_digit(const std::filesystem::path& picture) { return read_image<Shape<1, 28, 28>>(picture); }

} // namespace ikebana::apps
