// Convolution by plain loops over (k, p, q, c, r, s). x (C,H,W), y (K,P,Q), w (K,C,R,S), b (K); L lanes. All three
// directions visit the same pairs of an output place and an input place. See layers/primitives.hpp.
#pragma once
#include <backends/reference/backend.hpp>
#include <backends/reference/windows.hpp>
#include <ikebana/layers/primitives.hpp>

#include <algorithm>

namespace ikebana::reference {

template <class G, class T>
constexpr std::size_t conv_scratch_bytes(backend, G, T) {
    return 0;
}

template <class G, class T>
constexpr std::size_t conv_packed_size(backend, G, T) {
    return 0;
}
template <class G, class T, class W>
void conv_pack(backend, G, T*, W) {}

/// f(row of y, index into w, row of x, count) for the multiply-adds of a convolution with K filters: `count` of them at
/// a time, of neighbours in w and in x.
template <class F>
void each_multiply_add(int K, const Windows& by, F f) {
    for (int k = 0; k < K; ++k)
        for (int p = 0; p < by.P; ++p)
            for (int q = 0; q < by.Q; ++q)
                for (int c = 0; c < by.C; ++c)
                    by.each_row(p, q, [&](int place, int at, int count) {
                        f((k * by.P + p) * by.Q + q, (k * by.C + c) * by.places() + place, c * by.H * by.W + at, count);
                    });
}

/// y ← b + w * x, of K filters; b may be null.
template <int L, class T>
IKEBANA_ONCE void convolve(T* y, const T* x, const T* w, const T* b, int K, const Windows& by) {
    for (int i = 0; i < K * by.outputs() * L; ++i) y[i] = b ? b[i / (by.outputs() * L)] : T(0);
    each_multiply_add(K, by, [&](int yi, int wi, int xi, int count) {
        for (int lane = 0; lane < L; ++lane) {
            T sum = y[yi * L + lane];
            for (int i = 0; i < count; ++i) sum += w[wi + i] * x[(xi + i) * L + lane];
            y[yi * L + lane] = sum;
        }
    });
}

/// dw += dy * x, dx ← w * dy; dx and dw may be null.
template <int L, class T>
IKEBANA_ONCE void convolve_back(T* dx, T* dw, const T* dy, const T* x, const T* w, int K, const Windows& by) {
    if (dx) std::fill_n(dx, by.C * by.H * by.W * L, T(0));
    each_multiply_add(K, by, [&](int yi, int wi, int xi, int count) {
        for (int lane = 0; lane < L; ++lane) {
            const T above = dy[yi * L + lane];
            if (dw)
                for (int i = 0; i < count; ++i) dw[wi + i] += above * x[(xi + i) * L + lane];
            if (dx)
                for (int i = 0; i < count; ++i) dx[(xi + i) * L + lane] += w[wi + i] * above;
        }
    });
}

template <class G, class Y, class X, class W, class B>
void conv_forward(backend, G, Y y, X x, W w, B b, const number_of<X>*, std::byte*) {
    convolve<Y::lanes, number_of<X>>(y.data, x.data, w.data, numbers_of<X>(b), G::K, windows_of<G>);
}

template <class G, class DX, class DW, class DY, class X, class W>
void conv_backward(backend, G, DX dx, DW dw, DY dy, X x, W w, const number_of<X>*, std::byte*) {
    convolve_back<X::lanes, number_of<X>>(numbers_of<X>(dx), numbers_of<X>(dw), dy.data, x.data, w.data, G::K,
                                          windows_of<G>);
}

} // namespace ikebana::reference
