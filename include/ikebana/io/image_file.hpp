// What is checked of a picture's file before it is decoded: that it is a PNG, JPEG or BMP by its first bytes, that it
// is whole (PNG: chunks with right sums up to IEND; JPEG: markers up to EOI; BMP: as many bytes as its header says),
// and that the size it claims can be in its bytes at all. The decoder by itself takes what is cut off for grey or
// black.
#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <ikebana/core/error.hpp>
#include <ikebana/io/open_file.hpp>
#include <span>
#include <string>
#include <vector>

namespace ikebana::detail {

using ImageBytes = std::span<const std::uint8_t>;

inline constexpr std::size_t largest_image_file = std::size_t{1} << 26; // bytes
inline constexpr std::int64_t largest_image = std::int64_t{1} << 26;    // pixels
inline constexpr int largest_image_side = 32767;

enum class ImageFormat { png, jpeg, bmp, none };

inline ImageFormat image_format(ImageBytes b) {
    const auto begins = [b](std::initializer_list<int> magic) {
        return b.size() >= magic.size() && std::equal(magic.begin(), magic.end(), b.begin());
    };
    if (begins({0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'})) return ImageFormat::png;
    if (begins({0xff, 0xd8, 0xff})) return ImageFormat::jpeg;
    if (begins({'B', 'M'})) return ImageFormat::bmp;
    return ImageFormat::none;
}

/// n bytes at `at` as a number, big or little end first; they must be there.
inline std::uint32_t big_endian(ImageBytes b, std::size_t at, int n = 4) {
    std::uint32_t x = 0;
    for (int i = 0; i < n; ++i) x = x << 8 | b[at + static_cast<std::size_t>(i)];
    return x;
}
inline std::uint32_t little_endian(ImageBytes b, std::size_t at, int n = 4) {
    std::uint32_t x = 0;
    for (int i = n; i-- > 0;) x = x << 8 | b[at + static_cast<std::size_t>(i)];
    return x;
}

/// The CRC of PNG chunks (ISO 3309, polynomial EDB88320 reversed).
inline std::uint32_t png_sum(ImageBytes b) {
    static constexpr auto table = [] {
        std::array<std::uint32_t, 256> t{};
        for (std::uint32_t i = 0; i < 256; ++i) {
            t[i] = i;
            for (int bit = 0; bit < 8; ++bit) t[i] = (t[i] & 1 ? 0xedb88320u : 0u) ^ t[i] >> 1;
        }
        return t;
    }();
    std::uint32_t sum = 0xffffffffu;
    for (const std::uint8_t byte : b) sum = table[(sum ^ byte) & 255] ^ sum >> 8;
    return ~sum;
}

[[noreturn]] inline void cut_off(const std::string& name, std::size_t at, const std::string& expected) {
    throw file_error(name, "ends too early at byte " + std::to_string(at) + ": expected " + expected);
}

inline void check_png(const std::string& name, ImageBytes b) {
    for (std::size_t at = 8;;) {
        if (b.size() - at < 12)
            cut_off(name, b.size(), "a PNG chunk of at least 12 bytes from byte " + std::to_string(at));
        const std::size_t length = big_endian(b, at);
        if (length > b.size() - at - 12)
            cut_off(name, b.size(),
                    "a PNG chunk of " + std::to_string(length + 12) + " bytes from byte " + std::to_string(at));
        if (png_sum(b.subspan(at + 4, length + 4)) != big_endian(b, at + 8 + length))
            throw file_error(name, "damaged PNG: the chunk at byte " + std::to_string(at) + " has a wrong check sum");
        if (at == 8 && (length != 13 || big_endian(b, at + 4) != 0x49484452))
            throw file_error(name, "damaged PNG: expected its header (IHDR) at byte 8");
        if (big_endian(b, at + 4) == 0x49454e44) return; // IEND
        at += length + 12;
    }
}

/// Notes the Huffman tables of the segment b[at, end) in `known`, bit 4·class + number. A table is its class and
/// number, 16 counts of codes by length, and that many values; real ones have at most 176 codes, the decoder has room
/// for 255.
inline void check_huffman_tables(const std::string& name, ImageBytes b, std::size_t at, std::size_t end,
                                 unsigned& known) {
    while (at < end) {
        std::size_t codes = 0;
        for (std::size_t i = 1; i <= 16 && at + i < end; ++i) codes += b[at + i];
        if (codes > 255 || at + 17 + codes > end)
            throw file_error(name, "damaged JPEG: the Huffman table at byte " + std::to_string(at) + " has " +
                                       std::to_string(codes) + " codes: expected at most 255, all in its segment");
        known |= 1u << ((b[at] >> 4 & 1) * 4 + (b[at] & 3));
        at += 17 + codes;
    }
}

/// Checks that the scan header b[at, end) names tables that were given: the decoder takes any. Its components, two
/// bytes each, are followed by the first and last coefficient and, in progressive files, what of the bits came before.
inline void check_scan(const std::string& name, ImageBytes b, std::size_t at, std::size_t end, bool progressive,
                       unsigned known) {
    const std::size_t components = at < end ? b[at] : 0;
    if (at + 4 + 2 * components > end)
        throw file_error(name, "damaged JPEG: short scan header at byte " + std::to_string(at));
    const int first = b[at + 1 + 2 * components];
    const bool refines = b[at + 3 + 2 * components] >> 4 != 0;
    for (std::size_t i = 0; i < components; ++i) {
        const int tables = b[at + 2 + 2 * i];
        unsigned needed = 0;
        if (!progressive || (first == 0 && !refines)) needed |= 1u << (tables >> 4 & 3);
        if (!progressive || first > 0) needed |= 1u << (4 + (tables & 3));
        if ((needed & ~known) != 0)
            throw file_error(name, "damaged JPEG: the scan at byte " + std::to_string(at) +
                                       " uses a Huffman table that is missing");
    }
}

inline void check_jpeg(const std::string& name, ImageBytes b) {
    std::size_t at = 2;
    unsigned known = 0; // Huffman tables
    bool progressive = false;
    while (true) {
        if (at + 2 > b.size()) cut_off(name, b.size(), "a JPEG marker");
        if (b[at] != 0xff) throw file_error(name, "damaged JPEG: byte " + std::to_string(at) + " is no marker");
        const int marker = b[at + 1];
        if (marker == 0xff) { // fill bytes may stand before a marker
            ++at;
            continue;
        }
        if (marker == 0xd9) return; // EOI
        if (at + 4 > b.size()) cut_off(name, b.size(), "a JPEG segment");
        const std::size_t begin = at + 4;
        at += 2 + big_endian(b, at + 2, 2);
        if (at > b.size()) cut_off(name, b.size(), "a JPEG segment up to byte " + std::to_string(at));
        if (marker == 0xc2) progressive = true;                              // SOF2
        if (marker == 0xc4) check_huffman_tables(name, b, begin, at, known); // DHT
        if (marker != 0xda) continue;
        check_scan(name, b, begin, at, progressive, known); // SOS
        // Coded data follow, up to the next marker that is neither stuffing nor restart.
        while (at + 1 < b.size() && (b[at] != 0xff || b[at + 1] == 0 || (b[at + 1] >= 0xd0 && b[at + 1] <= 0xd7))) ++at;
    }
}

inline void check_bmp(const std::string& name, ImageBytes b) {
    if (b.size() < 26) cut_off(name, b.size(), "a BMP header of at least 26 bytes");
    const bool old = little_endian(b, 14) == 12;
    if (!old && b.size() < 54) cut_off(name, b.size(), "a BMP header of at least 54 bytes");
    const auto columns = old ? little_endian(b, 18, 2) : little_endian(b, 18);
    const auto rows = old ? little_endian(b, 20, 2) : little_endian(b, 22);
    const auto upright = static_cast<std::int32_t>(rows) < 0 ? 0u - rows : rows; // a negative height: top row first
    const std::uint64_t bits = little_endian(b, old ? 24 : 28, 2);
    if (!old && (little_endian(b, 30) == 1 || little_endian(b, 30) == 2))
        throw file_error(name, "run-length coded BMP: expected one without compression");
    if (columns > static_cast<unsigned>(largest_image_side) || upright > static_cast<unsigned>(largest_image_side) ||
        bits > 32)
        return; // refused by check_image_size or the decoder
    const std::uint64_t end = little_endian(b, 10) + (columns * bits + 31) / 32 * 4 * upright;
    if (end > b.size()) cut_off(name, b.size(), "a BMP of " + std::to_string(end) + " bytes, as its header says");
}

/// All bytes of a file that is a whole PNG, JPEG or BMP. Throws file_error for any other.
inline std::vector<std::uint8_t> read_image_file(const std::filesystem::path& path) {
    const std::string name = path.string();
    const OpenFile file = open_file(path);
    if (file.size > largest_image_file)
        throw file_error(name, "has " + std::to_string(file.size) + " bytes: expected a picture of at most " +
                                   std::to_string(largest_image_file));
    std::vector<std::uint8_t> bytes(file.size);
    bytes.resize(read_file(file, name, bytes.data(), bytes.size()));
    switch (image_format(bytes)) {
    case ImageFormat::png:
        check_png(name, bytes);
        break;
    case ImageFormat::jpeg:
        check_jpeg(name, bytes);
        break;
    case ImageFormat::bmp:
        check_bmp(name, bytes);
        break;
    case ImageFormat::none:
        throw file_error(name, "not a picture: expected a PNG, JPEG or BMP file");
    }
    return bytes;
}

/// Refuses a claimed size beyond the limits, or beyond what the file's bytes could hold at the formats' best ratios:
/// deflate's 1032, and one bit for 64 pixels of JPEG. (BMP was checked to the byte.)
inline void check_image_size(const std::string& name, ImageBytes b, int columns, int rows) {
    const std::int64_t pixels = std::int64_t{columns} * rows;
    const std::string size = std::to_string(columns) + "x" + std::to_string(rows) + " pixels";
    if (columns < 1 || rows < 1 || columns > largest_image_side || rows > largest_image_side || pixels > largest_image)
        throw file_error(name, size + ": expected 1 … " + std::to_string(largest_image_side) + " a side and at most " +
                                   std::to_string(largest_image) + " together");
    const ImageFormat format = image_format(b);
    const auto bytes = static_cast<std::int64_t>(b.size());
    std::int64_t bits = 0; // at least, of all pixels
    if (format == ImageFormat::png) {
        const int channels[] = {1, 1, 3, 1, 2, 1, 4, 1};
        bits = pixels * b[24] * channels[b[25] & 7] / 1032;
    } else if (format == ImageFormat::jpeg)
        bits = pixels / 64;
    if (bits / 8 > bytes) throw file_error(name, size + ": more than its " + std::to_string(bytes) + " bytes can hold");
}

} // namespace ikebana::detail
