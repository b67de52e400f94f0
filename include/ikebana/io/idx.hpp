// IDX files, the form of MNIST, plain or gzipped (told apart by their first bytes, not by name):
//   magic 00 00 08 D (8-bit values, D dimensions), D sizes of four bytes, big end first, then the values.
// Images have D = 3: (count, rows, columns); labels D = 1. A file is believed only as far as its bytes reach: sizes are
// checked against the plain file before anything is allocated, and gzipped values are kept as they come.
// Read next: io/mnist.hpp.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <ikebana/core/arena.hpp>
#include <ikebana/core/error.hpp>
#include <ikebana/io/byte_source.hpp>
#include <string>
#include <vector>

namespace ikebana {

struct IdxImages {
    std::size_t count = 0, rows = 0, columns = 0;
    std::vector<std::uint8_t, LargePages<std::uint8_t>> pixels; // (count, rows, columns), 0 … 255

    const std::uint8_t* image(std::size_t i) const { return pixels.data() + i * rows * columns; }
};

namespace detail {

/// The dimensions of an IDX file of 8-bit values, whose number is expected to be D.
template <std::size_t D>
std::array<std::uint32_t, D> read_idx_sizes(ByteSource& in) {
    const auto kind = [](std::size_t dimensions) {
        return dimensions == 1   ? std::string("labels")
               : dimensions == 3 ? std::string("images")
                                 : std::string("values");
    };
    std::array<std::uint8_t, 4> magic;
    if (in.read(magic.data(), 4) < 4) in.fail("ends too early", "the 4 bytes of an IDX magic number");
    if (magic != std::array<std::uint8_t, 4>{0, 0, 8, D}) {
        std::string given = "magic number ";
        for (const std::uint8_t byte : magic) {
            constexpr char hex[] = "0123456789abcdef";
            given += {hex[byte >> 4], hex[byte & 15], ' '};
        }
        if (magic[0] == 0 && magic[1] == 0 && magic[2] == 8) given += "(IDX " + kind(magic[3]) + ") ";
        throw file_error(in.name(),
                         given + "at byte 0: expected 00 00 08 0" + std::to_string(D) + " (IDX " + kind(D) + ")");
    }
    std::array<std::uint32_t, D> sizes;
    for (std::uint32_t& size : sizes) {
        std::array<std::uint8_t, 4> b;
        if (in.read(b.data(), 4) < 4) in.fail("ends too early", std::to_string(D) + " sizes of 4 bytes");
        size = std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 | b[3];
        if (size == 0)
            throw file_error(in.name(), "size 0 at byte " + std::to_string(in.offset() - 4) + ": expected at least 1");
    }
    return sizes;
}

/// The values of an IDX file, `sizes` of them and then the end of the file.
template <class Vector, std::size_t D>
Vector read_idx_values(ByteSource& in, const std::array<std::uint32_t, D>& sizes) {
    std::uint64_t wanted = 1;
    std::string shape;
    for (const std::uint32_t size : sizes) {
        shape += (shape.empty() ? "" : "x");
        shape += std::to_string(size);
        if (__builtin_mul_overflow(wanted, std::uint64_t{size}, &wanted)) wanted = UINT64_MAX;
    }
    const std::string expected = shape + " values, as its header says";
    if (wanted > in.at_most())
        throw file_error(in.name(), "at most " + std::to_string(in.at_most()) + " bytes of values from byte " +
                                        std::to_string(in.offset()) + ": expected " + expected);
    Vector values;
    while (values.size() < wanted) {
        const std::size_t have = values.size();
        const std::size_t room = in.packed() ? std::max<std::size_t>(have, std::size_t{1} << 20) : wanted;
        values.resize(have + std::min<std::uint64_t>(room, wanted - have));
        const std::size_t got = in.read(values.data() + have, values.size() - have);
        if (have + got < values.size()) in.fail("ends too early", expected);
    }
    std::uint8_t more;
    if (in.read(&more, 1) == 1)
        throw file_error(in.name(), "goes on after its last value at byte " + std::to_string(in.offset() - 1) +
                                        ": expected " + expected);
    return values;
}

} // namespace detail

/// Reads images, 8-bit grey levels. Throws file_error for a file that is anything else.
inline IdxImages read_idx_images(const std::filesystem::path& path) {
    detail::ByteSource in(path);
    const auto sizes = detail::read_idx_sizes<3>(in);
    return {sizes[0], sizes[1], sizes[2], detail::read_idx_values<decltype(IdxImages::pixels)>(in, sizes)};
}

/// Reads labels 0 … classes−1. Throws file_error for a file that is anything else.
inline std::vector<std::uint8_t> read_idx_labels(const std::filesystem::path& path, int classes = 256) {
    detail::ByteSource in(path);
    auto labels = detail::read_idx_values<std::vector<std::uint8_t>>(in, detail::read_idx_sizes<1>(in));
    const auto wrong = std::find_if(labels.begin(), labels.end(), [classes](int label) { return label >= classes; });
    if (wrong != labels.end())
        throw file_error(in.name(), "label " + std::to_string(*wrong) + " at byte " +
                                        std::to_string(8 + (wrong - labels.begin())) + ": expected 0 … " +
                                        std::to_string(classes - 1));
    return labels;
}

} // namespace ikebana
