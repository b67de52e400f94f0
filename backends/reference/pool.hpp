// Max and average pooling by plain loops. x (C,H,W), y (C,P,Q), window R×R. argmax keeps which place of the window
// (r·R + s) won, as a number of y's type; the first of equals wins, NaN wins over numbers. See layers/primitives.hpp.
#pragma once
#include <backends/reference/backend.hpp>
#include <backends/reference/windows.hpp>
#include <ikebana/layers/primitives.hpp>

#include <algorithm>

namespace ikebana::reference {

template <int L, class T>
IKEBANA_ONCE void max_pool(T* y, T* argmax, const T* x, const Windows& by) {
    constexpr T none = -1;
    std::fill_n(argmax, by.C * by.outputs() * L, none);
    by.each_in_channel([&](int yi, int place, int xi) {
        for (int i = yi * L, lane = 0; lane < L; ++lane, ++i) {
            const T v = x[xi * L + lane];
            if (argmax[i] == none || v > y[i] || v != v) argmax[i] = static_cast<T>(place), y[i] = v;
        }
    });
}

template <int L, class T>
IKEBANA_ONCE void max_pool_back(T* dx, const T* dy, const T* argmax, const Windows& by) {
    std::fill_n(dx, by.C * by.H * by.W * L, T(0));
    by.each_in_channel([&](int yi, int place, int xi) {
        for (int lane = 0; lane < L; ++lane)
            if (argmax[yi * L + lane] == static_cast<T>(place)) dx[xi * L + lane] += dy[yi * L + lane];
    });
}

template <int L, class T>
IKEBANA_ONCE void average_pool(T* y, const T* x, const Windows& by) {
    std::fill_n(y, by.C * by.outputs() * L, T(0));
    by.each_in_channel([&](int yi, int, int xi) {
        for (int lane = 0; lane < L; ++lane) y[yi * L + lane] += x[xi * L + lane] / static_cast<T>(by.places());
    });
}

template <int L, class T>
IKEBANA_ONCE void average_pool_back(T* dx, const T* dy, const Windows& by) {
    std::fill_n(dx, by.C * by.H * by.W * L, T(0));
    by.each_in_channel([&](int yi, int, int xi) {
        for (int lane = 0; lane < L; ++lane) dx[xi * L + lane] += dy[yi * L + lane] / static_cast<T>(by.places());
    });
}

template <class G, class Y, class X>
void max_pool_forward(backend, G, Y y, X x, typename Y::element* argmax) {
    max_pool<Y::lanes, number_of<X>>(y.data, argmax, x.data, windows_of<G>);
}

template <class G, class DX, class DY>
void max_pool_backward(backend, G, DX dx, DY dy, const typename DX::element* argmax) {
    max_pool_back<DY::lanes, number_of<DX>>(dx.data, dy.data, argmax, windows_of<G>);
}

template <class G, class Y, class X>
void average_pool_forward(backend, G, Y y, X x) {
    average_pool<Y::lanes, number_of<X>>(y.data, x.data, windows_of<G>);
}

template <class G, class DX, class DY>
void average_pool_backward(backend, G, DX dx, DY dy) {
    average_pool_back<DY::lanes, number_of<DX>>(dx.data, dy.data, windows_of<G>);
}

} // namespace ikebana::reference
