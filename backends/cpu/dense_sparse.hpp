// Dense over a whole batch of rows that are mostly one number, the background of pictures or the zeros of a bag of
// words: only what differs from it is multiplied. With g for that number and W_i, dW_i for columns,
//   y = W x + b = Σ (x_i − g) W_i + (g Σ W_i + b)        dW_i = Σ dy x_i = Σ (x_i − g) dy + g Σ dy
// Terms are listed for pairs of samples, where either differs: so a vector of W_i, with outputs in the lanes, is loaded
// for two samples, and one of dW_i loaded and stored for two. A task transposes its rows of W, a block of columns after
// the other, and its rows of dW back. For 200 × 784 and digits, of whose numbers 19 % are not background (29 % in one
// sample of two), it takes half the time; from 3/8 on it would gain nothing.
// Next to read: dense_batch.hpp, which calls this.
#pragma once
#include <backends/cpu/tiles.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <type_traits>

namespace ikebana::cpu {

/// Numbers from one column of a task's rows to the next, for N rows: whole lines.
constexpr int column_step(int N) { return (N + 15) / 16 * 16; }

/// Columns of W go in blocks that stay in the first level of cache, of 28 KiB.
template <int Rows, class T>
inline constexpr int column_block = 28 * 1024 / (column_step(Rows) * static_cast<int>(sizeof(T)));

/// Where two samples of I numbers differ from the background, and by how much, in the order of columns. Of an odd
/// number of samples, the last is its own partner, without difference.
template <int Rows, int I, class T>
struct PairTerms {
    static constexpr int block = column_block<Rows, T>, blocks = (I + block - 1) / block, step = column_step(Rows);
    static_assert(block * step <= 1 << 16);

