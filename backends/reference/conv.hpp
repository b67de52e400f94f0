// Convolution by plain loops over (k, p, q, c, r, s). x (C,H,W), y (K,P,Q), w (K,C,R,S), b (K); L lanes. All three
// directions visit the same pairs of an output place and an input place. See layers/primitives.hpp.
#pragma once
#include <backends/reference/reduce.hpp>
#include <ikebana/layers/primitives.hpp>

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

/// f(row of y, index into w, row of x) for every multiply-add of a convolution.
template <class G, class F>
void each_multiply_add(F f) {
    for (int k = 0; k < G::K; ++k)
        for (int p = 0; p < G::P; ++p)
            for (int q = 0; q < G::Q; ++q)
                for (int c = 0; c < G::C; ++c)
                    for (int r = 0; r < G::R; ++r)
                        for (int s = 0; s < G::S; ++s) {
                            const int h = p * G::stride + r - G::padding, v = q * G::stride + s - G::padding;
                            if (h < 0 || h >= G::H || v < 0 || v >= G::W) continue;
                            f((k * G::P + p) * G::Q + q,
                              static_cast<std::size_t>(((k * G::C + c) * G::R + r) * G::S + s),
                              (c * G::H + h) * G::W + v);
                        }
}

template <class G, class Y, class X, class W, class B>
void conv_forward(backend, G, Y y, X x, W w, B b, const number_of<X>*, std::byte*) {
    constexpr int L = Y::lanes;
    walk<typename G::output, L>([&](Position p) {
        y.data[p.index] = 0;
        if constexpr (!is_nothing<B>) y.data[p.index] = b[static_cast<std::size_t>(p.channel)];
    });
    each_multiply_add<G>([&](int yi, std::size_t wi, int xi) {
        for (int lane = 0; lane < L; ++lane) y.row(yi)[lane] += w[wi] * x.row(xi)[lane];
    });
}

template <class G, class DX, class DW, class DY, class X, class W>
void conv_backward(backend, G, DX dx, DW dw, DY dy, X x, W w, const number_of<X>*, std::byte*) {
    if constexpr (!is_nothing<DX>) std::fill(dx.data, dx.data + DX::size, number_of<X>(0));
    each_multiply_add<G>([&](int yi, std::size_t wi, int xi) {
        for (int lane = 0; lane < X::lanes; ++lane) {
            if constexpr (!is_nothing<DW>) dw[wi] += dy.row(yi)[lane] * x.row(xi)[lane];
            if constexpr (!is_nothing<DX>) dx.row(xi)[lane] += w[wi] * dy.row(yi)[lane];
        }
    });
}

} // namespace ikebana::reference
