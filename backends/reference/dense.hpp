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

/// y = W x + b; b may be null.
template <int L, class T>
IKEBANA_ONCE void multiply(T* y, const T* w, const T* x, const T* b, int O, int I) {
    for (int o = 0; o < O; ++o)
        for (int lane = 0; lane < L; ++lane) {
            T sum = b ? b[o] : T(0);
            for (int i = 0; i < I; ++i) sum += w[static_cast<std::size_t>(o) * I + i] * x[i * L + lane];
            y[o * L + lane] = sum;
        }
}

/// dW += dy xᵀ
template <int L, class T>
IKEBANA_ONCE void add_outer_products(T* dw, const T* dy, const T* x, int O, int I) {
    for (int o = 0; o < O; ++o)
        for (int i = 0; i < I; ++i)
            for (int lane = 0; lane < L; ++lane)
                dw[static_cast<std::size_t>(o) * I + i] += dy[o * L + lane] * x[i * L + lane];
}

/// dx = Wᵀ dy
template <int L, class T>
IKEBANA_ONCE void multiply_transposed(T* dx, const T* w, const T* dy, int O, int I) {
    for (int i = 0; i < I; ++i)
        for (int lane = 0; lane < L; ++lane) {
            T sum = 0;
            for (int o = 0; o < O; ++o) sum += w[static_cast<std::size_t>(o) * I + i] * dy[o * L + lane];
            dx[i * L + lane] = sum;
        }
}

template <class Y, class X, class W, class B>
void dense_forward(backend, Y y, X x, W w, B b) {
    multiply<Y::lanes, number_of<X>>(y.data, w.data, x.data, numbers_of<X>(b), Y::shape::sizes[0], X::shape::size);
}

template <class DW, class DB, class DY, class X>
void dense_backward_weight(backend on, DW dw, DB db, DY dy, X x, std::byte*) {
    if constexpr (!is_nothing<DB>) add_channel_sums(on, db, dy);
    add_outer_products<X::lanes, number_of<X>>(dw.data, dy.data, x.data, DY::shape::sizes[0], X::shape::size);
}

template <class DX, class W, class DY>
void dense_backward_input(backend, DX dx, W w, DY dy) {
    multiply_transposed<DX::lanes, number_of<DX>>(dx.data, w.data, dy.data, DY::shape::sizes[0], DX::shape::size);
}

} // namespace ikebana::reference
