// Depthwise convolution with 16 samples in the lanes, a channel at a time. x (C,H,W), y (C,P,Q), w (C,1,R,R), b (C).
//   forward          a run of a row's outputs in registers; the channel is first copied into a border of zeros
//   backward_weight  all R² sums of the channel in registers (R ≤ 5) while places go by
//   backward_input   with stride 1 the forward kernel on dy, weights turned by 180°; else each dy adds to its R² places
// One sample (cpu::single) goes by plain loops. See layers/primitives.hpp.
#pragma once
#include <backends/cpu/reduce.hpp>
#include <ikebana/layers/primitives.hpp>

#include <algorithm>

namespace ikebana::cpu {

/// Numbers of a channel of H×W places in a border.
template <class T>
constexpr std::size_t depthwise_bordered_size(int H, int W, int border) {
    return static_cast<std::size_t>((H + 2 * border) * (W + 2 * border)) * backend::lanes<T>;
}

template <class G, class T>
constexpr std::size_t depthwise_scratch_bytes(backend, G, T) {
    return sizeof(T) * std::max(depthwise_bordered_size<T>(G::H, G::W, G::padding),
                                depthwise_bordered_size<T>(G::P, G::Q, G::R - 1 - G::padding));
}

/// A channel x (H,W) in a border of zeros; x itself where the border is 0.
template <int H, int W, int border, class T>
const T* depthwise_bordered(T* to, const T* x) {
    constexpr int L = backend::lanes<T>, columns = W + 2 * border;
    if constexpr (border == 0) return x;
    std::fill_n(to, depthwise_bordered_size<T>(H, W, border), T(0));
    for (int h = 0; h < H; ++h) std::copy_n(x + h * W * L, W * L, to + ((h + border) * columns + border) * L);
    return to;
}

/// y (P,Q) = start + Σ_{r,s} w[r,s] · x[p · stride + r, q · stride + s] of one channel; rows of x have `columns`.
template <int P, int Q, int R, int stride, class T>
void depthwise_channel(T* y, const T* x, int columns, const T* w, T start) {
    using V = xsimd::batch<T>;
    constexpr int L = backend::lanes<T>, block = std::min(Q, registers == 32 ? 8 : 4);
    for (int p = 0; p < P; ++p)
        for (int q0 = 0; q0 < Q; q0 += block) {
            const int q = std::min(q0, Q - block);
            for (int lane = 0; lane < L; lane += width<T>) {
                V sums[block];
                unroll<block>([&](int j) IKEBANA_INLINE { sums[j] = V(start); });
                for (int r = 0; r < R; ++r) {
                    const T* row = x + ((p * stride + r) * columns + q * stride) * L + lane;
                    for (int s = 0; s < R; ++s) {
                        const V weight(w[r * R + s]);
                        unroll<block>([&](int j) IKEBANA_INLINE {
                            sums[j] = xsimd::fma(V::load_unaligned(row + (j * stride + s) * L), weight, sums[j]);
                        });
                    }
                }
                unroll<block>([&](int j) IKEBANA_INLINE { sums[j].store_unaligned(y + (p * Q + q + j) * L + lane); });
            }
        }
}

template <class G, class Y, class X, class Weights, class B>
void depthwise_forward(backend, G, Y y, X x, Weights w, B b, std::byte* scratch) {
    using T = number_of<X>;
    for (int c = 0; c < G::C; ++c) {
        const T* from = depthwise_bordered<G::H, G::W, G::padding>(reinterpret_cast<T*>(scratch),
                                                                   static_cast<const T*>(x.row(c * G::H * G::W)));
        T start = 0;
        if constexpr (!is_nothing<B>) start = b[static_cast<std::size_t>(c)];
        depthwise_channel<G::P, G::Q, G::R, G::stride>(y.row(c * G::P * G::Q), from, G::W + 2 * G::padding,
                                                       static_cast<const T*>(w.data + c * G::R * G::R), start);
    }
}

/// dw (R,R) += Σ over places and lanes of dy · x, for one channel; x is bordered. `rows` of the kernel at a time.
template <class G, class T>
void depthwise_weight_channel(T* dw, const T* dy, const T* x) {
    using V = xsimd::batch<T>;
    constexpr int L = backend::lanes<T>, columns = G::W + 2 * G::padding;
    constexpr int rows = std::min(G::R, std::max(1, (registers == 32 ? 25 : 9) / G::R));
    for (int r0 = 0; r0 < G::R; r0 += rows) {
        const int begin = std::min(r0, G::R - rows); // rows that were summed before are summed again and left out
        V sums[rows * G::R];
        for (V& sum : sums) sum = V(0);
        for (int p = 0; p < G::P; ++p)
            for (int q = 0; q < G::Q; ++q)
                for (int lane = 0; lane < L; lane += width<T>) {
                    const V d = V::load_unaligned(dy + (p * G::Q + q) * L + lane);
                    const T* from = x + ((p * G::stride + begin) * columns + q * G::stride) * L + lane;
                    unroll<rows * G::R>([&](int i) IKEBANA_INLINE {
                        sums[i] = xsimd::fma(V::load_unaligned(from + (i / G::R * columns + i % G::R) * L), d, sums[i]);
                    });
                }
        for (int i = (r0 - begin) * G::R; i < rows * G::R; ++i) dw[begin * G::R + i] += xsimd::hadd(sums[i]);
    }
}

/// dx (H,W) = … for one channel and any stride, place by place.
template <class G, class T>
void depthwise_input_by_places(T* dx, const T* dy, const T* w) {
    using V = xsimd::batch<T>;
    constexpr int L = backend::lanes<T>;
    std::fill_n(dx, G::H * G::W * L, T(0));
    for (int p = 0; p < G::P; ++p)
        for (int q = 0; q < G::Q; ++q)
            for (int lane = 0; lane < L; lane += width<T>) {
                const V d = V::load_unaligned(dy + (p * G::Q + q) * L + lane);
                for (int r = 0; r < G::R; ++r)
                    for (int s = 0; s < G::R; ++s) {
                        const int h = p * G::stride + r - G::padding, v = q * G::stride + s - G::padding;
                        if (h < 0 || h >= G::H || v < 0 || v >= G::W) continue;
                        T* to = dx + (h * G::W + v) * L + lane;
                        xsimd::fma(d, V(w[r * G::R + s]), V::load_unaligned(to)).store_unaligned(to);
                    }
            }
}

template <class G, class DX, class DW, class DY, class X, class Weights>
void depthwise_backward(backend, G, DX dx, DW dw, DY dy, X x, Weights w, std::byte* scratch) {
    using T = number_of<X>;
    constexpr int kernel = G::R * G::R, border = G::R - 1 - G::padding;
    T* const free = reinterpret_cast<T*>(scratch);
    for (int c = 0; c < G::C; ++c) {
        const T* above = dy.row(c * G::P * G::Q);
        if constexpr (!is_nothing<DW>) {
            const T* image =
                depthwise_bordered<G::H, G::W, G::padding>(free, static_cast<const T*>(x.row(c * G::H * G::W)));
            depthwise_weight_channel<G>(dw.data + c * kernel, above, image);
        }
        if constexpr (!is_nothing<DX>) {
            T* to = dx.row(c * G::H * G::W);
            const T* weights = w.data + c * kernel;
            if constexpr (G::stride == 1) {
                T turned[kernel];
                std::reverse_copy(weights, weights + kernel, turned);
                depthwise_channel<G::H, G::W, G::R, 1>(to, depthwise_bordered<G::P, G::Q, border>(free, above),
                                                       G::Q + 2 * border, static_cast<const T*>(turned), T(0));
            } else {
                depthwise_input_by_places<G>(to, above, weights);
            }
        }
    }
}

// ---- one sample

template <class G, class T>
constexpr std::size_t depthwise_scratch_bytes(single, G, T) {
    return 0;
}

template <class G, class Y, class X, class Weights, class B>
void depthwise_forward(single, G, Y y, X x, Weights w, B b, std::byte*) {
    using T = number_of<X>;
    for (int c = 0; c < G::C; ++c)
        for (int p = 0; p < G::P; ++p)
            for (int q = 0; q < G::Q; ++q) {
                T sum = 0;
                if constexpr (!is_nothing<B>) sum = b[static_cast<std::size_t>(c)];
                const int h0 = p * G::stride - G::padding, w0 = q * G::stride - G::padding;
                for (int h = std::max(0, h0); h < std::min(G::H, h0 + G::R); ++h)
                    for (int v = std::max(0, w0); v < std::min(G::W, w0 + G::R); ++v)
                        sum += w.data[(c * G::R + h - h0) * G::R + v - w0] * x.data[(c * G::H + h) * G::W + v];
                y.data[(c * G::P + p) * G::Q + q] = sum;
            }
}

} // namespace ikebana::cpu
