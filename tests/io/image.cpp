// Pictures become the same grey levels as Pillow makes of them; what is no whole picture is refused in one line.
#include <algorithm>
#include <doctest/doctest.h>
#include <fstream>
#include <ikebana/core/random.hpp>
#include <ikebana/io/image.hpp>
#include <set>
#include <tests/io/files.hpp>

using namespace ikebana;
using namespace ikebana::test;
namespace fs = std::filesystem;

namespace {

const fs::path pictures = fs::path(IKEBANA_SOURCE_ROOT) / "tests/io/images";

std::string as_picture(std::string_view bytes) {
    const TemporaryFolder folder;
    const auto path = folder.file("f", bytes);
    return complaint(folder, [&] { read_image<Shape<1, 28, 28>>(path); });
}

std::string with(std::string bytes, std::size_t at, std::string_view replacement) {
    return bytes.replace(at, replacement.size(), replacement);
}

/// A PNG's first chunk with another size, its check sum made right again.
std::string png_of_size(std::string bytes, std::uint32_t columns, std::uint32_t rows) {
    const auto put = [&bytes](std::size_t at, std::uint32_t x) {
        for (int i = 0; i < 4; ++i) bytes[at + static_cast<std::size_t>(i)] = static_cast<char>(x >> (24 - 8 * i));
    };
    put(16, columns);
    put(20, rows);
    put(29, detail::png_sum({reinterpret_cast<const std::uint8_t*>(bytes.data()) + 12, 17}));
    return bytes;
}

} // namespace

TEST_CASE("luma is ITU-R 601's") {
    CHECK(luma(0, 0, 0) == 0);
    CHECK(luma(255, 255, 255) == 255);
    CHECK(luma(255, 0, 0) == 76);
    CHECK(luma(0, 255, 0) == 150);
    CHECK(luma(0, 0, 255) == 29);
}

TEST_CASE("every picture agrees with Pillow's result to one grey level") {
    std::ifstream expected(pictures / "expected.txt");
    REQUIRE(expected);
    std::set<std::string> seen;
    for (std::string name, levels; expected >> name >> levels;) {
        CAPTURE(name);
        REQUIRE(levels.size() == 2 * 784);
        const auto x = read_image<Shape<1, 28, 28>>(pictures / name);
        const GreyImage grey = resample(read_grey_image(pictures / name), 28, 28);
        REQUIRE(x.shape() == std::array<std::size_t, 3>{1, 28, 28});
        int worst = 0;
        for (std::size_t i = 0; i < 784; ++i) {
            worst = std::max(worst, std::abs(grey.pixels[i] - std::stoi(levels.substr(2 * i, 2), nullptr, 16)));
            REQUIRE(x(0, i / 28, i % 28) == static_cast<float>(grey.pixels[i]) / 255.0f * 2.0f - 1.0f);
        }
        CHECK(worst <= (name.ends_with(".jpg") ? 1 : 0));
        seen.insert(name);
    }
    for (const auto& file : fs::directory_iterator(pictures))
        if (file.path().extension() != ".txt" && file.path().extension() != ".py")
            CHECK(seen.contains(file.path().filename().string()));
    CHECK(seen.size() >= 25);
}

TEST_CASE("other shapes than MNIST's") {
    CHECK(read_image<Shape<1, 5, 90>>(pictures / "colour.png").shape() == std::array<std::size_t, 3>{1, 5, 90});
    const auto one = read_image<Shape<1, 3, 2>>(pictures / "one_pixel.png");
    for (const float x : one) CHECK(x == 124.0f / 255.0f * 2.0f - 1.0f);
}

TEST_CASE("what is no picture is refused") {
    const TemporaryFolder folder;
    const auto read = [](const fs::path& path) { read_image<Shape<1, 28, 28>>(path); };
    CHECK(complaint(folder, [&] { read(folder.path() / "none.png"); }) == "none.png: no such file");
    CHECK(complaint(folder, [&] { read(folder.path()); }) == "FOLDER: is a folder: expected a file");
    CHECK(as_picture("") == "f: is empty (0 bytes)");
    CHECK(as_picture("hello") == "f: not a picture: expected a PNG, JPEG or BMP file");
    CHECK(as_picture("GIF89a and more") == "f: not a picture: expected a PNG, JPEG or BMP file");
    CHECK(as_picture("BM") == "f: ends too early at byte 2: expected a BMP header of at least 26 bytes");
    CHECK(as_picture("\xff\xd8\xff") == "f: ends too early at byte 3: expected a JPEG marker");
    CHECK(as_picture("\x89PNG\r\n\x1a\n") ==
          "f: ends too early at byte 8: expected a PNG chunk of at least 12 bytes from byte 8");
    CHECK(as_picture("\x89PNG\r\n") == "f: not a picture: expected a PNG, JPEG or BMP file");
}

