// The windows of convolutions and pooling: which places of an image (C,H,W) an output place (P,Q) sees. Sizes are
// numbers, so what goes over them is compiled once and not for each geometry.
#pragma once
#include <algorithm>

namespace ikebana::reference {

/// Windows of R×S places, from −padding on, `stride` apart.
struct Windows {
    int C, H, W, P, Q, R, S, stride, padding;

    /// f(place in the window, place in a channel of the image, count) for the rows of the window of output (p, q), of
    /// which `count` places from there on lie in the image.
    template <class F>
    void each_row(int p, int q, F f) const {
        const int v0 = q * stride - padding, s0 = std::max(0, -v0), count = std::min(S, W - v0) - s0;
        for (int r = 0; r < R; ++r) {
            const int h = p * stride + r - padding;
            if (h >= 0 && h < H && count > 0) f(r * S + s0, h * W + v0 + s0, count);
        }
    }
    /// f(row of y, place in the window, row of x) for every pair, where y has the channels of x.
    template <class F>
    void each_in_channel(F f) const {
        for (int c = 0; c < C; ++c)
            for (int p = 0; p < P; ++p)
                for (int q = 0; q < Q; ++q)
                    each_row(p, q, [&](int place, int at, int count) {
                        for (int i = 0; i < count; ++i) f((c * P + p) * Q + q, place + i, c * H * W + at + i);
                    });
    }
    int outputs() const { return P * Q; }
    int places() const { return R * S; }
};

/// Those of a ConvGeometry, DepthwiseGeometry or PoolGeometry.
template <class G>
inline constexpr Windows windows_of{G::C, G::H, G::W, G::P, G::Q, G::R, G::S, G::stride, G::padding};

} // namespace ikebana::reference
