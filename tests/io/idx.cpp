// IDX files: what is well formed is read to the byte, everything else is refused in one line, before its claims cost
// memory.
#include <doctest/doctest.h>
#include <ikebana/io/idx.hpp>
#include <sys/resource.h>
#include <tests/io/files.hpp>

using namespace ikebana;
using namespace ikebana::test;

namespace {

std::string big_endian(std::uint32_t x) {
    return {static_cast<char>(x >> 24), static_cast<char>(x >> 16), static_cast<char>(x >> 8), static_cast<char>(x)};
}
std::string images_header(std::uint32_t count, std::uint32_t rows, std::uint32_t columns) {
    return big_endian(0x803) + big_endian(count) + big_endian(rows) + big_endian(columns);
}
std::string labels_header(std::uint32_t count) { return big_endian(0x801) + big_endian(count); }

std::string pattern(std::size_t n) {
    std::string s(n, '\0');
    for (std::size_t i = 0; i < n; ++i) s[i] = static_cast<char>(i * 31 + i / 256);
    return s;
}

std::string as_images(std::string_view bytes) {
    const TemporaryFolder folder;
    const auto path = folder.file("f", bytes);
    return complaint(folder, [&] { read_idx_images(path); });
}
std::string as_labels(std::string_view bytes) {
    const TemporaryFolder folder;
    const auto path = folder.file("f", bytes);
    return complaint(folder, [&] { read_idx_labels(path, 10); });
}

} // namespace

TEST_CASE("images and labels are read, plain or gzipped under any name") {
    const TemporaryFolder folder;
    const std::string pixels = pattern(700 * 71 * 43);
    const std::string images = images_header(700, 71, 43) + pixels;
    const std::string labels = labels_header(6) + std::string("\0\1\2\3\11\0", 6);
    const std::string in_two_members = gzipped(images.substr(0, 1000)) + gzipped(images.substr(1000));
    for (const auto& bytes : {images, gzipped(images), in_two_members}) {
        const IdxImages read = read_idx_images(folder.file("images", bytes));
        CHECK(read.count == 700);
        CHECK(read.rows == 71);
        CHECK(read.columns == 43);
        CHECK(std::string(read.pixels.begin(), read.pixels.end()) == pixels);
        CHECK(read.image(699) + 71 * 43 == read.pixels.data() + read.pixels.size());
    }
    for (const auto& bytes : {labels, gzipped(labels)})
        CHECK(read_idx_labels(folder.file("labels.gz", bytes), 10) == std::vector<std::uint8_t>{0, 1, 2, 3, 9, 0});
}

TEST_CASE("what is no file is refused") {
    const TemporaryFolder folder;
    CHECK(complaint(folder, [&] { read_idx_images(folder.path() / "none"); }) == "none: no such file");
    CHECK(complaint(folder, [&] { read_idx_images(folder.path()); }) == "FOLDER: is a folder: expected a file");
    CHECK(complaint(folder, [&] { read_idx_images("/dev/zero"); }) ==
          "/dev/zero: is a device or a pipe: expected a file");
    CHECK(as_images("") == "f: is empty (0 bytes)");
}

TEST_CASE("wrong magic numbers and sizes are refused") {
    CHECK(as_images("\x89PNG\r\n") == "f: magic number 89 50 4e 47 at byte 0: expected 00 00 08 03 (IDX images)");
    CHECK(as_images(labels_header(5) + "12345") ==
          "f: magic number 00 00 08 01 (IDX labels) at byte 0: expected 00 00 08 03 (IDX images)");
    CHECK(as_labels(images_header(1, 1, 1) + "1") ==
          "f: magic number 00 00 08 03 (IDX images) at byte 0: expected 00 00 08 01 (IDX labels)");
    CHECK(as_images(std::string(3, '\0')) ==
          "f: ends too early at byte 3: expected the 4 bytes of an IDX magic number");
    CHECK(as_images(images_header(1, 2, 3).substr(0, 15)) ==
          "f: ends too early at byte 15: expected 3 sizes of 4 bytes");
    CHECK(as_images(images_header(5, 0, 3)) == "f: size 0 at byte 8: expected at least 1");
    CHECK(as_labels(labels_header(0)) == "f: size 0 at byte 4: expected at least 1");
}

