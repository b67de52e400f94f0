// Convolution of one sample, with W×W max pool and activation where they follow: filters in the vector lanes.
// x (C,H,W), y (K,P/W,Q/W), w (K,C,R,S), b (K). Weights are packed once, filters last; two methods:
//   single_winograd.hpp    kernels of 3×3, 5×5 and 7×7 with stride 1, where it costs less
//   direct, here           everything else: blocks of output columns × vectors of filters in registers; a number of x,
//                          broadcast, meets all filters of the block
// The choice is a constant of the geometry: the method with the smaller estimate of cycles. With padding the image is
// copied once into a bordered scratch. See layers/primitives.hpp.
#pragma once
#include <backends/cpu/single_winograd.hpp>

namespace ikebana::cpu {

/// Cycles to read n weights, once a call: from the second level of cache, or from memory.
template <class T>
constexpr double single_read_cycles(double n) {
    return n / width<T> * (n * sizeof(T) > (1 << 20) ? 20 : 2);
}

/// Products, transforms (about 3 N a row or column of N×N, 2 N to or from M×M) and reading the weights.
template <class G, int M, class T>
constexpr double single_winograd_cycles() {
    using Method = SingleWinograd<G, M, T>;
    constexpr double N = Method::N, points = Method::points, C = Method::vectors;
    constexpr double K = Method::Filters::blocks * Method::Filters::block;
    return double(Method::rows * Method::columns) *
               (points * G::C * K + C * 8 * points + K * (2 * N * (N + M) + 2 * points)) +
           single_read_cycles<T>(double(Method::packed_size));
}

template <class G, class T>
inline constexpr std::size_t single_direct_packed_size =
    static_cast<std::size_t>(FilterBlocks<G::K, T>::blocks) * FilterBlocks<G::K, T>::lanes* G::C* G::R* G::S;

/// Outputs of a piece in each direction; 0: the direct method.
template <class G, class T>
inline constexpr int single_winograd_of = [] {
    int best = 0;
    if constexpr (G::stride == 1 && G::R == G::S && G::R % 2 == 1 && G::R >= 3 && G::R <= 7) {
        const double size = double(single_direct_packed_size<G, T>);
        double least = 0.8 * (size / width<T> * G::P * G::Q + single_read_cycles<T>(size));
        const auto consider = [&](int outputs, double cycles) {
            if (outputs + G::R - 1 <= 8 && cycles < least) best = outputs, least = cycles;
        };
        consider(2, single_winograd_cycles<G, 2, T>());
        if constexpr (G::R <= 5) consider(4, single_winograd_cycles<G, 4, T>());
        if constexpr (G::R <= 3) consider(6, single_winograd_cycles<G, 6, T>());
    }
    return best;
}();

/// Sizes of the bordered image.
template <class G>
inline constexpr int single_rows = G::H + 2 * G::padding;
template <class G>
inline constexpr int single_columns = G::W + 2 * G::padding;

/// Scratch begins with the biases, filled up to whole blocks of filters.
template <class G, class T>
inline constexpr std::size_t
    single_bias_size = static_cast<std::size_t>(FilterBlocks<G::K, T>::blocks) * FilterBlocks<G::K, T>::lanes;
template <class G, class T>
inline constexpr std::size_t single_border_size = G::padding == 0 ? 0
                                                                  : padded(static_cast<std::size_t>(G::C) *
                                                                           single_rows<G> * single_columns<G>);

template <class G, class T>
constexpr std::size_t conv_scratch_bytes(single, G, T) {
    constexpr std::size_t bias = padded(single_bias_size<G, T>);
    if constexpr (single_winograd_of<G, T> != 0)
        return sizeof(T) * (bias + SingleWinograd<G, single_winograd_of<G, T>, T>::scratch_size);
    else // the bordered image and a row of outputs
        return sizeof(T) * (bias + single_border_size<G, T> + G::Q * FilterBlocks<G::K, T>::lanes);
}
template <class G, class T>
constexpr std::size_t conv_pool_scratch_bytes(single, G, int, T) {
    return conv_scratch_bytes(single{}, G{}, T{});
}

template <class G, class T>
constexpr std::size_t conv_packed_size(single, G, T) {
    if constexpr (single_winograd_of<G, T> != 0)
        return SingleWinograd<G, single_winograd_of<G, T>, T>::packed_size;
    else
        return single_direct_packed_size<G, T>;
}

/// packed [block][c][r][s][filters of the block], or Winograd's.
template <class G, class T, class Weights>
void conv_pack(single, G, T* packed, Weights w) {
    if constexpr (single_winograd_of<G, T> != 0) {
        using Method = SingleWinograd<G, single_winograd_of<G, T>, T>;
        single_winograd_pack<KernelPoints<Method::N, G::R>>(packed, static_cast<const T*>(w.data), G::K, G::C,
                                                            Method::Filters::block);
    } else {
        constexpr int lanes = FilterBlocks<G::K, T>::lanes, filter = G::C * G::R * G::S;
        std::fill_n(packed, single_direct_packed_size<G, T>, T(0));
        for (int k = 0; k < G::K; ++k)
            for (int i = 0; i < filter; ++i)
                packed[(static_cast<std::size_t>(k / lanes) * filter + i) * lanes + k % lanes] = w.data[k * filter + i];
    }
}

/// The bordered copy of x in `to`, or x itself.
template <class G, class T>
const T* single_bordered(T* to, const T* x) {
    if constexpr (G::padding == 0) {
        return x;
    } else {
        std::fill_n(to, single_border_size<G, T>, T(0));
        for (int c = 0; c < G::C; ++c)
            for (int h = 0; h < G::H; ++h)
                std::copy_n(x + (c * G::H + h) * G::W, G::W,
                            to + (c * single_rows<G> + h + G::padding) * single_columns<G> + G::padding);
        return to;
    }
}

/// BQ windows of a block of filters: y [window][lanes] ← f(max over W×W + b). x points at the first input of the first
/// window.
template <class G, int W, int BQ, class T, class F>
IKEBANA_INLINE inline void single_direct_block(T* y, const T* x, const T* w, const T* bias, F f) {
    using V = xsimd::batch<T>;
    constexpr int BV = FilterBlocks<G::K, T>::block, lanes = FilterBlocks<G::K, T>::lanes, places = W * W * BQ;
    V sums[BV][places]; // place = window · W² + row · W + column
    unroll<BV>([&](int k) IKEBANA_INLINE { unroll<places>([&](int j) IKEBANA_INLINE { sums[k][j] = V(0); }); });
    for (int c = 0; c < G::C; ++c)
        for (int r = 0; r < G::R; ++r) {
            const T* row = x + (c * single_rows<G> + r) * single_columns<G>;
            const auto column = [&](int s) IKEBANA_INLINE {
                V weights[BV];
                unroll<BV>([&](int k) IKEBANA_INLINE { weights[k] = V::load_unaligned(w + s * lanes + k * width<T>); });
                unroll<places>([&](int j) IKEBANA_INLINE {
                    const V in(row[(j % (W * W) / W * single_columns<G> + j / (W * W) * W + j % W) * G::stride + s]);
                    unroll<BV>([&](int k) IKEBANA_INLINE { sums[k][j] = xsimd::fma(in, weights[k], sums[k][j]); });
                });
            };
            if constexpr (G::S <= 5)
                unroll<G::S>(column);
            else
                for (int s = 0; s < G::S; ++s) column(s);
            w += G::S * lanes;
        }
    unroll<BV>([&](int k) IKEBANA_INLINE {
        const V b = V::load_unaligned(bias + k * width<T>);
        unroll<BQ>([&](int j) IKEBANA_INLINE {
            pooled<W>(&sums[k][j * W * W], b, f).store_unaligned(y + j * lanes + k * width<T>);
        });
    });
}

template <class G, int W, class T, class F>
void single_direct(T* y, const T* x, const T* packed, const T* bias, T* row, F f) {
    using Filters = FilterBlocks<G::K, T>;
    constexpr int P = G::P / W, Q = G::Q / W, filter = G::C * G::R * G::S;
    constexpr int BQ = block_of(Q, std::max(1, Filters::places / (W * W)));
    for (int b = 0; b < Filters::blocks; ++b)
        for (int p = 0; p < P; ++p) {
            for (int q0 = 0; q0 < Q; q0 += BQ) {
                const int q = std::min(q0, Q - BQ);
                single_direct_block<G, W, BQ>(row + q * Filters::lanes, x + (p * single_columns<G> + q) * W * G::stride,
                                              packed + static_cast<std::size_t>(b) * filter * Filters::lanes,
                                              bias + b * Filters::lanes, f);
            }
            put_filters<G, W>(y, static_cast<const T*>(row), b, p * Q, Q);
        }
}

/// Kept places of the maxima are for the way back, so there is none.
template <class G, int W, class F, class Y, class X, class Weights, class B>
void conv_pool_forward(single, G, std::integral_constant<int, W>, F f, Y y, number_of<X>*, X x, Weights, B b,
                       const number_of<X>* packed, std::byte* scratch) {
    using T = number_of<X>;
    T* bias = reinterpret_cast<T*>(scratch);
    T* free = bias + padded(single_bias_size<G, T>);
    std::fill_n(bias, single_bias_size<G, T>, T(0));
    if constexpr (!is_nothing<B>) std::copy_n(b.data, G::K, bias);
    const T* from = x.data;
    if constexpr (single_winograd_of<G, T> != 0)
        single_winograd<SingleWinograd<G, single_winograd_of<G, T>, T>, G, W>(y.data, from, packed,
                                                                              static_cast<const T*>(bias), free, f);
    else
        single_direct<G, W>(y.data, single_bordered<G>(free, from), packed, static_cast<const T*>(bias),
                            free + single_border_size<G, T>, f);
}

template <class G, class Y, class X, class Weights, class B>
void conv_forward(single, G, Y y, X x, Weights w, B b, const number_of<X>* packed, std::byte* scratch) {
    conv_pool_forward(
        single{}, G{}, std::integral_constant<int, 1>{}, [](auto v) IKEBANA_INLINE { return v; }, y, nullptr, x, w, b,
        packed, scratch);
}

} // namespace ikebana::cpu
