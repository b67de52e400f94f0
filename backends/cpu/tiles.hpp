// Rows of samples to tiles and back: transposes of samples × features, in blocks of 4×4 floats where there is a vector
// of four. See layers/primitives.hpp.
#pragma once
#include <backends/cpu/backend.hpp>
#include <ikebana/tensor/view.hpp>

#include <algorithm>

namespace ikebana::cpu {

/// For rows × columns numbers of `from`, put(j · to_step + i, x) gets what belongs there of the transposed: several
/// x at a time, those of successive i, or one.
template <class T, class Put>
IKEBANA_INLINE inline void each_transposed(std::size_t to_step, const T* from, std::size_t from_step, std::size_t rows,
                                           std::size_t columns, Put put) {
    std::size_t whole_rows = 0, whole_columns = 0;
    using Four = xsimd::make_sized_batch_t<T, 4>;
    if constexpr (std::is_same_v<T, float> && !std::is_void_v<Four>) {
        whole_rows = rows / 4 * 4, whole_columns = columns / 4 * 4;
        for (std::size_t j = 0; j < whole_columns; j += 4)
            for (std::size_t i = 0; i < whole_rows; i += 4) {
                const T* at = from + i * from_step + j;
                const Four a = Four::load_unaligned(at), b = Four::load_unaligned(at + from_step),
                           c = Four::load_unaligned(at + 2 * from_step), d = Four::load_unaligned(at + 3 * from_step);
                const Four ac = xsimd::zip_lo(a, c), bd = xsimd::zip_lo(b, d), ac2 = xsimd::zip_hi(a, c),
                           bd2 = xsimd::zip_hi(b, d);
                const std::size_t out = j * to_step + i;
                put(out, xsimd::zip_lo(ac, bd));
                put(out + to_step, xsimd::zip_hi(ac, bd));
                put(out + 2 * to_step, xsimd::zip_lo(ac2, bd2));
                put(out + 3 * to_step, xsimd::zip_hi(ac2, bd2));
            }
    }
    for (std::size_t j = 0; j < columns; ++j)
        for (std::size_t i = j < whole_columns ? whole_rows : 0; i < rows; ++i)
            put(j * to_step + i, from[i * from_step + j]);
}

/// to[j · to_step + i] = from[i · from_step + j] for rows × columns numbers of `from`.
template <class T>
IKEBANA_ONCE void transpose(T* to, std::size_t to_step, const T* from, std::size_t from_step, std::size_t rows,
                            std::size_t columns) {
    each_transposed(to_step, from, from_step, rows, columns, [to]<class X>(std::size_t at, const X& x) IKEBANA_INLINE {
        if constexpr (std::is_same_v<X, T>)
            to[at] = x;
        else
            x.store_unaligned(to + at);
    });
}

/// to[j · to_step + i] += from[i · from_step + j].
template <class T>
IKEBANA_ONCE void add_transposed(T* to, std::size_t to_step, const T* from, std::size_t from_step, std::size_t rows,
                                 std::size_t columns) {
    each_transposed(to_step, from, from_step, rows, columns, [to]<class X>(std::size_t at, const X& x) IKEBANA_INLINE {
        if constexpr (std::is_same_v<X, T>)
            to[at] += x;
        else
            (X::load_unaligned(to + at) + x).store_unaligned(to + at);
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
