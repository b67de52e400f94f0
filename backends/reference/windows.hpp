// The windows of convolutions and pooling: which places of an image (C,H,W) an output place (P,Q) sees. Sizes are
// numbers, so what goes over them is compiled once and not for each geometry.
#pragma once

namespace ikebana::reference {

/// Windows of R×S places, from −padding on, `stride` apart.
struct Windows {
    int C, H, W, P, Q, R, S, stride, padding;

    /// f(place in the window, place in a channel of the image) for the window of output (p, q); those outside the image
    /// are left out.
    template <class F>
    void each_place(int p, int q, F f) const {
        for (int r = 0; r < R; ++r)
            for (int s = 0; s < S; ++s) {
                const int h = p * stride + r - padding, v = q * stride + s - padding;
                if (h >= 0 && h < H && v >= 0 && v < W) f(r * S + s, h * W + v);
            }
    }
    /// f(row of y, place in the window, row of x) for every pair, where y has the channels of x.
    template <class F>
    void each_in_channel(F f) const {
        for (int c = 0; c < C; ++c)
            for (int p = 0; p < P; ++p)
                for (int q = 0; q < Q; ++q)
                    each_place(p, q, [&](int place, int at) { f((c * P + p) * Q + q, place, c * H * W + at); });
    }
    int outputs() const { return P * Q; }
    int places() const { return R * S; }
};

/// Those of a ConvGeometry, DepthwiseGeometry or PoolGeometry.
template <class G>
inline constexpr Windows windows_of{G::C, G::H, G::W, G::P, G::Q, G::R, G::S, G::stride, G::padding};

} // namespace ikebana::reference
