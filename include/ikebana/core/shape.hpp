// Shape<N...>: the sizes of a tensor as a type. An image is Shape<C,H,W>, a vector Shape<N>; the batch is never part of
// it. Letters used everywhere: N batch, C channels in, K filters, H W rows and columns in, R S kernel rows and columns,
// P Q rows and columns out; for Dense I in, O out.
#pragma once
#if __cplusplus < 202002L
#error "Ikebana needs C++20: compile with -std=c++20"
#endif
#include <array>
#include <cstddef>
#include <span>
#include <string>

namespace ikebana {

/// "20x12x12"
[[gnu::cold]] inline std::string numbers_text(std::span<const int> numbers, const char* separator) {
    std::string s;
    for (const int n : numbers) s.append(s.empty() ? "" : separator).append(std::to_string(n));
    return s;
}

template <int... N>
struct Shape {
    static constexpr int rank = sizeof...(N);
    static constexpr std::size_t size = (std::size_t{1} * ... * static_cast<std::size_t>(N));
    static constexpr std::array<int, sizeof...(N)> sizes{N...};

    template <int... M>
    constexpr bool operator==(Shape<M...>) const {
        if constexpr (sizeof...(M) == sizeof...(N))
            return ((M == N) && ...);
        else
            return false;
    }

    /// "20x12x12"
    static std::string text() { return numbers_text(sizes, "x"); }
};

/// What a network is given, per sample: Input<1,28,28> is one channel of 28 rows and 28 columns.
template <int... N>
struct Input {
    using shape = Shape<N...>;
};

/// Size of axis `Axis` of shape S.
template <class S, int Axis>
inline constexpr int extent = S::sizes[static_cast<std::size_t>(Axis)];

/// Channels of a shape and the number of places each channel has: Shape<C,H,W> has C and H*W, Shape<N> has N and 1.
template <class S>
inline constexpr int channels = S::sizes[0];
template <class S>
inline constexpr int places = static_cast<int>(S::size) / S::sizes[0];

} // namespace ikebana
