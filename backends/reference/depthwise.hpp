// Depthwise convolution by plain loops over (c, p, q, r, s). x (C,H,W), y (C,P,Q), w (C,1,R,R), b (C); L lanes. All
// three directions visit the same pairs of an output place and an input place. See layers/primitives.hpp.
#pragma once
#include <backends/reference/pool.hpp>
#include <ikebana/layers/primitives.hpp>

namespace ikebana::reference {

template <class G, class T>
constexpr std::size_t depthwise_scratch_bytes(backend, G, T) {
    return 0;
}

/// f(row of y, index into w, row of x) for every multiply-add: a channel's window is pooling's.
template <class G, class F>
void each_depthwise_multiply_add(F f) {
    each_window_place<G>([&](int yi, int place, int xi) {
        const int c = yi / (G::P * G::Q);
        f(yi, static_cast<std::size_t>(c * G::R * G::R + place), xi);
    });
}

template <class G, class Y, class X, class W, class B>
void depthwise_forward(backend, G, Y y, X x, W w, B b, std::byte*) {
    constexpr int L = Y::lanes;
    walk<typename G::output, L>([&](Position p) {
        y.data[p.index] = 0;
        if constexpr (!is_nothing<B>) y.data[p.index] = b[static_cast<std::size_t>(p.channel)];
    });
    each_depthwise_multiply_add<G>([&](int yi, std::size_t wi, int xi) {
        for (int lane = 0; lane < L; ++lane) y.row(yi)[lane] += w[wi] * x.row(xi)[lane];
    });
}

template <class G, class DX, class DW, class DY, class X, class W>
void depthwise_backward(backend, G, DX dx, DW dw, DY dy, X x, W w, std::byte*) {
    if constexpr (!is_nothing<DX>) std::fill(dx.data, dx.data + DX::size, number_of<X>(0));
    each_depthwise_multiply_add<G>([&](int yi, std::size_t wi, int xi) {
        for (int lane = 0; lane < X::lanes; ++lane) {
            if constexpr (!is_nothing<DW>) dw[wi] += dy.row(yi)[lane] * x.row(xi)[lane];
            if constexpr (!is_nothing<DX>) dx.row(xi)[lane] += w[wi] * dy.row(yi)[lane];
        }
    });
}

} // namespace ikebana::reference
