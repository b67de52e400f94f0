// Dense with 16 samples in the lanes. x (I), y (O), w (O,I), b (O).
//   forward          blocks of outputs in registers; a value of x meets all weights of the block (broadcast from
//   memory) backward_input   blocks of inputs in registers, a cache line of weights at a time backward_weight  dW += dy
//   xᵀ sums over samples, so x is transposed to [sample][i] first and the lanes run over i;
//                    a block of dW is loaded once, 16 samples are added, and stored: no horizontal sums
//   batch_gradient   for large W, once a batch instead: every tile keeps its transposed x, and a block of dW is summed
//                    over all samples in registers and written once, some rows of dW a task
// Blocks that don't divide the size overlap the block before (forward, input), which writes the same values twice.
#pragma once
#include <backends/cpu/reduce.hpp>
#include <backends/cpu/tiles.hpp>
#include <ikebana/layers/primitives.hpp>

namespace ikebana::cpu {

/// Columns of the transposed x: I rounded up to whole vectors.
template <class T>
constexpr int padded_inputs(int I) {
    return (I + width<T> - 1) / width<T> * width<T>;
}

/// Rows of W in a task of the gradient over a whole batch.
template <int O>
inline constexpr int batch_rows = block_of(O, registers == 32 ? 10 : 5);

/// Tasks of the gradient over a whole batch; 0: it is taken tile by tile. From 64 KiB of weights on, adding to dW for
/// every tile costs more in memory than in arithmetic.
template <int O, int I, class T>
constexpr int dense_batch_tasks(backend, Shape<O, I>, T) {
    return sizeof(T) * O * I < (1 << 16) ? 0 : (O + batch_rows<O> - 1) / batch_rows<O>;
}

/// Where a task's rows of W lie: {first element, elements}.
template <int O, int I>
constexpr std::pair<std::size_t, std::size_t> dense_batch_range(backend, Shape<O, I>, int task) {
    const int first = task * batch_rows<O>, rows = std::min(batch_rows<O>, O - first);
    return {static_cast<std::size_t>(first) * I, static_cast<std::size_t>(rows) * I};
}

/// The transposed x, which is kept for the gradient over a batch.
template <int O, int I, class T>
constexpr std::size_t dense_scratch_bytes(backend, Shape<O, I> shape, T) {
    return dense_batch_tasks(backend{}, shape, T{}) > 0 ? 0 : sizeof(T) * padded_inputs<T>(I) * backend::lanes<T>;
}
template <int O, int I, class T>
constexpr std::size_t dense_cache_bytes(backend, Shape<O, I> shape, T) {
    return dense_batch_tasks(backend{}, shape, T{}) == 0 ? 0 : sizeof(T) * padded_inputs<T>(I) * backend::lanes<T>;
}

/// y = W x + b
template <class Y, class X, class W, class B>
void dense_forward(backend, Y y, X x, W w, B b) {
    using T = typename Y::element;
    using V = xsimd::batch<T>;
    constexpr int O = Y::shape::sizes[0], I = X::shape::size, L = Y::lanes;
    constexpr int block = std::min(O, registers == 32 ? 16 : 8);
    for (int o0 = 0; o0 < O; o0 += block) {
        const int o = std::min(o0, O - block);
        const T* wo = w.data + static_cast<std::size_t>(o) * I;
        for (int lane = 0; lane < L; lane += width<T>) {
            V sum[block];
            unroll<block>([&](int k) IKEBANA_INLINE {
                if constexpr (is_nothing<B>)
                    sum[k] = V(0);
                else
                    sum[k] = V(b[static_cast<std::size_t>(o + k)]);
            });
            for (int i = 0; i < I; ++i) {
                const V xi = V::load_unaligned(x.row(i) + lane);
                unroll<block>([&](int k) IKEBANA_INLINE {
                    sum[k] = xsimd::fma(xi, V(wo[static_cast<std::size_t>(k) * I + i]), sum[k]);
                });
            }
            unroll<block>([&](int k) IKEBANA_INLINE { sum[k].store_unaligned(y.row(o + k) + lane); });
        }
    }
}

/// dx = Wᵀ dy
template <class DX, class W, class DY>
void dense_backward_input(backend, DX dx, W w, DY dy) {
    using T = typename DX::element;
    using V = xsimd::batch<T>;
    constexpr int O = DY::shape::sizes[0], I = DX::shape::size, L = DX::lanes;
    constexpr int block = std::min(I, registers == 32 ? 16 : 8);
    for (int i0 = 0; i0 < I; i0 += block) {
        const int i = std::min(i0, I - block);
        for (int lane = 0; lane < L; lane += width<T>) {
            V sum[block];
            unroll<block>([&](int k) IKEBANA_INLINE { sum[k] = V(0); });
            for (int o = 0; o < O; ++o) {
                const V d = V::load_unaligned(dy.row(o) + lane);
                const T* wo = w.data + static_cast<std::size_t>(o) * I + i;
                unroll<block>([&](int k) IKEBANA_INLINE { sum[k] = xsimd::fma(d, V(wo[k]), sum[k]); });
            }
            unroll<block>([&](int k) IKEBANA_INLINE { sum[k].store_unaligned(dx.row(i + k) + lane); });
        }
    }
}

/// dW[o … o + BO)[i … i + BI vectors) += Σ over the tile's samples; xt is [sample][columns].
template <int BO, int BI, int I, class T>
IKEBANA_INLINE inline void dense_weight_block(T* dw, const T* dy, const T* xt, int columns) {
    using V = xsimd::batch<T>;
    constexpr int L = backend::lanes<T>;
    V sum[BO][BI];
    unroll<BO>([&](int o) IKEBANA_INLINE { unroll<BI>([&](int i) IKEBANA_INLINE { sum[o][i] = V(0); }); });
    for (int n = 0; n < L; ++n) {
        V x[BI];
        unroll<BI>([&](int i) IKEBANA_INLINE { x[i] = V::load_unaligned(xt + n * columns + i * width<T>); });
        unroll<BO>([&](int o) IKEBANA_INLINE {
            const V d(dy[o * L + n]);
            unroll<BI>([&](int i) IKEBANA_INLINE { sum[o][i] = xsimd::fma(d, x[i], sum[o][i]); });
        });
    }
    unroll<BO>([&](int o) IKEBANA_INLINE {
        unroll<BI>([&](int i) IKEBANA_INLINE {
            T* to = dw + static_cast<std::size_t>(o) * I + i * width<T>;
            (V::load_unaligned(to) + sum[o][i]).store_unaligned(to);
        });
    });
}

/// The last I mod width columns of dW, for one output.
template <int I, class T>
void dense_weight_rest(T* dw, const T* dy, const T* xt, int columns) {
    using V = xsimd::batch<T>;
    V sum(0);
    for (int n = 0; n < backend::lanes<T>; ++n) sum = xsimd::fma(V(dy[n]), V::load_unaligned(xt + n * columns), sum);
    alignas(64) T rest[width<T>];
    sum.store_unaligned(rest);
    for (int i = 0; i < I % width<T>; ++i) dw[i] += rest[i];
}

/// to [sample][columns] ← x, zeros behind the last input.
template <class T, class X>
void keep_rows(T* to, X x) {
    constexpr int I = X::shape::size, L = X::lanes, columns = padded_inputs<T>(I);
    store_tile(backend{}, to, L, columns, x);
    for (int n = 0; n < L; ++n) std::fill(to + n * columns + I, to + (n + 1) * columns, T(0));
}

template <class DW, class DY, class X>
void dense_backward_weight(backend, DW dw, DY dy, X x, std::byte* scratch) {
    using T = typename DW::element;
    constexpr int O = DY::shape::sizes[0], I = X::shape::size, L = X::lanes;
    constexpr int columns = padded_inputs<T>(I), whole = I / width<T>; // vectors
    T* xt = reinterpret_cast<T*>(scratch);
    keep_rows(xt, x);

    constexpr int BO = std::min(O, 4), BI = registers == 32 ? 4 : 2;
    const auto outputs = [&]<int N>(std::integral_constant<int, N>, int o) {
        T* to = dw.data + static_cast<std::size_t>(o) * I;
        const T* d = dy.row(o);
        int v = 0;
        for (; v + BI <= whole; v += BI) dense_weight_block<N, BI, I>(to + v * width<T>, d, xt + v * width<T>, columns);
        if constexpr (whole % BI != 0)
            for (; v < whole; ++v) dense_weight_block<N, 1, I>(to + v * width<T>, d, xt + v * width<T>, columns);
        if constexpr (I % width<T> != 0)
            for (int k = 0; k < N; ++k)
                dense_weight_rest<I>(to + static_cast<std::size_t>(k) * I + whole * width<T>, d + k * L,
                                     xt + whole * width<T>, columns);
    };
    int o = 0;
    for (; o + BO <= O; o += BO) outputs(std::integral_constant<int, BO>{}, o);
    if constexpr (O % BO != 0)
        for (; o < O; ++o) outputs(std::integral_constant<int, 1>{}, o);
}

// ---- over the whole batch

/// What dense_batch_gradient() needs of a tile's x.
template <class X>
void dense_keep_input(backend, X x, std::byte* cache) {
    keep_rows(reinterpret_cast<number_of<X>*>(cache), x);
}

/// to [BO][I], columns i … i + BI vectors: Σ dy xᵀ over all samples, for the outputs from o on; `columns` are written.
template <int BO, int BI, int I, class T, class DY>
IKEBANA_INLINE inline void dense_batch_block(T* to, DY dy, BatchCache<T> xs, int o, int i, int columns) {
    using V = xsimd::batch<T>;
    constexpr int L = DY::lanes, step = padded_inputs<T>(I);
    V sum[BO][BI];
    unroll<BO>([&](int k) IKEBANA_INLINE { unroll<BI>([&](int v) IKEBANA_INLINE { sum[k][v] = V(0); }); });
    for (int t = 0; t < dy.count; ++t) {
        const T* d = dy[t].row(o);
        const T* row = xs[t] + i;
        for (int lane = 0; lane < L; ++lane, row += step) {
            V x[BI];
            unroll<BI>([&](int v) IKEBANA_INLINE { x[v] = V::load_unaligned(row + v * width<T>); });
            unroll<BO>([&](int k) IKEBANA_INLINE {
                const V dk(d[k * L + lane]);
                unroll<BI>([&](int v) IKEBANA_INLINE { sum[k][v] = xsimd::fma(dk, x[v], sum[k][v]); });
            });
        }
    }
    unroll<BO>([&](int k) IKEBANA_INLINE {
        T* row = to + k * I + i;
        if (columns == BI * width<T>) {
            unroll<BI>([&](int v) IKEBANA_INLINE { sum[k][v].store_unaligned(row + v * width<T>); });
        } else {
            alignas(64) T last[BI * width<T>];
            unroll<BI>([&](int v) IKEBANA_INLINE { sum[k][v].store_aligned(last + v * width<T>); });
            std::copy_n(last, columns, row);
        }
    });
}

/// to ← the task's rows of dW (O,I) = Σ dy xᵀ over the batch.
template <int O, int I, class T, class DY>
void dense_batch_gradient(backend, Shape<O, I>, T* to, DY dy, BatchCache<T> xs, int task) {
    constexpr int R = batch_rows<O>, BI = 2, columns = BI * width<T>;
    const auto rows = [&]<int BO>(std::integral_constant<int, BO>) {
        int i = 0;
        for (; i + columns <= I; i += columns) dense_batch_block<BO, BI, I>(to, dy, xs, task * R, i, columns);
        constexpr int rest = I % columns;
        if constexpr (rest > 0)
            dense_batch_block<BO, (rest + width<T> - 1) / width<T>, I>(to, dy, xs, task * R, i, rest);
    };
    if (O % R == 0 || (task + 1) * R <= O)
        rows(std::integral_constant<int, R>{});
    else if constexpr (O % R != 0)
        rows(std::integral_constant<int, O % R>{});
}

} // namespace ikebana::cpu
