// Where the digits are, and pictures of them. IKEBANA_SAMPLE is the repository's sample, given by meson.
#include <apps/digits.hpp>
#include <cstdlib>
#include <ikebana/data/readers.hpp>
#include <ikebana/io/image.hpp>
#include <ikebana/io/mnist.hpp>

namespace ikebana::apps {
namespace {

std::filesystem::path digits_folder(const Options& options) {
    if (options.sample) return IKEBANA_SAMPLE;
    std::error_code code;
    if (!options.data.empty()) {
        if (!std::filesystem::is_directory(options.data, code))
            throw file_error(options.data.string(),
                             "no such folder: --data takes the data set's folder; or use --sample");
        return options.data;
    }
    const char* cache = std::getenv("XDG_CACHE_HOME");
    const char* home = std::getenv("HOME");
    const std::filesystem::path base =
        cache && *cache == '/' ? std::filesystem::path(cache) : std::filesystem::path(home ? home : "") / ".cache";
    const std::filesystem::path folder = base / "ikebana" / "mnist";
    if (!std::filesystem::is_directory(folder, code))
        throw error("no digits in " + folder.string() +
                    ": apps/fetch_mnist fetches them; or use --data FOLDER, or --sample");
    return folder;
}

template <class R>
struct Hidden final : DigitBatches::Reader {
    explicit Hidden(R r) : reader(std::move(r)) {}
    void start(unsigned pass) override { reader.start(pass); }
    bool next(Batch& batch) override { return reader.next(batch); }
    void take_over() override {
        if constexpr (requires { reader.take_over(); }) reader.take_over();
    }
    int parts() const override {
        if constexpr (requires { reader.parts(); })
            return reader.parts();
        else
            return 0;
    }
    void prepare(int part) noexcept override {
        if constexpr (requires { reader.prepare(part); }) reader.prepare(part);
    }
    Stored<Grey> stored() const override { return reader.stored(); }
    void order(unsigned pass, std::vector<std::uint32_t>& to) const override { reader.order(pass, to); }

    R reader;
};

template <class R>
DigitBatches hide(R reader) {
    const std::size_t batches = reader.size(), size = reader.batch_size();
    return {std::make_unique<Hidden<R>>(std::move(reader)), batches, size};
}

} // namespace

Digits read_digits(const Options& options) {
    const Mnist digits(digits_folder(options));
    const auto all = digits.train();
    const auto size = static_cast<std::size_t>(options.batch);
    // The window is the whole set: neighbours in MNIST's files are not independent, and a window of 500 costs accuracy.
    return {hide(prefetch(batch(shuffle(all, all.size(), Seed{options.seed}), size))),
            hide(batch(digits.test(), size))};
}

BatchTensor<float, 3> read_digit(const std::filesystem::path& picture) { return read_image<Shape<1, 28, 28>>(picture); }

} // namespace ikebana::apps
