// Pictures as networks take them: any PNG, JPEG or BMP, colour or grey, any size, becomes grey as ITU-R 601 luma (alpha
// is left out), Lanczos-resampled with antialiasing to the shape asked for, and x / 255 · 2 − 1. The numbers are
// Pillow's (convert('L'), resize with LANCZOS), to one grey level; of 16-bit pictures the upper 8 bits are taken. Needs
// stb_image.h, nothing to link. Read next: resample.hpp (the filter), image_file.hpp (the checks before decoding).
#pragma once
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <ikebana/core/error.hpp>
#include <ikebana/core/shape.hpp>
#include <ikebana/io/image_file.hpp>
#include <ikebana/io/resample.hpp>
#include <ikebana/io/stb_image.hpp>
#include <ikebana/tensor/batch_tensor.hpp>
#include <ikebana/tensor/scale.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace ikebana {

/// The picture as grey levels, in its own size. Throws file_error for a file that is no whole PNG, JPEG or BMP, or has
/// more than 32,767 columns or rows or 2^26 pixels.
inline GreyImage read_grey_image(const std::filesystem::path& path) {
    const std::string name = path.string();
    const auto bytes = detail::read_image_file(path);
    const auto size = static_cast<int>(bytes.size());
    int columns = 0, rows = 0, channels = 0;
    if (!detail::stb::stbi_info_from_memory(bytes.data(), size, &columns, &rows, &channels))
        throw file_error(name,
                         std::string("not a picture that can be read (") + detail::stb::stbi_failure_reason() + ")");
    detail::check_image_size(name, bytes, columns, rows);
    const std::unique_ptr<std::uint8_t, void (*)(void*)> pixels(
        detail::stb::stbi_load_from_memory(bytes.data(), size, &columns, &rows, &channels, 0),
        detail::stb::stbi_image_free);
    if (!pixels) throw file_error(name, std::string("damaged picture (") + detail::stb::stbi_failure_reason() + ")");

    GreyImage grey{columns, rows,
                   std::vector<std::uint8_t>(static_cast<std::size_t>(columns) * static_cast<std::size_t>(rows))};
    const std::uint8_t* from = pixels.get();
    for (auto& level : grey.pixels) {
        level = channels < 3 ? from[0] : luma(from[0], from[1], from[2]);
        from += channels;
    }
    return grey;
}

/// The picture as an input of shape S = Shape<1,H,W>, values in [−1, 1]. Throws file_error as read_grey_image does.
template <class S>
BatchTensor<float, 3> read_image(const std::filesystem::path& path) {
    static_assert(S::rank == 3 && S::sizes[0] == 1, "a picture is read as grey levels: Shape<1,H,W>");
    const GreyImage grey = resample(read_grey_image(path), S::sizes[2], S::sizes[1]);
    BatchTensor<float, 3> x(std::array<std::size_t, 3>{1, S::sizes[1], S::sizes[2]});
    std::transform(grey.pixels.begin(), grey.pixels.end(), x.data(), scaled);
    return x;
}

} // namespace ikebana
