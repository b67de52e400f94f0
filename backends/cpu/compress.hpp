// Some lanes of a vector, moved next to each other: lists of what differs from the background (dense_sparse.hpp). The
// instruction for it is named as such, as xsimd 8 has none.
#pragma once
#include <backends/cpu/backend.hpp>

#include <array>
#include <bit>
#include <cstdint>
#include <type_traits>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

namespace ikebana::cpu {

/// Bit i is whether lane i is true.
template <class B>
IKEBANA_INLINE inline std::uint32_t bits_of_lanes(B lanes) {
    using V = typename B::batch_type;
    using T = typename V::value_type;
    if constexpr (std::is_convertible_v<B, std::uint32_t>) // with AVX-512 they are a mask
        return lanes;
    else {
        alignas(64) static constexpr auto powers = [] {
            std::array<T, V::size> p{};
            for (std::size_t i = 0; i < V::size; ++i) p[i] = static_cast<T>(1 << i);
            return p;
        }();
        return static_cast<std::uint32_t>(xsimd::hadd(xsimd::select(lanes, V::load_aligned(powers.data()), V(0))));
    }
}

/// Which of L numbers differ from the background: bit i for number i. A NaN does.
template <class T>
IKEBANA_INLINE inline std::uint32_t bits_that_differ(const T* x, T background) {
    using V = xsimd::batch<T>;
    std::uint32_t differ = 0;
    unroll<parts<T>>([&](int part) IKEBANA_INLINE { // not by !=, which leaves out NaN with AVX-512
        const auto same = V::load_unaligned(x + part * width<T>) == V(background);
        differ |= bits_of_lanes(!same) << part * width<T>;
    });
    return differ;
}

/// to ← x[i] − background for each bit i, in order. What follows, of L numbers in all, may be overwritten.
template <class T>
IKEBANA_INLINE inline void store_differences(T* to, const T* x, T background, std::uint32_t bits) {
#ifdef __AVX512F__
    if constexpr (std::is_same_v<T, float>) {
        const __m512 all = _mm512_sub_ps(_mm512_loadu_ps(x), _mm512_set1_ps(background));
        return _mm512_storeu_ps(to, _mm512_maskz_compress_ps(static_cast<__mmask16>(bits), all));
    }
#endif
    for (; bits != 0; bits &= bits - 1) *to++ = x[std::countr_zero(bits)] - background;
}

} // namespace ikebana::cpu
