// Dense by plain loops. x (I), y (O), w (O,I), b (O); L lanes. See layers/primitives.hpp.
#pragma once
#include <backends/reference/reduce.hpp>
#include <ikebana/layers/primitives.hpp>

namespace ikebana::reference {

template <class S, class T>
constexpr std::size_t dense_scratch_bytes(backend, S, T) {
    return 0;
}

template <class S, class T>
constexpr int dense_batch_tasks(backend, S, T, bool = false) {
    return 0;
}

/// y = W x + b
template <class Y, class X, class W, class B>
void dense_forward(backend, Y y, X x, W w, B b) {
    constexpr int O = Y::shape::sizes[0], I = X::shape::size, L = Y::lanes;
    for (int o = 0; o < O; ++o)
        for (int lane = 0; lane < L; ++lane) {
            typename Y::element sum = 0;
            if constexpr (!is_nothing<B>) sum = b[static_cast<std::size_t>(o)];
            for (int i = 0; i < I; ++i) sum += w[static_cast<std::size_t>(o) * I + i] * x.row(i)[lane];
            y.row(o)[lane] = sum;
        }
}

/// dW += dy xᵀ
template <class DW, class DY, class X>
void dense_backward_weight(backend, DW dw, DY dy, X x, std::byte*) {
    constexpr int O = DY::shape::sizes[0], I = X::shape::size, L = X::lanes;
    for (int o = 0; o < O; ++o)
        for (int i = 0; i < I; ++i)
            for (int lane = 0; lane < L; ++lane)
                dw[static_cast<std::size_t>(o) * I + i] += dy.row(o)[lane] * x.row(i)[lane];
}

/// dx = Wᵀ dy
template <class DX, class W, class DY>
void dense_backward_input(backend, DX dx, W w, DY dy) {
    constexpr int O = DY::shape::sizes[0], I = DX::shape::size, L = DX::lanes;
    for (int i = 0; i < I; ++i)
        for (int lane = 0; lane < L; ++lane) {
            typename DX::element sum = 0;
            for (int o = 0; o < O; ++o) sum += w[static_cast<std::size_t>(o) * I + i] * dy.row(o)[lane];
            dx.row(i)[lane] = sum;
        }
}

} // namespace ikebana::reference
