// Max and average pooling by plain loops. x (C,H,W), y (C,P,Q), window R×R. argmax keeps which place of the window
// (r·R + s) won, as a number of y's type; the first of equals wins, NaN wins over numbers. See layers/primitives.hpp.
#pragma once
#include <backends/reference/reduce.hpp>
#include <ikebana/layers/primitives.hpp>

namespace ikebana::reference {

/// f(row of y, place in the window, row of x) for every pair, places outside the image left out.
template <class G, class F>
void each_window_place(F f) {
    for (int c = 0; c < G::C; ++c)
        for (int p = 0; p < G::P; ++p)
            for (int q = 0; q < G::Q; ++q)
                for (int r = 0; r < G::R; ++r)
                    for (int s = 0; s < G::R; ++s) {
                        const int h = p * G::stride + r - G::padding, v = q * G::stride + s - G::padding;
                        if (h < 0 || h >= G::H || v < 0 || v >= G::W) continue;
                        f((c * G::P + p) * G::Q + q, r * G::R + s, (c * G::H + h) * G::W + v);
                    }
}

template <class G, class Y, class X>
void max_pool_forward(backend, G, Y y, X x, typename Y::element* argmax) {
    using T = typename Y::element;
    constexpr T none = -1;
    constexpr int L = Y::lanes;
    std::fill(argmax, argmax + Y::size, none);
    each_window_place<G>([&](int yi, int place, int xi) {
        for (int lane = 0; lane < L; ++lane) {
            auto& best = argmax[yi * L + lane];
            const auto v = x.row(xi)[lane];
            if (best == none || v > y.row(yi)[lane] || v != v) {
                best = static_cast<T>(place);
                y.row(yi)[lane] = v;
            }
        }
    });
}

template <class G, class DX, class DY>
void max_pool_backward(backend, G, DX dx, DY dy, const typename DX::element* argmax) {
    constexpr int L = DY::lanes;
    std::fill(dx.data, dx.data + DX::size, typename DX::element(0));
    each_window_place<G>([&](int yi, int place, int xi) {
        for (int lane = 0; lane < L; ++lane)
            if (argmax[yi * L + lane] == static_cast<typename DX::element>(place)) dx.row(xi)[lane] += dy.row(yi)[lane];
    });
}

template <class G, class Y, class X>
void average_pool_forward(backend, G, Y y, X x) {
    using T = typename Y::element;
    std::fill(y.data, y.data + Y::size, T(0));
    each_window_place<G>([&](int yi, int, int xi) {
        for (int lane = 0; lane < Y::lanes; ++lane) y.row(yi)[lane] += x.row(xi)[lane] / T(G::R * G::R);
    });
}

template <class G, class DX, class DY>
void average_pool_backward(backend, G, DX dx, DY dy) {
    using T = typename DX::element;
    std::fill(dx.data, dx.data + DX::size, T(0));
    each_window_place<G>([&](int yi, int, int xi) {
        for (int lane = 0; lane < DY::lanes; ++lane) dx.row(xi)[lane] += dy.row(yi)[lane] / T(G::R * G::R);
    });
}

} // namespace ikebana::reference