    std::array<int, blocks + 1> first; // terms first[b] … first[b + 1] are those of block b
    std::uint16_t column[I];           // · step, within its block
    T difference[I][2];
};

/// Those of a tile's pairs.
template <int Rows, int I, class T>
using TileTerms = PairTerms<Rows, I, T>[backend::lanes<T> / 2];

template <int Rows, int I, class T>
TileTerms<Rows, I, T>& terms_of(BatchMemory memory, int tile) {
    return *reinterpret_cast<TileTerms<Rows, I, T>*>(memory.tile(tile));
}

/// The rows; sparse, if at least 5/8 of the numbers in the first rows of its tiles, of two at most, are the first one.
template <int I, class T>
InputRows<T> find_background(BatchRows<T> rows) {
    const int tiles = std::min(2, (rows.samples + backend::lanes<T> - 1) / backend::lanes<T>);
    const T background = rows.first[0];
    long alike = 0;
    for (int t = 0; t < tiles; ++t) alike += std::count(rows.tile(t), rows.tile(t) + I, background);
    // A difference must not overflow.
    return {rows, 8 * alike >= 5L * tiles * I && std::abs(background) <= T(1e30), background};
}

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

template <int Rows, int I, class T>
IKEBANA_ONCE void list_pair(PairTerms<Rows, I, T>& terms, const T* a, const T* b, T background) {
    using V = xsimd::batch<T>;
    using Pair = PairTerms<Rows, I, T>;
    constexpr int W = width<T>;
    int n = 0;
    for (int block = 0; block < Pair::blocks; ++block) {
        const int begin = block * Pair::block, end = std::min(I, begin + Pair::block), whole = end - (end - begin) % W;
        terms.first[block] = n;
        const auto note = [&](int i) IKEBANA_INLINE {
            terms.column[n] = static_cast<std::uint16_t>((i - begin) * Pair::step);
            terms.difference[n][0] = a[i] - background;
            terms.difference[n][1] = a == b ? T(0) : b[i] - background;
            ++n;
        };
        for (int i = begin; i < whole; i += 64) {
            std::uint64_t differ = 0;
            for (int k = 0; k < std::min(64, whole - i); k += W) { // not by !=, which leaves out NaN with AVX-512
                const auto same =
                    V::load_unaligned(a + i + k) == V(background) && V::load_unaligned(b + i + k) == V(background);
                differ |= std::uint64_t{bits_of_lanes(!same)} << k;
            }
            for (; differ != 0; differ &= differ - 1) note(i + std::countr_zero(differ));
        }
        for (int i = whole; i < end; ++i)
            if (!(a[i] == background && b[i] == background)) note(i);
    }
    terms.first[Pair::blocks] = n;
}

/// f(first sample, last) for the pairs of `tiles` tiles from the first on, samples counted from there.
template <class T, class F>
IKEBANA_INLINE inline void each_pair(BatchRows<T> x, int first, int tiles, F f) {
    const int samples = std::min(tiles * backend::lanes<T>, x.samples - first * backend::lanes<T>);
    for (int n = 0; n < samples; n += 2) f(n, std::min(n + 1, samples - 1));
}

/// Lists the terms of a tile.
template <int Rows, int I, class T>
void list_terms(InputRows<T> x, BatchMemory memory, int tile) {
    each_pair(x, tile, 1, [&](int n, int last) {
        const auto row = [&](int k) { return x.tile(tile) + static_cast<std::size_t>(k) * x.step; };
        list_pair(terms_of<Rows, I, T>(memory, tile)[n / 2], row(n), row(last), x.background);
    });
}

/// Asks for the terms behind the first block.
template <class Pair>
void prefetch_terms(const Pair& terms) {
    for (int e = terms.first[1]; e < terms.first[Pair::blocks]; e += 8) __builtin_prefetch(terms.difference + e);
    for (int e = terms.first[1]; e < terms.first[Pair::blocks]; e += 32) __builtin_prefetch(terms.column + e);
}

/// sums[s][·] += Σ difference[s] · columns[column][·] over a block's terms, C vectors, for both samples.
template <int C, class Pair, class T>
IKEBANA_INLINE inline void add_terms(T* sums, const Pair& terms, int block, const T* columns) {
    using V = xsimd::batch<T>;
    V sum[2][C];
    unroll<2>([&](int s) IKEBANA_INLINE {
        unroll<C>([&](int c) IKEBANA_INLINE { sum[s][c] = V::load_unaligned(sums + s * Pair::step + c * width<T>); });
    });
    for (int e = terms.first[block]; e < terms.first[block + 1]; ++e) {
        const T* column = columns + terms.column[e];
        const V a(terms.difference[e][0]), b(terms.difference[e][1]);
        unroll<C>([&](int c) IKEBANA_INLINE {
            V w = V::load_unaligned(column + c * width<T>);
            keep(w);
            sum[0][c] = xsimd::fma(a, w, sum[0][c]), sum[1][c] = xsimd::fma(b, w, sum[1][c]);
        });
    }
    unroll<2>([&](int s) IKEBANA_INLINE {
        unroll<C>([&](int c) IKEBANA_INLINE { sum[s][c].store_unaligned(sums + s * Pair::step + c * width<T>); });
    });
}

/// columns[column][·] += Σ difference[s] · dy[s][·] over both samples, C vectors, for each of a block's terms.
template <int C, class Pair, class T>
IKEBANA_INLINE inline void spread_terms(T* columns, const Pair& terms, int block, const T* dy) {
    using V = xsimd::batch<T>;
    V d[2][C];
    unroll<2>([&](int s) IKEBANA_INLINE {
        unroll<C>([&](int c) IKEBANA_INLINE { d[s][c] = V::load_unaligned(dy + s * Pair::step + c * width<T>); });
    });
    for (int e = terms.first[block]; e < terms.first[block + 1]; ++e) {
        T* column = columns + terms.column[e];
        const V a(terms.difference[e][0]), b(terms.difference[e][1]);
        unroll<C>([&](int c) IKEBANA_INLINE {
            T* dw = column + c * width<T>;
            xsimd::fma(b, d[1][c], xsimd::fma(a, d[0][c], V::load_unaligned(dw))).store_unaligned(dw);
        });
    }
}

/// Vectors of a task's N outputs that go together in registers.
template <int N, class T>
inline constexpr int outputs_at_once = block_of(column_step(N) / width<T>, 4);

/// Tiles whose sums, or gradients, go together in a block of 16 KiB.
template <int Rows, class T>
inline constexpr int
    sparse_group = std::max(1, 16 * 1024 / (column_step(Rows) * backend::lanes<T> * static_cast<int>(sizeof(T))));

/// sum[·] += Σ rows[n][·] over n < count, for the first N numbers of rows of Step.
template <int N, int Step, class T>
void add_rows(T* sum, const T* rows, int count) {
    for (int n = 0; n < count; ++n, rows += Step)
        for (int k = 0; k < N; ++k) sum[k] += rows[k];
}

/// N rows of y = W x + b from row o on, of tasks of Rows; w and b are those of row o, b may be null. In an early task,
/// the first of its thread perhaps, another thread may have listed the terms: they are asked for during the first
/// block.
template <int N, int Rows, int I, class T, class Y>
void sparse_forward(Y y, int o, const T* w, const T* b, InputRows<T> x, BatchMemory memory, bool early) {
    using Pair = PairTerms<Rows, I, T>;
    constexpr int step = Pair::step, L = Y::lanes, all = column_step(N), C = outputs_at_once<N, T>;
    constexpr int group = sparse_group<Rows, T>;
    for (int first = 0; first < y.count; first += group) {
        const int tiles = std::min(group, y.count - first), samples = std::min(tiles * L, x.samples - first * L);
        alignas(64) T sums[group * L * step], columns[Pair::block * step], total[step];
        std::fill_n(sums, tiles * L * step, T(0));
        std::fill_n(total, step, T(0));
        if constexpr (N < all) std::fill_n(columns, Pair::block * step, T(0));
        for (int block = 0; block < Pair::blocks; ++block) {
            const int begin = block * Pair::block, count = std::min(Pair::block, I - begin);
            transpose(columns, step, w + begin, I, N, static_cast<std::size_t>(count));
            add_rows<all, step>(total, static_cast<const T*>(columns), count);
            each_pair(x, first, tiles, [&](int n, int) IKEBANA_INLINE {
                const Pair& terms = terms_of<Rows, I, T>(memory, first + n / L)[n % L / 2];
                if (early && block == 0) prefetch_terms(terms);
                for (int o = 0; o < all; o += C * width<T>)
                    add_terms<C>(sums + n * step + o, terms, block, static_cast<const T*>(columns) + o);
            });
        }
        for (int k = 0; k < N; ++k) total[k] = x.background * total[k] + (b ? b[k] : T(0));
        for (int n = 0; n < samples; ++n) add_rows<all, step>(sums + n * step, static_cast<const T*>(total), 1);
        for (int n = samples; n < tiles * L; ++n) std::copy_n(sums + n / L * L * step, all, sums + n * step);
        for (int t = 0; t < tiles; ++t) transpose(y[first + t].row(o), L, sums + t * L * step, step, L, N);
    }
}

/// to (N,I) ← N rows of dW from row o on, of tasks of Rows.
template <int N, int Rows, int I, class T, class DY>
void sparse_gradient(T* to, DY dy, int o, InputRows<T> x, BatchMemory memory) {
    using Pair = PairTerms<Rows, I, T>;
    constexpr int step = Pair::step, L = DY::lanes, all = column_step(N), C = outputs_at_once<N, T>;
    constexpr int group = sparse_group<Rows, T>;
    for (int first = 0; first < dy.count; first += group) {
        const int tiles = std::min(group, dy.count - first), samples = std::min(tiles * L, x.samples - first * L);
        alignas(64) T d[group * L * step], columns[Pair::block * step], total[step];
        std::fill_n(d, tiles * L * step, T(0));
        std::fill_n(total, step, T(0));
        for (int t = 0; t < tiles; ++t) transpose(d + t * L * step, step, dy[first + t].row(o), L, N, L);
        add_rows<all, step>(total, static_cast<const T*>(d), samples);
        for (int k = 0; k < step; ++k) total[k] *= x.background;
        for (int block = 0; block < Pair::blocks; ++block) {
            const int begin = block * Pair::block, count = std::min(Pair::block, I - begin);
            for (int i = 0; i < count; ++i) std::copy_n(total, all, columns + i * step);
            if (first > 0)
                for (int k = 0; k < N; ++k)
                    for (int i = 0; i < count; ++i) columns[i * step + k] += to[k * I + begin + i];
            each_pair(x, first, tiles, [&](int n, int) IKEBANA_INLINE {
                const Pair& terms = terms_of<Rows, I, T>(memory, first + n / L)[n % L / 2];
                for (int o = 0; o < all; o += C * width<T>)
                    spread_terms<C>(columns + o, terms, block, static_cast<const T*>(d) + n * step + o);
            });
            transpose(to + begin, I, columns, step, static_cast<std::size_t>(count), N);
        }
    }
}

} // namespace ikebana::cpu
