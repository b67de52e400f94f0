// Depthwise convolution by plain loops over (c, p, q, r, s). x (C,H,W), y (C,P,Q), w (C,1,R,R), b (C); L lanes. All
// three directions visit the same pairs of an output place and an input place. See layers/primitives.hpp.
#pragma once
#include <backends/reference/backend.hpp>
#include <backends/reference/windows.hpp>
#include <ikebana/layers/primitives.hpp>

#include <algorithm>

namespace ikebana::reference {

template <class G, class T>
constexpr std::size_t depthwise_scratch_bytes(backend, G, T) {
    return 0;
}

/// y ← b + w * x; b may be null.
template <int L, class T>
IKEBANA_ONCE void depthwise_convolve(T* y, const T* x, const T* w, const T* b, const Windows& by) {
    for (int i = 0; i < by.C * by.outputs() * L; ++i) y[i] = b ? b[i / (by.outputs() * L)] : T(0);
    by.each_in_channel([&](int yi, int place, int xi) {
        const T weight = w[yi / by.outputs() * by.places() + place];
        for (int lane = 0; lane < L; ++lane) y[yi * L + lane] += weight * x[xi * L + lane];
    });
}

/// dw += dy * x, dx ← w * dy; dx and dw may be null.
template <int L, class T>
IKEBANA_ONCE void depthwise_convolve_back(T* dx, T* dw, const T* dy, const T* x, const T* w, const Windows& by) {
    if (dx) std::fill_n(dx, by.C * by.H * by.W * L, T(0));
    by.each_in_channel([&](int yi, int place, int xi) {
        const int wi = yi / by.outputs() * by.places() + place;
        for (int lane = 0; lane < L; ++lane) {
            if (dw) dw[wi] += dy[yi * L + lane] * x[xi * L + lane];
            if (dx) dx[xi * L + lane] += w[wi] * dy[yi * L + lane];
        }
    });
}

template <class G, class Y, class X, class W, class B>
void depthwise_forward(backend, G, Y y, X x, W w, B b, std::byte*) {
    depthwise_convolve<Y::lanes, number_of<X>>(y.data, x.data, w.data, numbers_of<X>(b), windows_of<G>);
}

template <class G, class DX, class DW, class DY, class X, class W>
void depthwise_backward(backend, G, DX dx, DW dw, DY dy, X x, W w, std::byte*) {
    depthwise_convolve_back<X::lanes, number_of<X>>(numbers_of<X>(dx), numbers_of<X>(dw), dy.data, x.data, w.data,
                                                    windows_of<G>);
}

} // namespace ikebana::reference
