// Grey levels and their resampling with the Lanczos filter, a = 3: L(x) = sinc(x) · sinc(x / 3) for |x| < 3. Where the
// picture gets smaller the filter is stretched by the ratio (antialiasing). Columns first, then rows, each pass rounded
// to 8 bits; weights are integers of 22 binary places. That is Pillow's arithmetic, so that results agree with it.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace ikebana {

struct GreyImage {
    int columns = 0, rows = 0;
    std::vector<std::uint8_t> pixels; // (rows, columns), 0 … 255
};

/// ITU-R 601 luma, 0.299 R + 0.587 G + 0.114 B, in 16 binary places.
constexpr std::uint8_t luma(std::uint8_t red, std::uint8_t green, std::uint8_t blue) {
    return static_cast<std::uint8_t>((red * 19595u + green * 38470u + blue * 7471u + 0x8000u) >> 16);
}

namespace detail {

inline double lanczos3(double x) {
    const auto sinc = [](double t) {
        t *= 3.14159265358979323846;
        return t == 0.0 ? 1.0 : std::sin(t) / t;
    };
    return x >= -3.0 && x < 3.0 ? sinc(x) * sinc(x / 3.0) : 0.0;
}

/// What an output place takes from the input line: places first, first+1, … with these weights (sum 2^22).
struct Taps {
    int first = 0;
    std::vector<int> weights;
};

inline constexpr int weight_bits = 22;

/// The taps of each of `to` output places over a line of `from`.
inline std::vector<Taps> lanczos_taps(int from, int to) {
    const double ratio = static_cast<double>(from) / to, stretch = std::max(ratio, 1.0), support = 3.0 * stretch;
    std::vector<Taps> taps(static_cast<std::size_t>(to));
    std::vector<double> real;
    for (int place = 0; place < to; ++place) {
        const double centre = (place + 0.5) * ratio;
        const int first = std::max(static_cast<int>(centre - support + 0.5), 0);
        const int last = std::min(static_cast<int>(centre + support + 0.5), from); // one past
        double sum = 0;
        real.clear();
        for (int i = first; i < last; ++i) {
            real.push_back(lanczos3((i - centre + 0.5) / stretch));
            sum += real.back();
        }
        auto& at = taps[static_cast<std::size_t>(place)];
        at.first = first;
        for (const double weight : real)
            at.weights.push_back(static_cast<int>(std::lround(weight / sum * (1 << weight_bits))));
    }
    return taps;
}

/// One output level from levels `stride` apart.
inline std::uint8_t weighted(const Taps& taps, const std::uint8_t* line, std::ptrdiff_t stride) {
    std::int64_t sum = std::int64_t{1} << (weight_bits - 1);
    const std::uint8_t* from = line + taps.first * stride;
    for (const int weight : taps.weights) {
        sum += std::int64_t{weight} * *from;
        from += stride;
    }
    return static_cast<std::uint8_t>(std::clamp<std::int64_t>(sum >> weight_bits, 0, 255));
}

} // namespace detail

/// The picture in another size (both at least 1). A side that keeps its length is not filtered.
inline GreyImage resample(GreyImage in, int columns, int rows) {
    if (columns != in.columns) {
        const auto taps = detail::lanczos_taps(in.columns, columns);
        GreyImage out{columns, in.rows, {}};
        out.pixels.reserve(static_cast<std::size_t>(columns) * static_cast<std::size_t>(in.rows));
        for (std::ptrdiff_t row = 0; row < in.rows; ++row)
            for (const auto& at : taps)
                out.pixels.push_back(detail::weighted(at, in.pixels.data() + row * in.columns, 1));
        in = std::move(out);
    }
    if (rows != in.rows) {
        GreyImage out{columns, rows, {}};
        out.pixels.reserve(static_cast<std::size_t>(columns) * static_cast<std::size_t>(rows));
        for (const auto& at : detail::lanczos_taps(in.rows, rows))
            for (std::ptrdiff_t column = 0; column < columns; ++column)
                out.pixels.push_back(detail::weighted(at, in.pixels.data() + column, columns));
        in = std::move(out);
    }
    return in;
}

} // namespace ikebana
