// What holds for some lanes of a vector, as bits of an integer: dense_sparse.hpp walks over those that are set. The
// instructions are named as such, as xsimd 8 has no function for them.
#pragma once
#include <backends/cpu/backend.hpp>

#include <array>
#include <cstdint>
#include <type_traits>
#ifdef __SSE2__
#include <immintrin.h>
#endif

namespace ikebana::cpu {

/// Bit i is whether lane i is true: what any instruction set can say.
template <class V>
IKEBANA_INLINE inline std::uint32_t bits_by_sum(typename V::batch_bool_type lanes) {
    using T = typename V::value_type;
    alignas(64) static constexpr auto powers = [] {
        std::array<T, V::size> p{};
        for (std::size_t i = 0; i < V::size; ++i) p[i] = static_cast<T>(1 << i);
        return p;
    }();
    return static_cast<std::uint32_t>(xsimd::hadd(xsimd::select(lanes, V::load_aligned(powers.data()), V(0))));
}

/// The same by one instruction, where there is one.
template <class V>
IKEBANA_INLINE inline std::uint32_t bits_of_lanes(typename V::batch_bool_type lanes) {
    using T = typename V::value_type;
    const auto mask = lanes.data;
    [[maybe_unused]] constexpr std::size_t f = std::is_same_v<T, float> ? sizeof mask : 0,
                                           d = std::is_same_v<T, double> ? sizeof mask : 0;
    if constexpr (V::size * sizeof(T) == 64) // AVX-512: a mask already
        return mask;
#ifdef __AVX__
    else if constexpr (f == 32)
        return static_cast<std::uint32_t>(_mm256_movemask_ps(mask));
    else if constexpr (d == 32)
        return static_cast<std::uint32_t>(_mm256_movemask_pd(mask));
#endif
#ifdef __SSE2__
    else if constexpr (f == 16)
        return static_cast<std::uint32_t>(_mm_movemask_ps(mask));
    else if constexpr (d == 16)
        return static_cast<std::uint32_t>(_mm_movemask_pd(mask));
#endif
    else
        return bits_by_sum<V>(lanes);
}

/// Which of L numbers differ from the background: bit i for number i. A NaN does.
template <class T>
IKEBANA_INLINE inline std::uint32_t bits_that_differ(const T* x, T background) {
    using V = xsimd::batch<T>;
    constexpr std::uint32_t all = (1u << backend::lanes<T>)-1;
    std::uint32_t same = 0;
    unroll<parts<T>>([&](int part) IKEBANA_INLINE { // not by !=, which leaves out NaN with AVX-512
        same |= bits_of_lanes<V>(V::load_unaligned(x + part * width<T>) == V(background)) << part * width<T>;
    });
    return ~same & all;
}

/// Bytes 0, 2, 4 and 6 next to each other.
constexpr std::uint64_t even_bytes(std::uint64_t x) {
    x &= 0x00ff00ff00ff00ff;
    x = (x | x >> 8) & 0x0000ffff0000ffff;
    return (x | x >> 16) & 0xffffffff;
}

/// Eight rows of eight bits, row r in bits 8 r to 8 r + 7, turned: bit c of row r goes to bit r of row c. Squares of 1,
/// 2 and 4 bits beside the diagonal change places (Warren, Hacker's Delight, 7-3).
constexpr std::uint64_t turned_bits(std::uint64_t x) {
    const auto change = [&x](int distance, std::uint64_t squares) {
        const std::uint64_t differ = (x ^ x >> distance) & squares;
        x ^= differ ^ differ << distance;
    };
    change(7, 0x00aa00aa00aa00aa), change(14, 0x0000cccc0000cccc), change(28, 0x00000000f0f0f0f0);
    return x;
}

} // namespace ikebana::cpu
