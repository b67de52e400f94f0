// The data set's folder as readers: names, counts, scaling; the committed sample, and Debian's package of
// Fashion-MNIST.
#include <algorithm>
#include <doctest/doctest.h>
#include <ikebana/data/readers.hpp>
#include <ikebana/io/mnist.hpp>
#include <tests/io/files.hpp>
#include <xtensor/xview.hpp>

using namespace ikebana;
using namespace ikebana::test;
namespace fs = std::filesystem;

namespace {

const fs::path sample_folder = fs::path(IKEBANA_SOURCE_ROOT) / "apps/data/mnist-sample";

/// Gzipped IDX files with three training and two test images, all pixels of image i being i.
struct Tiny {
    TemporaryFolder folder;
    std::string header(char dimensions, std::initializer_list<int> sizes) const {
        std::string s{0, 0, 8, dimensions};
        for (int n : sizes) s += {0, 0, static_cast<char>(n >> 8), static_cast<char>(n)};
        return s;
    }
    std::string images(int n, int rows = 28) const {
        std::string s = header(3, {n, rows, 28});
        for (int i = 0; i < n; ++i) s += std::string(static_cast<std::size_t>(rows * 28), static_cast<char>(i));
        return s;
    }
    std::string labels(int n, int first = 0) const {
        std::string s = header(1, {n});
        for (int i = 0; i < n; ++i) s += static_cast<char>(first + i);
        return s;
    }
    Tiny(const std::string& separator = "-", const std::string& ending = "") {
        for (const auto& [part, n] : {std::pair{"train", 3}, {"t10k", 2}}) {
            folder.file(part + ("-images" + separator) + "idx3-ubyte" + ending, images(n));
            folder.file(part + ("-labels" + separator) + "idx1-ubyte" + ending, labels(n, 7));
        }
    }
    std::string complaint() const {
        return test::complaint(folder, [&] { Mnist digits(folder.path()); });
    }
};

} // namespace

TEST_CASE("a folder is read under every usual spelling of the names, given as any kind of string") {
    for (const std::string separator : {"-", "."})
        for (const std::string ending : {"", ".gz"}) {
            const Tiny tiny(separator, ending);
            const std::string name = tiny.folder.path().string();
            for (const Mnist& digits : {Mnist(tiny.folder.path()), Mnist(name), Mnist(name.c_str())}) {
                REQUIRE(digits.train().size() == 3);
                REQUIRE(digits.test().size() == 2);
                CHECK(digits.train().label(2) == 9);
                CHECK(digits.test().image(1).grey()[783] == 1);
            }
        }
}

TEST_CASE("readers give all samples in order, scaled to [-1, 1], and outlive the data set they came from") {
    auto reader = Mnist(sample_folder).train();
    static_assert(SampleReader<MnistReader> && SizedReader<MnistReader>);
    static_assert(MnistReader::shape{} == Shape<1, 28, 28>{} && MnistReader::classes == 10);
    MnistReader::sample s;
    for (unsigned pass = 0; pass < 2; ++pass) {
        reader.start(pass);
        std::size_t n = 0;
        for (; reader.next(s); ++n) {
            REQUIRE(s.label == reader.label(n));
            REQUIRE(s.image.grey() == reader.image(n).grey());
        }
        CHECK(n == reader.size());
        CHECK_FALSE(reader.next(s));
    }
    const MnistImage image = reader.image(5);
    const Stored<Grey> stored = reader.stored();
    REQUIRE(stored.labels[5] == reader.label(5));
    CHECK(image.shape() == std::array<std::size_t, 3>{1, 28, 28});
    std::size_t i = 0;
    for (const float x : image) {
        REQUIRE(x == static_cast<float>(image.grey()[i]) / 255.0f * 2.0f - 1.0f);
        REQUIRE(x == float(stored.images[5 * 784 + i]));
        REQUIRE(image[i] == x);
        REQUIRE(image(0, i / 28, i % 28) == x);
        ++i;
    }
    CHECK(i == MnistImage::size());
    CHECK(*std::max_element(image.begin(), image.end()) > 0.95f);
    CHECK(*std::min_element(image.begin(), image.end()) == -1.0f);
}

TEST_CASE("the committed sample is balanced and batches exactly") {
    const Mnist digits(sample_folder);
    for (const auto& [reader, count] : {std::pair{digits.train(), 2000}, {digits.test(), 500}}) {
        auto batches = batch(shuffle(reader, 500), 64);
        Batch b;
        std::array<int, 10> seen{};
        while (batches.next(b))
            for (const int label : b.labels) ++seen[static_cast<std::size_t>(label)];
        for (const int n : seen) CHECK(n == count / 10);
    }
    auto batches = batch(digits.test(), 500);
    Batch b;
    REQUIRE(batches.next(b));
    CHECK(b.labels(499) == digits.test().label(499));
    CHECK(std::equal(b.images.end() - 784, b.images.end(), digits.test().image(499).begin()));
}

TEST_CASE("a missing file is named with all spellings and a way out") {
    const Tiny tiny;
    fs::remove(tiny.folder.path() / "t10k-labels-idx1-ubyte");
    CHECK(tiny.complaint() ==
          "FOLDER: has none of t10k-labels-idx1-ubyte, t10k-labels-idx1-ubyte.gz, t10k-labels.idx1-ubyte, "
          "t10k-labels.idx1-ubyte.gz");
    CHECK(complaint(tiny.folder, [&] {
              Mnist digits(tiny.folder.path() / "none");
          }).starts_with("none: no folder with one of train-images-idx3-ubyte, "));
}

TEST_CASE("files that do not fit each other or the data set are refused") {
    const Tiny tiny;
    tiny.folder.file("t10k-labels-idx1-ubyte", tiny.labels(3));
    CHECK(tiny.complaint() ==
          "t10k-labels-idx1-ubyte: 3 labels: expected 2, as there are images in t10k-images-idx3-ubyte");
    tiny.folder.file("t10k-labels-idx1-ubyte", tiny.labels(2, 9));
    CHECK(tiny.complaint() == "t10k-labels-idx1-ubyte: label 10 at byte 9: expected 0 … 9");
    tiny.folder.file("t10k-images-idx3-ubyte", tiny.images(2, 27));
    CHECK(tiny.complaint() == "t10k-images-idx3-ubyte: images of 27x28: expected 28x28");
    fs::copy_file(tiny.folder.path() / "train-labels-idx1-ubyte", tiny.folder.path() / "train-images-idx3-ubyte",
                  fs::copy_options::overwrite_existing);
    CHECK(tiny.complaint().starts_with("train-images-idx3-ubyte: magic number 00 00 08 01 (IDX labels)"));
}

// tests/run installs it; elsewhere the test counts as skipped.
TEST_CASE("Debian's Fashion-MNIST" * doctest::skip(!fs::exists("/usr/share/datasets/fashion-mnist"))) {
    const Mnist clothes("/usr/share/datasets/fashion-mnist");
    CHECK(clothes.train().size() == 60000);
    CHECK(clothes.test().size() == 10000);
    CHECK(clothes.train().label(0) == 9);
    CHECK(clothes.test().label(0) == 9);
}
