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

/// sum[r][c] += Σ a[r · row_step + k · step] · v[c][k · L] over k < K: R×C accumulators in registers.
template <int R, int C, class T, class RowStep>
IKEBANA_INLINE inline void add_products(xsimd::batch<T> (&sum)[R][C], const T* a, RowStep row_step, std::size_t step,
                                        const T* const (&v)[C], int K) {
    using V = xsimd::batch<T>;
    for (int k = 0; k < K; ++k, a += step) {
        V x[C];
        unroll<C>([&](int c) IKEBANA_INLINE { x[c] = V::load_unaligned(v[c] + k * backend::lanes<T>); });
        unroll<R>([&](int r) IKEBANA_INLINE {
            const V w(a[static_cast<std::size_t>(r) * row_step]);
            unroll<C>([&](int c) IKEBANA_INLINE { sum[r][c] = xsimd::fma(w, x[c], sum[r][c]); });
        });
    }
}

// But for the step between rows in dense_rows, what differs between layers is a number: compiled once.

/// Rows of N that dense_rows takes at a time. With 16 registers they are of two vectors, or a load would go with every
/// multiply-add.
constexpr int rows_at_once(int N) { return registers == 32 ? std::min(N, 16) : even_block(N, 6); }

/// y[r] = b[r] + Σ_k w[r · row_step + k · step] x[k] for `rows` rows, R at a time, and k < K; b may be null. The step
/// between rows is a constant: with a number, sixteen addresses want registers, and a tenth of the speed is lost.
template <int R, class T, class RowStep>
IKEBANA_ONCE void dense_rows(T* y, int rows, const T* w, RowStep row_step, std::size_t step, const T* x, int K,
                             const T* b) {
    using V = xsimd::batch<T>;
    constexpr int L = backend::lanes<T>, C = neighbours;
    for (int r0 = 0; r0 < rows; r0 += R) {
        const int r = std::min(r0, rows - R);
        for (int lane = 0; lane < L; lane += C * width<T>) {
            V sum[R][C];
            const T* terms[C];
            unroll<C>([&](int c) IKEBANA_INLINE { terms[c] = x + lane + c * width<T>; });
            unroll<R>([&](int k) IKEBANA_INLINE {
                unroll<C>([&](int c) IKEBANA_INLINE { sum[k][c] = V(b ? b[r + k] : T(0)); });
            });
            add_products(sum, w + static_cast<std::size_t>(r) * row_step, row_step, step, terms, K);
            unroll<R>([&](int k) IKEBANA_INLINE {
                unroll<C>([&](int c)
                              IKEBANA_INLINE { sum[k][c].store_unaligned(y + (r + k) * L + lane + c * width<T>); });
            });
        }
    }
}

/// y = W x + b
template <class Y, class X, class W, class B>
void dense_forward(backend, Y y, X x, W w, B b) {
    using T = typename Y::element;
    constexpr int O = Y::shape::sizes[0], I = X::shape::size;
    const T* bias = nullptr;
    if constexpr (!is_nothing<B>) bias = b.data;
    dense_rows<rows_at_once(O), T>(y.data, O, w.data, std::integral_constant<std::size_t, I>{}, 1, x.data, I, bias);
}

/// dx = Wᵀ dy
template <class DX, class W, class DY>
void dense_backward_input(backend, DX dx, W w, DY dy) {
    using T = typename DX::element;
    constexpr int O = DY::shape::sizes[0], I = DX::shape::size;
    dense_rows<rows_at_once(I), T>(dx.data, I, w.data, std::integral_constant<std::size_t, 1>{}, I, dy.data, O,
                                   nullptr);
}

/// dW[o … o + BO)[i … i + BI vectors) += Σ over the tile's samples; dW has I columns, xt is [sample][columns].
template <int BO, int BI, class T>
IKEBANA_INLINE inline void dense_weight_block(T* dw, std::size_t I, const T* dy, const T* xt, int columns) {
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

/// The last columns of dW that fill no vector, for one output.
template <class T>
void dense_weight_rest(T* dw, int rest, const T* dy, const T* xt, int columns) {
    using V = xsimd::batch<T>;
    V sum(0);
    for (int n = 0; n < backend::lanes<T>; ++n) sum = xsimd::fma(V(dy[n]), V::load_unaligned(xt + n * columns), sum);
    alignas(64) T sums[width<T>];
    sum.store_unaligned(sums);
    for (int i = 0; i < rest; ++i) dw[i] += sums[i];
}

/// BO rows of dW, of I columns each.
template <int BO, class T>
IKEBANA_ONCE void dense_weight_rows(T* dw, int I, const T* dy, const T* xt) {
    constexpr int L = backend::lanes<T>, BI = registers == 32 ? 4 : 2;
    const int columns = padded_inputs<T>(I), whole = I / width<T>; // vectors
    const auto row = static_cast<std::size_t>(I);
    int v = 0;
    for (; v + BI <= whole; v += BI) dense_weight_block<BO, BI>(dw + v * width<T>, row, dy, xt + v * width<T>, columns);
    for (; v < whole; ++v) dense_weight_block<BO, 1>(dw + v * width<T>, row, dy, xt + v * width<T>, columns);
    if (I % width<T> != 0)
        for (int o = 0; o < BO; ++o)
            dense_weight_rest(dw + static_cast<std::size_t>(o) * row + v * width<T>, I % width<T>, dy + o * L,
                              xt + v * width<T>, columns);
}

template <class DW, class DB, class DY, class X>
void dense_backward_weight(backend on, DW dw, DB db, DY dy, X x, std::byte* scratch) {
    if constexpr (!is_nothing<DB>) add_channel_sums(on, db, dy);
    using T = typename DW::element;
    constexpr int O = DY::shape::sizes[0], I = X::shape::size, L = X::lanes, columns = padded_inputs<T>(I);
    T* xt = reinterpret_cast<T*>(scratch);
    store_tile(on, xt, L, columns, x);
    for (int n = 0; n < L; ++n) std::fill(xt + n * columns + I, xt + (n + 1) * columns, T(0));
    each_block<O, registers == 32 ? block_of(O, 5) : even_block(O, 6)>(
        [&]<int BO>(std::integral_constant<int, BO>, int o, int) {
            dense_weight_rows<BO, T>(dw.data + static_cast<std::size_t>(o) * I, I, dy.row(o), xt);
        });
}

} // namespace ikebana::cpu
