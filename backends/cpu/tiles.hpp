// Rows of samples to tiles and back: transposes of samples × features, floats in blocks of 4 columns and as many rows
// as a vector has numbers: what is written is whole vectors. See layers/primitives.hpp.
#pragma once
#include <backends/cpu/backend.hpp>
#include <ikebana/tensor/view.hpp>

#include <algorithm>
#include <cstring>
#include <utility>
#ifdef __AVX__
#include <immintrin.h>
#endif

namespace ikebana::cpu {

/// R floats, of which the compiler knows how to move any (xsimd 8 does not).
template <int R>
struct FloatsOf {
    typedef float type __attribute__((vector_size(sizeof(float) * R)));
};
template <int R>
using Floats = typename FloatsOf<R>::type;

// One instruction, named as such: g++ 12 takes two for a shuffle that says the same.
#if defined(__AVX512F__)
inline constexpr int most_joined = 16;
#elif defined(__AVX__)
inline constexpr int most_joined = 8;
#else
inline constexpr int most_joined = 4;
#endif
#ifdef __AVX__
IKEBANA_INLINE inline Floats<8> join(Floats<4> a, Floats<4> b) {
    return _mm256_insertf128_ps(_mm256_castps128_ps256(a), b, 1);
}
#endif
#ifdef __AVX512F__
IKEBANA_INLINE inline Floats<16> join(Floats<8> a, Floats<8> b) {
    return _mm512_castpd_ps(_mm512_insertf64x4(_mm512_castps_pd(_mm512_castps256_ps512(a)), _mm256_castps_pd(b), 1));
}
#endif

/// Four numbers from each fourth row, next to each other: of row 4 q, numbers 4 q to 4 q + 3.
template <int R>
IKEBANA_INLINE inline Floats<R> fours(const float* from, std::size_t step) {
    if constexpr (R == 4) {
        Floats<4> row;
        std::memcpy(&row, from, sizeof row);
        return row;
    } else
        return join(fours<R / 2>(from, step), fours<R / 2>(from + R / 2 * step, step));
}

/// The first (Half 0) or last two numbers of each four, those of a and b in turns.
template <int R, int Half>
IKEBANA_INLINE inline Floats<R> zip_fours(Floats<R> a, Floats<R> b) {
    return [&]<int... I>(std::integer_sequence<int, I...>) IKEBANA_INLINE {
        return __builtin_shufflevector(a, b, (I % 2 * R + I / 4 * 4 + 2 * Half + I % 4 / 2)...);
    }
    (std::make_integer_sequence<int, R>{});
}

/// put(j · to_step + i, x) for whole blocks of R rows from row i on, which becomes the next one, and of 4 columns.
template <int R, class Put>
IKEBANA_INLINE inline void transposed_blocks(std::size_t& i, std::size_t to_step, const float* from,
                                             std::size_t from_step, std::size_t rows, std::size_t columns, Put put) {
    for (; i + R <= rows; i += R)
        for (std::size_t j = 0; j + 4 <= columns; j += 4) {
            const float* at = from + i * from_step + j;
            const auto a = fours<R>(at, from_step), b = fours<R>(at + from_step, from_step),
                       c = fours<R>(at + 2 * from_step, from_step), d = fours<R>(at + 3 * from_step, from_step);
            const auto ac = zip_fours<R, 0>(a, c), bd = zip_fours<R, 0>(b, d), ac2 = zip_fours<R, 1>(a, c),
                       bd2 = zip_fours<R, 1>(b, d);
            const std::size_t out = j * to_step + i;
            put(out, zip_fours<R, 0>(ac, bd));
            put(out + to_step, zip_fours<R, 1>(ac, bd));
            put(out + 2 * to_step, zip_fours<R, 0>(ac2, bd2));
            put(out + 3 * to_step, zip_fours<R, 1>(ac2, bd2));
        }
}

/// For rows × columns numbers of `from`, put(j · to_step + i, x) gets what belongs there of the transposed: several
/// x at a time, those of successive i, or one.
template <class T, class Put>
IKEBANA_INLINE inline void each_transposed(std::size_t to_step, const T* from, std::size_t from_step, std::size_t rows,
                                           std::size_t columns, Put put) {
    std::size_t whole_rows = 0, whole_columns = 0;
    if constexpr (std::is_same_v<T, float>) {
        if constexpr (most_joined > 4)
            transposed_blocks<most_joined>(whole_rows, to_step, from, from_step, rows, columns, put);
        transposed_blocks<4>(whole_rows, to_step, from, from_step, rows, columns, put);
        whole_columns = columns / 4 * 4;
    }
    for (std::size_t j = 0; j < columns; ++j)
        for (std::size_t i = j < whole_columns ? whole_rows : 0; i < rows; ++i)
            put(j * to_step + i, from[i * from_step + j]);
}

/// to[j · to_step + i] = from[i · from_step + j] for rows × columns numbers of `from`.
template <class T>
IKEBANA_ONCE void transpose(T* to, std::size_t to_step, const T* from, std::size_t from_step, std::size_t rows,
                            std::size_t columns) {
    each_transposed(to_step, from, from_step, rows, columns,
                    [to]<class X>(std::size_t at, const X& x) IKEBANA_INLINE { std::memcpy(to + at, &x, sizeof x); });
}

/// to[j · to_step + i] += from[i · from_step + j].
template <class T>
IKEBANA_ONCE void add_transposed(T* to, std::size_t to_step, const T* from, std::size_t from_step, std::size_t rows,
                                 std::size_t columns) {
    each_transposed(to_step, from, from_step, rows, columns, [to]<class X>(std::size_t at, const X& x) IKEBANA_INLINE {
        X sum;
        std::memcpy(&sum, to + at, sizeof sum);
        sum += x;
        std::memcpy(to + at, &sum, sizeof sum);
    });
}

template <class T, class S, int L>
void load_tile(backend, Tile<T, S, L> to, const T* rows, int count, std::size_t stride) {
    transpose(to.data, L, rows, stride, static_cast<std::size_t>(count), S::size);
    if (count < L)
        for (std::size_t f = 0; f < S::size; ++f)
            std::fill(to.data + f * L + count, to.data + (f + 1) * L, to.data[f * L]);
}

template <class T, class U, class S, int L>
void store_tile(backend, T* rows, int count, std::size_t stride, Tile<U, S, L> from) {
    transpose(rows, stride, static_cast<const T*>(from.data), L, S::size, static_cast<std::size_t>(count));
}

} // namespace ikebana::cpu
