// Convolution with 16 samples in the lanes. x (C,H,W), y (K,P,Q), w (K,C,R,S), b (K). Three methods:
//   winograd.hpp    fewer multiplications: kernels of 3×3, 5×5 and 7×7 with stride 1 between many channels
//   pointwise.hpp   kernels of 1×1: a matrix product over the places
//   direct.hpp      everything else: the first layer's one channel, strides, small images
// The choice is a constant of the geometry: the method with the fewer vector operations. See layers/primitives.hpp.
#pragma once
#include <backends/cpu/direct.hpp>
#include <backends/cpu/pointwise.hpp>
#include <backends/cpu/winograd.hpp>

namespace ikebana::cpu {

/// Vector operations of one direction for a tile: products, transforms (about 3 N a row or column of N×N, 2 N to or
/// from M×M), loads and stores of what lies between them.
template <class G, int M>
constexpr double winograd_operations() {
    constexpr double N = M + G::R - 1, C = G::C, K = G::K, points = N * N;
    constexpr double pieces = ((G::P + M - 1) / M) * ((G::Q + M - 1) / M);
    return pieces * (points * C * K + C * (6 * points + 2 * points) + K * (2 * N * (N + M) + 2 * points));
}
template <class G>
constexpr double direct_operations = double(G::P) * G::Q* G::K* G::C* G::R* G::S;

/// Outputs of a piece in each direction; 0: the direct method.
template <class G>
inline constexpr int winograd_outputs = [] {
    int best = 0;
    if constexpr (G::stride == 1 && G::R == G::S && G::R % 2 == 1 && G::R >= 3 && G::R <= 7) {
        double least = 0.8 * direct_operations<G>; // the direct method needs no scratch, and rounds a little less
        const auto consider = [&](int outputs, double operations) {
            if (outputs + G::R - 1 <= 8 && operations < least) best = outputs, least = operations;
        };
        consider(2, winograd_operations<G, 2>());
        consider(4, winograd_operations<G, 4>());
        consider(6, winograd_operations<G, 6>());
    }
    return best;
}();
template <class G, class T>
using WinogradOf = Winograd<G, winograd_outputs<G>, T>;

template <class G, class T>
constexpr std::size_t conv_scratch_bytes(backend, G, T) {
    if constexpr (winograd_outputs<G> != 0)
        return WinogradOf<G, T>::scratch_bytes;
    else if constexpr (is_pointwise<G>)
        return pointwise_scratch_bytes<G, T>();
    else
        return bordered_bytes<G, T>;
}

template <class G, class T>
constexpr std::size_t conv_packed_size(backend, G, T) {
    if constexpr (winograd_outputs<G> != 0)
        return WinogradOf<G, T>::packed_size;
    else if constexpr (is_pointwise<G>)
        return pointwise_packed_size<G>;
    else
        return 0;
}

template <class G, class T, class Weights>
void conv_pack(backend, G, T* packed, Weights w) {
    if constexpr (winograd_outputs<G> != 0) {
        using Method = WinogradOf<G, T>;
        winograd_pack<typename Method::Kernel>(packed, Method::kernels, static_cast<const T*>(w.data), G::K * G::C);
    } else if constexpr (is_pointwise<G>) {
        pointwise_pack<G>(packed, static_cast<const T*>(w.data));
    }
}

/// How far on the next filter's numbers lie from those of k, 0 for the last of K: asked for while k's are worked.
template <int K, int Size>
constexpr int next_of(int k) {
    return k + 1 < K ? Size : 0;
}

/// put(k, p, q, lane, value) for each whole W×W window of outputs, biases added: value[W · W], row-major. It writes to
/// y (K, P / W, Q / W), for which the rows of windows may be seen as one.
template <class G, int W, class X, class Weights, class B, class Put>
void convolve(const number_of<X>* y, X x, Weights w, B b, const number_of<X>* packed, std::byte* scratch, Put put) {
    using T = number_of<X>;
    const T* from = x.data;
    if constexpr (winograd_outputs<G> != 0) {
        using V = xsimd::batch<T>;
        using Method = WinogradOf<G, T>;
        constexpr int windows = Method::M / W;
        static_assert(Method::M % W == 0);
        winograd_forward<Method, G>(
            from, packed, scratch, [&](int k, int p, int q, int lane, const T* sums) IKEBANA_INLINE {
                V bias(0);
                if constexpr (!is_nothing<B>) bias = V(b[static_cast<std::size_t>(k)]);
                IKEBANA_ROLLED
                for (int row = 0; row < windows; ++row) {
                    unroll<windows>([&](int column) IKEBANA_INLINE {
                        if (!Method::fits && (p / W + row >= G::P / W || q / W + column >= G::Q / W)) return;
                        V window[W * W];
                        unroll<W * W>([&](int j) IKEBANA_INLINE {
                            const int place = (row * W + j / W) * Method::M + column * W + j % W;
                            window[j] = V::load_aligned(sums + place * width<T>) + bias;
                        });
                        put(k, p / W + row, q / W + column, lane, window);
                        constexpr int places = (G::P / W) * (G::Q / W);
                        const int place = k * places + (p / W + row) * (G::Q / W) + q / W + column;
                        __builtin_prefetch(y + place * X::lanes + next_of<G::K, places * X::lanes>(k) + lane, 1, 2);
                    });
                }
            });
    } else if constexpr (is_pointwise<G>) {
        pointwise_forward<G, W>(y, from, static_cast<const T*>(w.data), b, packed, scratch, put);
    } else {
        direct_forward<G, W>(bordered<G>(from, scratch), static_cast<const T*>(w.data), b, put);
    }
}

template <class G, class Y, class X, class Weights, class B>
void conv_forward(backend, G, Y y, X x, Weights w, B b, const number_of<X>* packed, std::byte* scratch) {
    convolve<G, 1>(y.data, x, w, b, packed, scratch,
                   [&](int k, int p, int q, int lane, const auto* value)
                       IKEBANA_INLINE { value->store_unaligned(y.row((k * G::P + p) * G::Q + q) + lane); });
}

template <class G, class DX, class DW, class DY, class X, class Weights>
void conv_backward(backend, G, DX dx, DW dw, DY dy, X x, Weights w, const number_of<X>* packed, std::byte* scratch) {
    using T = number_of<X>;
    const T* above = dy.data;
    if constexpr (winograd_outputs<G> != 0) {
        using V = xsimd::batch<T>;
        using Method = WinogradOf<G, T>;
        winograd_backward<Method, G>(
            dx, dw, static_cast<const T*>(x.data), packed, scratch,
            [&](int k, int p, int q, int lane, T* y) IKEBANA_INLINE {
                IKEBANA_ROLLED
                for (int i = 0; i < Method::M * Method::M; ++i) {
                    const int row = p + i / Method::M, column = q + i % Method::M;
                    V value(0);
                    if (Method::fits || (row < G::P && column < G::Q)) {
                        const T* at = above + ((k * G::P + row) * G::Q + column) * X::lanes + lane;
                        value = V::load_unaligned(at);
                        __builtin_prefetch(at + next_of<G::K, G::P * G::Q * X::lanes>(k), 0, 2);
                    }
                    value.store_aligned(y + i * width<T>);
                }
            });
    } else if constexpr (is_pointwise<G>) {
        pointwise_backward<G>(dx, dw, above, static_cast<const T*>(x.data), packed, scratch);
    } else {
        if constexpr (!is_nothing<DW>)
            direct_weight_gradient<G, G::K>(dw.data, above, bordered<G>(static_cast<const T*>(x.data), scratch), 0);
        if constexpr (!is_nothing<DX>) direct_input_gradient<G>(dx.data, static_cast<const T*>(w.data), above);
    }
}

} // namespace ikebana::cpu
