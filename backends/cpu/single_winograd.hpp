// Convolution of one sample by Winograd's method, with channels and filters in the vector lanes; the matrices and
// transforms are those of winograd.hpp, which explains them. A group of pieces (some rows of them) at a time:
//   V [point][piece][c]                            from the image, channels last
//   M [piece][vector of filters][point] = Σ_c U V  U [block][point][c][filters of the block] is packed and read in
//   order Y                                              windows pooled, f applied, then transposed to (K,P,Q)
// Next to read: single_conv.hpp.
#pragma once
#include <backends/cpu/single.hpp>
#include <backends/cpu/tiles.hpp>
#include <backends/cpu/winograd_transforms.hpp>

namespace ikebana::cpu {

/// Filters in vectors: `blocks` blocks of `block` vectors each; those beyond K have weights 0.
template <int K, class T>
struct FilterBlocks {
    static constexpr int vectors = (K + width<T> - 1) / width<T>;
    static constexpr int block = [] {
        int best = 1;
        const auto rounded = [](int b) { return (vectors + b - 1) / b * b; };
        for (int b = registers == 32 ? 4 : 3; b >= 2; --b)
            if (vectors > 1 && (best == 1 || rounded(b) < rounded(best))) best = b;
        return best;
    }();
    static constexpr int blocks = (vectors + block - 1) / block;
    static constexpr int lanes = block * width<T>; // filters of a block
    /// Places that are worked together with a block: what is left of the registers.
    static constexpr int places = (registers == 32 ? 24 : 12) / block;
};

/// y (K, P/W, Q/W): places [first, first + n) of a block's filters ← from [place][lanes of the block].
template <class G, int W, class T>
void put_filters(T* y, const T* from, int block, int first, int n) {
    using Filters = FilterBlocks<G::K, T>;
    constexpr std::size_t places = static_cast<std::size_t>(G::P / W) * (G::Q / W);
    const int k = block * Filters::lanes;
    transpose(y + static_cast<std::size_t>(k) * places + first, places, from, Filters::lanes,
              static_cast<std::size_t>(n), static_cast<std::size_t>(std::min(Filters::lanes, G::K - k)));
}

/// f(max of a W×W window + bias)
template <int W, class V, class F>
IKEBANA_INLINE inline V pooled(const V* window, V bias, F f) {
    if constexpr (W == 1) {
        return f(window[0] + bias);
    } else {
        static_assert(W == 2);
        // xsimd::max of a number and NaN is its second operand, or NaN: either will do.
        const auto larger = [](V v, V best)
                                IKEBANA_INLINE { return V(xsimd::select(xsimd::isnan(v), v, xsimd::max(v, best))); };
        return f(larger(larger(window[3], window[2]), larger(window[1], window[0])) + bias);
    }
}

template <class G, int Outputs, class T>
struct SingleWinograd {
    static constexpr int M = Outputs, N = M + G::R - 1, points = N * N;
    using Filters = FilterBlocks<G::K, T>;
    static constexpr int rows = (G::P + M - 1) / M, columns = (G::Q + M - 1) / M; // of pieces
    static constexpr int group_rows = block_of(rows, std::max(1, 16 / columns)), group = group_rows * columns;
    static constexpr int block = block_of(group, std::min(Filters::places, 6)); // pieces

    // The image, channels last, with a border that holds all pieces.
    static constexpr int H = rows * M + G::R - 1, W = columns * M + G::R - 1;
    static constexpr bool has_border = H != G::H || W != G::W;
    static constexpr int vectors = (G::C + width<T> - 1) / width<T>, channels = vectors * width<T>;

    // Distances in vectors; odd, so that successive points meet different sets of the cache.
    static constexpr int image_point = (group * vectors) | 1, kept = points | 1;

