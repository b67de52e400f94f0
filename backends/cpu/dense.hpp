// Dense with 16 samples in the lanes. x (I), y (O), w (O,I), b (O).
//   forward          blocks of outputs in registers; a value of x meets all weights of the block (broadcast)
//   backward_input   blocks of inputs in registers, a cache line of weights at a time
//   backward_weight  dW += dy xᵀ sums over samples, so x is transposed to [sample][i] first and the lanes run over i;
//                    a block of dW is loaded once, 16 samples are added, and stored: no horizontal sums
// Blocks that don't divide the size overlap the block before (forward, input), which writes the same values twice.
// Training runs a large Dense over the whole batch instead: dense_batch.hpp.
#pragma once
#include <backends/cpu/products.hpp>
#include <backends/cpu/reduce.hpp>
#include <backends/cpu/tiles.hpp>
#include <ikebana/layers/primitives.hpp>

namespace ikebana::cpu {

/// Columns of the transposed x: I rounded up to whole vectors.
template <class T>
constexpr int padded_inputs(int I) {
    return (I + width<T> - 1) / width<T> * width<T>;
}

/// The transposed x.
template <int O, int I, class T>
constexpr std::size_t dense_scratch_bytes(backend, Shape<O, I>, T) {
    return sizeof(T) * padded_inputs<T>(I) * backend::lanes<T>;
}

/// b[o] in every lane, or 0 without a bias.
template <class T, class B>
xsimd::batch<T> bias_vector(B b, int o) {
    if constexpr (is_nothing<B>)
        return xsimd::batch<T>(0);
    else
        return xsimd::batch<T>(b[static_cast<std::size_t>(o)]);
}

/// sum[r][c] += Σ a[r · RowStep + k · Step] · v[c][k · L] over k < K: R×C accumulators in registers.
template <int RowStep, int Step, int R, int C, class T>
IKEBANA_INLINE inline void add_products(xsimd::batch<T> (&sum)[R][C], const T* a, const T* const (&v)[C], int K) {
    using V = xsimd::batch<T>;
    for (int k = 0; k < K; ++k) {
        V x[C];
        unroll<C>([&](int c) IKEBANA_INLINE { x[c] = V::load_unaligned(v[c] + k * backend::lanes<T>); });
        const T* ak = a + static_cast<std::size_t>(k) * Step;
        unroll<R>([&](int r) IKEBANA_INLINE {
            const V w(ak[static_cast<std::size_t>(r) * RowStep]);
            unroll<C>([&](int c) IKEBANA_INLINE { sum[r][c] = xsimd::fma(w, x[c], sum[r][c]); });
        });
    }
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
        for (int lane = 0; lane < L; lane += width<T>) {
            V sum[block][1];
            unroll<block>([&](int k) IKEBANA_INLINE { sum[k][0] = bias_vector<T>(b, o + k); });
            add_products<I, 1>(sum, w.data + static_cast<std::size_t>(o) * I, {x.data + lane}, I);
            unroll<block>([&](int k) IKEBANA_INLINE { sum[k][0].store_unaligned(y.row(o + k) + lane); });
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
            V sum[block][1];
            unroll<block>([&](int k) IKEBANA_INLINE { sum[k][0] = V(0); });
            add_products<1, I>(sum, w.data + i, {dy.data + lane}, O);
            unroll<block>([&](int k) IKEBANA_INLINE { sum[k][0].store_unaligned(dx.row(i + k) + lane); });
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

template <class DW, class DY, class X>
void dense_backward_weight(backend, DW dw, DY dy, X x, std::byte* scratch) {
    using T = typename DW::element;
    constexpr int O = DY::shape::sizes[0], I = X::shape::size, L = X::lanes;
    constexpr int columns = padded_inputs<T>(I), whole = I / width<T>; // vectors
    T* xt = reinterpret_cast<T*>(scratch);
    store_tile(backend{}, xt, L, columns, x);
    for (int n = 0; n < L; ++n) std::fill(xt + n * columns + I, xt + (n + 1) * columns, T(0));

    constexpr int BI = registers == 32 ? 4 : 2;
    each_block<O, block_of(O, registers == 32 ? 5 : 4)>([&]<int BO>(std::integral_constant<int, BO>, int o, int) {
        T* to = dw.data + static_cast<std::size_t>(o) * I;
        const T* d = dy.row(o);
        int v = 0;
        for (; v + BI <= whole; v += BI)
            dense_weight_block<BO, BI, I>(to + v * width<T>, d, xt + v * width<T>, columns);
        if constexpr (whole % BI != 0)
            for (; v < whole; ++v) dense_weight_block<BO, 1, I>(to + v * width<T>, d, xt + v * width<T>, columns);
        if constexpr (I % width<T> != 0)
            for (int k = 0; k < BO; ++k)
                dense_weight_rest<I>(to + static_cast<std::size_t>(k) * I + whole * width<T>, d + k * L,
                                     xt + whole * width<T>, columns);
    });
}

} // namespace ikebana::cpu