TEST_CASE("truncated and oversized files are refused at their byte") {
    const std::string images = images_header(10, 6, 7) + pattern(420), labels = labels_header(4) + std::string(4, '\1');
    CHECK(as_images(images) == "");
    CHECK(as_images(images.substr(0, 435)) ==
          "f: at most 419 bytes of values from byte 16: expected 10x6x7 values, as its header says");
    CHECK(as_images(images + "x") ==
          "f: goes on after its last value at byte 436: expected 10x6x7 values, as its header says");
    CHECK(as_images(gzipped(images.substr(0, 435))) ==
          "f: ends too early at byte 435 of the unpacked data: expected 10x6x7 values, as its header says");
    CHECK(as_images(gzipped(images + "x")) ==
          "f: goes on after its last value at byte 436: expected 10x6x7 values, as its header says");
    CHECK(as_labels(labels.substr(0, 11)) ==
          "f: at most 3 bytes of values from byte 8: expected 4 values, as its header says");
    CHECK(as_labels(labels + "x") ==
          "f: goes on after its last value at byte 12: expected 4 values, as its header says");
}

TEST_CASE("labels outside the classes are refused") {
    CHECK(as_labels(labels_header(3) + "\1\12\2") == "f: label 10 at byte 9: expected 0 … 9");
    CHECK(as_labels(gzipped(labels_header(3) + "\1\2\xff")) == "f: label 255 at byte 10: expected 0 … 9");
}

TEST_CASE("cut and damaged gzip files are refused wherever it happens") {
    const std::string images = images_header(10, 6, 7) + pattern(420), packed = gzipped(images);
    REQUIRE(as_images(packed) == "");
    for (std::size_t n = 2; n < packed.size(); ++n)
        REQUIRE(as_images(packed.substr(0, n)) ==
                "f: gzip data is cut off after byte " + std::to_string(n) + " of the file: expected more of it");
    int damaged = 0;
    for (std::size_t n = 10; n < packed.size(); ++n) { // after the header, which holds a time and the like
        std::string changed = packed;
        changed[n] = static_cast<char>(changed[n] ^ 0x10);
        const std::string line = as_images(changed);
        REQUIRE(line.starts_with("f: "));
        damaged += line.starts_with("f: gzip data is damaged (");
    }
    CHECK(damaged > 200);
    CHECK(as_images(packed + "more") == "f: goes on after its gzip data: expected the end of the file");
    std::string wrong_sum = packed;
    wrong_sum[packed.size() - 8] = static_cast<char>(wrong_sum[packed.size() - 8] + 1);
    CHECK(as_images(wrong_sum) == "f: gzip data is damaged (incorrect data check) at byte 436 of the unpacked data: "
                                  "expected a whole gzip file");
}

TEST_CASE("sizes that a file claims cost no memory") {
    const std::uint32_t most = 0xffffffff;
    const auto peak = [] {
        rusage usage{};
        getrusage(RUSAGE_SELF, &usage);
        return usage.ru_maxrss / 1024;
    };
    const long before = peak(); // MB
    CHECK(as_images(images_header(most, most, most) + "x") ==
          "f: at most 1 bytes of values from byte 16: expected 4294967295x4294967295x4294967295 values, as its header "
          "says");
    // 2^32 · 2^16 · 2^16 = 2^64, which is 0 in 64 bits
    CHECK(as_images(images_header(0x80000000, 0x10000, 0x20000)) ==
          "f: at most 0 bytes of values from byte 16: expected 2147483648x65536x131072 values, as its header says");
    CHECK(as_images(gzipped(images_header(most, most, most))).find("expected 4294967295x4294967295x4294967295") !=
          std::string::npos);
    CHECK(as_labels(labels_header(most)) ==
          "f: at most 0 bytes of values from byte 8: expected 4294967295 values, as its header says");
    // An honest ratio is not refused at once: here 4 GB are claimed, and 5 MB come.
    const std::string noise = [] {
        std::string s(5000000, '\0');
        std::uint32_t x = 1;
        for (char& c : s) c = static_cast<char>((x = x * 1664525 + 1013904223) >> 24);
        return s;
    }();
    CHECK(as_labels(gzipped(labels_header(most) + noise)) ==
          "f: ends too early at byte 5000008 of the unpacked data: expected 4294967295 values, as its header says");
    CHECK(peak() - before < 100);
}