    static constexpr std::size_t image_size = static_cast<std::size_t>(H) * W * channels;
    static constexpr std::size_t v_size = static_cast<std::size_t>(points) * image_point * width<T>;
    static constexpr std::size_t m_size = static_cast<std::size_t>(group) * Filters::block * kept * width<T>;
    static constexpr std::size_t outputs_size = static_cast<std::size_t>(group) * M * M * Filters::lanes;
    static constexpr std::size_t scratch_size = image_size + v_size + m_size + outputs_size;
    static constexpr std::size_t packed_size =
        static_cast<std::size_t>(Filters::blocks) * points * G::C * Filters::lanes;
};

/// packed [block][point][c][filter of the block] ← G w Gᵀ, w (K,C,R,R), `block` vectors of filters in a block.
template <class Kernel, class T>
IKEBANA_ONCE void single_winograd_pack(T* packed, const T* w, int K, int C, int block) {
    constexpr int R = Kernel::columns, S = R * R, points = Kernel::rows * Kernel::rows;
    const int lanes = block * width<T>;
    alignas(64) T kernels[S][width<T>];
    for (int first = 0; first < K; first += lanes, packed += static_cast<std::ptrdiff_t>(points) * C * lanes)
        for (int c = 0; c < C; ++c)
            for (int v = 0; v < block; ++v) {
                for (int lane = 0; lane < width<T>; ++lane) {
                    const int k = first + v * width<T> + lane;
                    for (int s = 0; s < S; ++s) kernels[s][lane] = k < K ? w[(k * C + c) * S + s] : T(0);
                }
                to_points_2d<Kernel>(packed + c * lanes + v * width<T>, C * lanes, kernels[0], R * width<T>, width<T>);
            }
}

/// to [row][column][c] ← x (C,H,W). The lanes beyond C hold anything: nothing that is used depends on them.
template <class Method, class G, class T>
void channels_last(T* to, const T* x) {
    if constexpr (Method::has_border) std::fill_n(to, Method::image_size, T(0));
    for (int h = 0; h < std::min(G::H, Method::H - G::padding); ++h)
        transpose(to + ((h + G::padding) * Method::W + G::padding) * Method::channels, Method::channels, x + h * G::W,
                  static_cast<std::size_t>(G::H * G::W), static_cast<std::size_t>(G::C),
                  static_cast<std::size_t>(std::min(G::W, Method::W - G::padding)));
}

/// V ← Bᵀ d B for the pieces from row `first` on.
template <class Method, class T>
void single_winograd_image(T* v, const T* image, int first) {
    for (int g = 0; g < Method::group; ++g) {
        const int h = (first + g / Method::columns) * Method::M, w = g % Method::columns * Method::M;
        for (int c = 0; c < Method::channels; c += width<T>) {
            const T* from = image + (h * Method::W + w) * Method::channels + c;
            T* to = v + g * Method::channels + c;
            to_points_2d<InputPoints<Method::N>>(to, Method::image_point * width<T>, from, Method::W * Method::channels,
                                                 Method::channels);
        }
    }
}

/// M ← Σ_c U V for one block of filters.
template <class Method, class G, class T>
void single_winograd_products(T* m, const T* u, const T* v) {
    using V = xsimd::batch<T>;
    using Filters = typename Method::Filters;
    constexpr int BV = Filters::block, BG = Method::block;
    for (int point = 0; point < Method::points; ++point, u += G::C * Filters::lanes)
        for (int g0 = 0; g0 < Method::group; g0 += BG) {
            const int g = std::min(g0, Method::group - BG);
            const T* from = v + point * Method::image_point * width<T> + g * Method::channels;
            V sums[BG][BV];
            unroll<BG * BV>([&](int i) IKEBANA_INLINE { sums[i / BV][i % BV] = V(0); });
            for (int c = 0; c < G::C; ++c) {
                V weights[BV];
                unroll<BV>([&](int k) IKEBANA_INLINE {
                    weights[k] = V::load_unaligned(u + c * Filters::lanes + k * width<T>);
                });
                unroll<BG>([&](int i) IKEBANA_INLINE {
                    const V in(from[i * Method::channels + c]);
                    unroll<BV>([&](int k) IKEBANA_INLINE { sums[i][k] = xsimd::fma(in, weights[k], sums[i][k]); });
                });
            }
            unroll<BG * BV>([&](int i) IKEBANA_INLINE {
                const int to = ((g + i / BV) * BV + i % BV) * Method::kept + point;
                sums[i / BV][i % BV].store_unaligned(m + to * width<T>);
            });
        }
}

/// y [window][filters of the block] ← f(max over W×W (Aᵀ M A) + b), window rows counted from the group's first.
template <class Method, class G, int W, class T, class F>
void single_winograd_outputs(T* y, const T* m, const T* bias, int first, F f) {
    using V = xsimd::batch<T>;
    using Filters = typename Method::Filters;
    constexpr int windows = Method::M / W;
    static_assert(Method::M % W == 0);
    for (int g = 0; g < Method::group; ++g)
        for (int k = 0; k < Filters::block; ++k, m += Method::kept * width<T>) {
            alignas(64) T outputs[Method::M * Method::M * width<T>];
            from_points_2d<OutputPoints<Method::N, Method::M>>(outputs, width<T>, m, width<T>);
            const V b = V::load_unaligned(bias + k * width<T>);
            const int p = g / Method::columns * windows, q = g % Method::columns * windows;
            IKEBANA_ROLLED
            for (int i = 0; i < windows * windows; ++i) {
                const int row = p + i / windows, column = q + i % windows;
                if (first * windows + row >= G::P / W || column >= G::Q / W) continue;
                V window[W * W];
                unroll<W * W>([&](int j) IKEBANA_INLINE {
                    const int place = (i / windows * W + j / W) * Method::M + i % windows * W + j % W;
                    window[j] = V::load_aligned(outputs + place * width<T>);
                });
                pooled<W>(window, b, f)
                    .store_unaligned(y + (row * (G::Q / W) + column) * Filters::lanes + k * width<T>);
            }
        }
}

/// y (K, P/W, Q/W); bias [blocks][lanes].
template <class Method, class G, int W, class T, class F>
void single_winograd(T* y, const T* x, const T* packed, const T* bias, T* scratch, F f) {
    using Filters = typename Method::Filters;
    constexpr int windows = Method::M / W, Q = G::Q / W;
    T* v = scratch + Method::image_size;
    T* m = v + Method::v_size;
    T* outputs = m + Method::m_size;
    channels_last<Method, G>(scratch, x);
    for (int r = 0; r < Method::rows; r += Method::group_rows) {
        const int first = std::min(r, Method::rows - Method::group_rows);
        single_winograd_image<Method>(v, static_cast<const T*>(scratch), first);
        const int row = first * windows, rows = std::min(Method::group_rows * windows, G::P / W - row);
        for (int b = 0; b < Filters::blocks; ++b) {
            single_winograd_products<Method, G>(
                m, packed + static_cast<std::size_t>(b) * Method::points * G::C * Filters::lanes,
                static_cast<const T*>(v));
            single_winograd_outputs<Method, G, W>(outputs, static_cast<const T*>(m), bias + b * Filters::lanes, first,
                                                  f);
            if (rows > 0) put_filters<G, W>(y, static_cast<const T*>(outputs), b, row * Q, rows * Q);
        }
    }
}

} // namespace ikebana::cpu
