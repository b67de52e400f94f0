// Dense as matrix products (multiply.hpp). x (I), y (O), w (O,I), b (O), all tiles at once:
//   y = W x + b       rows O, a column for each sample, depth I
//   dW += dy xᵀ       rows O, columns I, depth: all samples; Σ dy beside it, as its blocks read dy
//   dx = Wᵀ dy        rows I, a column for each sample, depth O; for a small batch in the launch of dW
// See layers/primitives.hpp.
#pragma once
#include <backends/hip/multiply.hpp>
#include <backends/hip/reduce.hpp>
#include <ikebana/layers/dense_activation.hpp>

namespace ikebana::hip {

template <class S, class T>
constexpr std::size_t dense_scratch_bytes(backend, S, T) {
    return 0;
}
template <class S, class T>
constexpr int dense_batch_tasks(backend, S, T, bool = false) {
    return 0;
}

/// dy as an operand: summed over all samples, or their columns.
template <template <class, int> class Operand, class T, class S>
auto operand_of(backend on, Tile<T, S, L> dy) {
    using U = std::remove_const_t<T>;
    return Operand<U, 1>{{dy.data, on.step_of<U>()}};
}
template <template <class, int> class Operand, class F, class DY, class Y>
auto operand_of(backend on, ActivationGradient<F, DY, Y> dz) {
    const auto dy = operand_of<Operand>(on, dz.dy);
    return Differentiated<F, std::remove_const_t<decltype(dy)>>{dy, dz.y.data - dz.dy.data};
}

template <class F, class Y, class X, class W, class B>
void dense_activation_forward(backend on, F, Y y, X x, W w, B b) {
    using T = number_of<X>;
    constexpr int O = Y::shape::sizes[0], I = X::shape::size;
    launch_multiply(on, tiled_product<T, O, batch_columns>(
                            Matrix<T, I>{w.data}, ByColumns<T, 1>{{x.data, on.step_of<T>()}},
                            ToColumns<T, 1, F>{{y.data, on.step_of<T>()}, bias_data<T>(b)}, on.tiles * L, I));
}
template <class Y, class X, class W, class B>
void dense_forward(backend on, Y y, X x, W w, B b) {
    dense_activation_forward(on, functors::identity{}, y, x, w, b);
}

template <class DW, class DB, class DY, class X>
auto weight_gradient(backend on, DW dw, DB db, DY dy, X x) {
    using T = number_of<X>;
    constexpr int O = DY::shape::sizes[0], I = X::shape::size;
    return tiled_product<T, O, I>(operand_of<OverColumns>(on, dy), OverColumns<T, 1>{{x.data, on.step_of<T>()}},
                                  ToGradient<T, I>{dw.data, bias_data<T>(db)}, I, on.tiles * L);
}
template <class DX, class W, class DY>
auto input_gradient(backend on, DX dx, W w, DY dy) {
    using T = number_of<DX>;
    constexpr int O = DY::shape::sizes[0], I = DX::shape::size;
    return tiled_product<T, I, batch_columns>(Matrix<T, I, true>{w.data}, operand_of<ByColumns>(on, dy),
                                              ToColumns<T, 1>{{dx.data, on.step_of<T>()}, nullptr}, on.tiles * L, O);
}

template <class DW, class DB, class DY, class X>
void dense_backward_weight(backend on, DW dw, DB db, DY dy, X x, std::byte*) {
    launch_multiply(on, weight_gradient(on, dw, db, dy, x));
}
template <class DX, class W, class DY>
void dense_backward_input(backend on, DX dx, W w, DY dy) {
    launch_multiply(on, input_gradient(on, dx, w, dy));
}
template <class DX, class DW, class DB, class DY, class X, class W>
void dense_backward(backend on, DX dx, DW dw, DB db, DY dy, X x, W w) {
    launch_multiply_two<DY::shape::sizes[0]>(on, weight_gradient(on, dw, db, dy, x), input_gradient(on, dx, w, dy));
}

} // namespace ikebana::hip
