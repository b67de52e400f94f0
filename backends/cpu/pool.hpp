// Max and average pooling with 16 samples in the lanes: vertical code, whatever window, stride and padding.
// x (C,H,W), y (C,P,Q). See layers/primitives.hpp; a max pool behind a convolution is fused into conv_pool.hpp instead.
#pragma once
#include <backends/cpu/reduce.hpp>
#include <ikebana/layers/primitives.hpp>

namespace ikebana::cpu {

/// f(offset of y, offset of x's channel, p·stride − padding, q·stride − padding) for every vector of y.
template <class G, class T, class F>
IKEBANA_INLINE inline void each_window(F f) {
    constexpr int L = backend::lanes<T>;
    for (int c = 0; c < G::C; ++c)
        for (int p = 0; p < G::P; ++p)
            for (int q = 0; q < G::Q; ++q)
                for (int lane = 0; lane < L; lane += width<T>)
                    f(((c * G::P + p) * G::Q + q) * L + lane, c * G::H * G::W * L + lane, p * G::stride - G::padding,
                      q * G::stride - G::padding);
}

/// f(place in the window, offset of x within its channel) for the places inside the image.
template <class G, int L, class F>
IKEBANA_INLINE inline void each_place(int h0, int w0, F f) {
    for (int r = 0; r < G::R; ++r)
        for (int s = 0; s < G::R; ++s) {
            const int h = h0 + r, w = w0 + s;
            if (h >= 0 && h < G::H && w >= 0 && w < G::W) f(r * G::R + s, (h * G::W + w) * L);
        }
}

template <class G, class Y, class X>
void max_pool_forward(backend, G, Y y, X x, typename Y::element* argmax) {
    using T = typename Y::element;
    using V = xsimd::batch<T>;
    each_window<G, T>([&](int to, int from, int h0, int w0) IKEBANA_INLINE {
        V best(0), place(-1);
        each_place<G, Y::lanes>(h0, w0, [&](int at, int offset) IKEBANA_INLINE {
            const V v = V::load_unaligned(x.data + from + offset);
            // first place, larger, or NaN (for which v != v is false in some versions of xsimd)
            const auto wins = (place < V(0)) || (v > best) || xsimd::isnan(v);
            best = xsimd::select(wins, v, best);
            place = xsimd::select(wins, V(static_cast<T>(at)), place);
        });
        best.store_unaligned(y.data + to);
        place.store_unaligned(argmax + to);
    });
}

template <class G, class DX, class DY>
void max_pool_backward(backend, G, DX dx, DY dy, const typename DX::element* argmax) {
    using T = typename DX::element;
    using V = xsimd::batch<T>;
    std::fill(dx.data, dx.data + DX::size, T(0));
    each_window<G, T>([&](int from, int to, int h0, int w0) IKEBANA_INLINE {
        const V d = V::load_unaligned(dy.data + from), place = V::load_unaligned(argmax + from);
        each_place<G, DX::lanes>(h0, w0, [&](int at, int offset) IKEBANA_INLINE {
            T* target = dx.data + to + offset;
            (V::load_unaligned(target) + xsimd::select(place == V(static_cast<T>(at)), d, V(0)))
                .store_unaligned(target);
        });
    });
}

template <class G, class Y, class X>
void average_pool_forward(backend, G, Y y, X x) {
    using T = typename Y::element;
    using V = xsimd::batch<T>;
    each_window<G, T>([&](int to, int from, int h0, int w0) IKEBANA_INLINE {
        V sum(0);
        each_place<G, Y::lanes>(
            h0, w0, [&](int, int offset) IKEBANA_INLINE { sum = sum + V::load_unaligned(x.data + from + offset); });
        (sum * V(T(1) / T(G::R * G::R))).store_unaligned(y.data + to);
    });
}

template <class G, class DX, class DY>
void average_pool_backward(backend, G, DX dx, DY dy) {
    using T = typename DX::element;
    using V = xsimd::batch<T>;
    std::fill(dx.data, dx.data + DX::size, T(0));
    each_window<G, T>([&](int from, int to, int h0, int w0) IKEBANA_INLINE {
        const V d = V::load_unaligned(dy.data + from) * V(T(1) / T(G::R * G::R));
        each_place<G, DX::lanes>(h0, w0, [&](int, int offset) IKEBANA_INLINE {
            T* target = dx.data + to + offset;
            (V::load_unaligned(target) + d).store_unaligned(target);
        });
    });
}

} // namespace ikebana::cpu