TEST_CASE("a picture that is cut off is refused at every length") {
    for (const std::string name :
         {"colour.png", "one_pixel.png", "palette.bmp", "colour.bmp", "colour.jpg", "grey.jpg", "progressive.jpg"}) {
        CAPTURE(name);
        const std::string bytes = bytes_of(pictures / name);
        REQUIRE(as_picture(bytes) == "");
        for (std::size_t n = 8; n < bytes.size(); n += n < 800 ? 1 : 61)
            REQUIRE(as_picture(bytes.substr(0, n)).starts_with("f: ends too early at byte " + std::to_string(n)));
        CHECK(as_picture(bytes.substr(0, bytes.size() - 1)).starts_with("f: ends too early at byte "));
    }
}

TEST_CASE("a damaged PNG is refused by its check sums") {
    const std::string bytes = bytes_of(pictures / "palette.png");
    for (std::size_t n = 8; n < bytes.size(); ++n)
        REQUIRE(as_picture(with(bytes, n, std::string(1, static_cast<char>(bytes[n] ^ 4)))).starts_with("f: "));
    CHECK(as_picture(with(bytes, 60, std::string(1, static_cast<char>(bytes[60] ^ 4)))) ==
          "f: damaged PNG: the chunk at byte 33 has a wrong check sum");
}

TEST_CASE("a JPEG with too many Huffman codes, or none, is refused") {
    const std::string jpeg = bytes_of(pictures / "colour.jpg");
    const std::size_t table = jpeg.find("\xff\xc4");
    REQUIRE(table != std::string::npos);
    CHECK(as_picture(with(jpeg, table + 5, "\xff\xff"))
              .starts_with("f: damaged JPEG: the Huffman table at byte " + std::to_string(table + 4) + " has "));
    CHECK(as_picture(with(jpeg, table, "\xff\xfe")) // made a comment
              .ends_with(" uses a Huffman table that is missing"));
}

TEST_CASE("sizes that cannot be, or that the bytes cannot hold, are refused before memory is taken") {
    const std::string png = bytes_of(pictures / "grey.png");
    REQUIRE(as_picture(png_of_size(png, 40, 44)) == "");
    CHECK(as_picture(png_of_size(png, 20000, 3000)) ==
          "f: 20000x3000 pixels: more than its " + std::to_string(png.size()) + " bytes can hold");
    CHECK(as_picture(png_of_size(png, 30000, 30000)) ==
          "f: 30000x30000 pixels: expected 1 … 32767 a side and at most 67108864 together");
    CHECK(as_picture(png_of_size(png, 0, 10)).starts_with("f: not a picture that can be read ("));
    CHECK(as_picture(png_of_size(png, 1u << 31, 1u << 31)).starts_with("f: not a picture that can be read ("));

    const std::string jpeg = bytes_of(pictures / "grey.jpg");
    const std::size_t frame = jpeg.find("\xff\xc0");
    REQUIRE(frame != std::string::npos);
    CHECK(as_picture(with(jpeg, frame + 5, std::string_view("\x1f\x00\x1f\x00", 4))) ==
          "f: 7936x7936 pixels: more than its 2047 bytes can hold");

    const std::string bmp = bytes_of(pictures / "colour.bmp");
    CHECK(as_picture(with(bmp, 18, std::string_view("\x00\x10\x00\x00\x00\x10\x00\x00", 8))) ==
          "f: ends too early at byte 1754: expected a BMP of 50331702 bytes, as its header says");
    CHECK(as_picture(with(bmp, 30, "\x01")) == "f: run-length coded BMP: expected one without compression");
}

TEST_CASE("damaged pictures never do worse than one line") {
    Random random(Seed{5}, Stream::test);
    for (const std::string name :
         {"colour.jpg", "progressive.jpg", "colour.bmp", "palette.bmp", "one_bit.bmp", "grey.png"}) {
        const std::string whole = bytes_of(pictures / name);
        for (int i = 0; i < 150; ++i) {
            std::string bytes = whole;
            for (std::uint32_t changes = 1 + random.below(4); changes > 0; --changes)
                bytes[random.below(static_cast<std::uint32_t>(bytes.size()))] = static_cast<char>(random.bits());
            const std::string line = as_picture(bytes);
            REQUIRE((line.empty() || line.starts_with("f: ")));
        }
    }
}
