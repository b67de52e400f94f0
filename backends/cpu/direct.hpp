// Convolution by the direct method: register blocks over the image itself; no im2col, nothing is packed.
//   forward          a block of filters × output columns in registers; each x meets all filters of the block, weights
//                    are broadcast. Accumulators fill the register file: 5 × 4 with 32 registers, 5 × 2 with 16, or of
//                    the windows of a pool as many filters as there is room for with one row of a window.
//   backward_input   a block of channels × input columns in registers; each dy meets the S weights of its kernel row.
//                    Only places that exist are multiplied: no zero border in rows, none in columns inside a block.
//   backward_weight  a block of filters × the kernel's columns in registers, for one channel and kernel row; the sum
//                    runs over places, then over lanes (transposing sums of a vector of accumulators at a time).
// With padding the image is copied once into a bordered scratch. Strides other than 1 are correct everywhere, and go by
// unblocked loops in backward_input. Blocks that don't divide a size overlap the block before where values are written,
// and get a smaller kernel where they are added to. Next to read: conv.hpp.
#pragma once
#include <backends/cpu/reduce.hpp>
#include <ikebana/layers/primitives.hpp>

#include <cstring>

namespace ikebana::cpu {

/// Sizes of the image with its border.
template <class G>
inline constexpr int bordered_rows = G::H + 2 * G::padding;
template <class G>
inline constexpr int bordered_columns = G::W + 2 * G::padding;

template <class G, class T>
constexpr std::size_t bordered_bytes = G::padding == 0 ? 0
                                                       : sizeof(T) * backend::lanes<T>* static_cast<std::size_t>(G::C) *
                                                             static_cast<std::size_t>(bordered_rows<G>) *
                                                             static_cast<std::size_t>(bordered_columns<G>);

/// x itself, or its copy in scratch with a border of zeros.
template <class G, class T>
const T* bordered(const T* x, std::byte* scratch) {
    if constexpr (G::padding == 0) {
        return x;
    } else {
        constexpr std::size_t L = backend::lanes<T>, HP = bordered_rows<G>, WP = bordered_columns<G>;
        T* to = reinterpret_cast<T*>(scratch);
        std::memset(to, 0, bordered_bytes<G, T>);
        for (std::size_t c = 0; c < G::C; ++c)
            for (std::size_t h = 0; h < G::H; ++h)
                std::memcpy(to + ((c * HP + h + G::padding) * WP + G::padding) * L, x + (c * G::H + h) * G::W * L,
                            sizeof(T) * G::W * L);
        return to;
    }
}

/// sums[k][j] += Σ_{c,r,s} w[k,c,r,s] · x[c, (p + j / BQ) stride + r, (q + j mod BQ) stride + s] for BK filters and
/// BP × BQ places; x points at lane `lane` of the bordered image, w at the first filter of the block.
template <class G, int BK, int BP, int BQ, class T, class V>
IKEBANA_INLINE inline void direct_block(V (&sums)[BK][BP * BQ], const T* x, const T* w, int p, int q) {
    constexpr int L = backend::lanes<T>, WP = bordered_columns<G>, filter = G::C * G::R * G::S;
    for (int c = 0; c < G::C; ++c)
        for (int r = 0; r < G::R; ++r) {
            const T* row = x + ((c * bordered_rows<G> + p * G::stride + r) * WP + q * G::stride) * L;
            const T* weights = w + (c * G::R + r) * G::S;
            const auto column = [&](int s) IKEBANA_INLINE {
                V in[BP * BQ];
                unroll<BP * BQ>([&](int j) IKEBANA_INLINE {
                    in[j] = V::load_unaligned(row + (j / BQ * G::stride * WP + j % BQ * G::stride + s) * L);
                });
                unroll<BK>([&](int k) IKEBANA_INLINE {
                    const V weight(weights[k * filter + s]);
                    unroll<BP * BQ>([&](int j) IKEBANA_INLINE { sums[k][j] = xsimd::fma(in[j], weight, sums[k][j]); });
                });
            };
            if constexpr (G::S <= 5)
                unroll<G::S>(column);
            else
                for (int s = 0; s < G::S; ++s) column(s);
        }
}

/// Starts a block's sums with the biases.
template <int BK, int N, class V, class B>
IKEBANA_INLINE inline void start_sums(V (&sums)[BK][N], B b, int k0) {
    unroll<BK>([&](int k) IKEBANA_INLINE {
        unroll<N>([&](int j) IKEBANA_INLINE {
            if constexpr (is_nothing<B>)
                sums[k][j] = V(0);
            else
                sums[k][j] = V(b[static_cast<std::size_t>(k0 + k)]);
        });
    });
}

/// put(k, p, q, lane, y) gets each whole W×W window y[W · W] of outputs of filter k, at window row p and column q, with
/// the bias added. `x` is bordered.
template <class G, int W, class T, class B, class Put>
void direct_forward(const T* x, const T* w, B b, Put put) {
    using V = xsimd::batch<T>;
    constexpr int filter = G::C * G::R * G::S, P = G::P / W, Q = G::Q / W;
    constexpr int rows = registers == 32 ? W : 1; // of a window, at a time
    constexpr int BK =
        W == 1 || registers == 32 ? block_of(G::K, 5) : even_block(G::K, std::max(1, (registers - 1 - W) / W));
    constexpr int BQ = W == 1 ? block_of(Q, registers == 32 ? 4 : 2) : 1;
    for (int p = 0; p < P; ++p)
        for (int k0 = 0; k0 < G::K; k0 += BK)
            for (int q0 = 0; q0 < Q; q0 += BQ)
                for (int lane = 0; lane < backend::lanes<T>; lane += width<T>) {
                    const int k = std::min(k0, G::K - BK), q = std::min(q0, Q - BQ);
                    V values[BK][W * W * BQ];
                    unroll<W / rows>([&](int row) IKEBANA_INLINE {
                        constexpr int places = rows * W * BQ;
                        V sums[BK][places];
                        start_sums(sums, b, k);
                        direct_block<G, BK, rows, W * BQ>(sums, x + lane, w + k * filter, p * W + row * rows, q * W);
                        unroll<BK>([&](int i) IKEBANA_INLINE {
                            unroll<places>([&](int j) IKEBANA_INLINE { values[i][row * places + j] = sums[i][j]; });
                        });
                    });
                    unroll<BK>([&](int i) IKEBANA_INLINE {
                        if constexpr (W == 1)
                            unroll<BQ>([&](int j) IKEBANA_INLINE { put(k + i, p, q + j, lane, &values[i][j]); });
                        else
                            put(k + i, p, q, lane, values[i]);
                    });
                }
}

// ---- gradient of the weights

/// to[i · stride + j] += the lane sum of accumulator [i][j], of N accumulators [N / S][S], a vector's worth at a time.
template <int N, int S, class T, class V>
IKEBANA_INLINE inline void add_lane_sums(T* to, int stride, const V (&sums)[N]) {
    constexpr int W = width<T>;
    alignas(64) T total[(N + W - 1) / W * W];
    for (int first = 0; first < N; first += W) {
        V group[W];
        unroll<W>([&](int i) IKEBANA_INLINE { group[i] = first + i < N ? sums[first + i < N ? first + i : 0] : V(0); });
        xsimd::haddp(group).store_unaligned(total + first);
    }
    unroll<N>([&](int n) IKEBANA_INLINE {
        to[n / S * stride + n % S] += total[n / W * W + haddp_place<T>[static_cast<std::size_t>(n % W)]];
    });
}

/// dw[k … k + BK, c, r, s0 … s0 + BS) += Σ over places and lanes of dy · x.
template <class G, int BK, int BS, class T>
void direct_weight_block(T* dw, const T* dy, const T* x, int c, int r, int s0) {
    using V = xsimd::batch<T>;
    constexpr int L = backend::lanes<T>;
    V sums[BK * BS];
    unroll<BK * BS>([&](int i) IKEBANA_INLINE { sums[i] = V(0); });
    for (int p = 0; p < G::P; ++p) {
        const T* row = x + ((c * bordered_rows<G> + p * G::stride + r) * bordered_columns<G> + s0) * L;
        const T* d = dy + p * G::Q * L;
        for (int q = 0; q < G::Q; ++q, row += (G::stride - 1) * L)
            for (int lane = 0; lane < L; lane += width<T>, row += width<T>, d += width<T>) {
                V in[BS];
                unroll<BS>([&](int s) IKEBANA_INLINE { in[s] = V::load_unaligned(row + s * L); });
                unroll<BK>([&](int k) IKEBANA_INLINE {
                    const V g = V::load_unaligned(d + k * G::P * G::Q * L);
                    unroll<BS>([&](int s)
                                   IKEBANA_INLINE { sums[k * BS + s] = xsimd::fma(in[s], g, sums[k * BS + s]); });
                });
            }
    }
    add_lane_sums<BK * BS, BS>(dw + (c * G::R + r) * G::S + s0, G::C * G::R * G::S, sums);
}

/// Columns of the kernel in a block, and filters.
template <class G>
inline constexpr int direct_weight_columns = std::min(G::S, registers == 32 ? 8 : 5);
template <class G>
inline constexpr int direct_weight_filters = std::max(1, (registers == 32 ? 26 : 12) / direct_weight_columns<G>);

/// All weights of filters [k0, k0 + N), in blocks; dy points at filter k0. `x` is bordered.
template <class G, int N, class T>
void direct_weight_gradient(T* dw, const T* dy, const T* x, int k0) {
    constexpr int L = backend::lanes<T>, filter = G::C * G::R * G::S;
    constexpr int BS = direct_weight_columns<G>, BK = block_of(N, direct_weight_filters<G>);
    const auto filters = [&]<int M>(std::integral_constant<int, M>, int k) {
        T* to = dw + (k0 + k) * filter;
        const T* d = dy + k * G::P * G::Q * L;
        for (int c = 0; c < G::C; ++c)
            for (int r = 0; r < G::R; ++r) {
                int s = 0;
                for (; s + BS <= G::S; s += BS) direct_weight_block<G, M, BS>(to, d, x, c, r, s);
                if constexpr (G::S % BS != 0) direct_weight_block<G, M, G::S % BS>(to, d, x, c, r, s);
            }
    };
    int k = 0;
    for (; k + BK <= N; k += BK) filters(std::integral_constant<int, BK>{}, k);
    if constexpr (N % BK != 0) filters(std::integral_constant<int, N % BK>{}, k);
}

// ---- gradient of the image

/// dx[c … c + BC, h, w0 … w0 + BW) = Σ_k Σ_r Σ_s dy[k, h + padding − r, ·] · w[k, c, r, s] for stride 1.
template <class G, int BC, int BW, class T>
IKEBANA_INLINE inline void direct_input_block(T* dx, const T* w, const T* dy, int c, int h, int w0, int lane) {
    using V = xsimd::batch<T>;
    constexpr int L = backend::lanes<T>;
    V sums[BC][BW];
    unroll<BC>([&](int i) IKEBANA_INLINE { unroll<BW>([&](int j) IKEBANA_INLINE { sums[i][j] = V(0); }); });
    const int r0 = std::max(0, h + G::padding - G::P + 1), r1 = std::min(G::R - 1, h + G::padding);
    for (int k = 0; k < G::K; ++k)
        for (int r = r0; r <= r1; ++r) {
            const T* row = dy + (k * G::P + h + G::padding - r) * G::Q * L + lane;
            const T* weights = w + ((k * G::C + c) * G::R + r) * G::S;
            // dy's column q reaches dx's columns q − padding + s
            const auto column = [&](int j) IKEBANA_INLINE {
                const int q = w0 + G::padding - (G::S - 1) + j;
                if (q < 0 || q >= G::Q) return;
                const V d = V::load_unaligned(row + q * L);
                unroll<G::S>([&](int s) IKEBANA_INLINE {
                    const int at = j - (G::S - 1) + s;
                    if (at >= 0 && at < BW)
                        unroll<BC>([&](int i) IKEBANA_INLINE {
                            sums[i][at] = xsimd::fma(d, V(weights[i * G::R * G::S + s]), sums[i][at]);
                        });
                });
            };
            unroll<BW + G::S - 1>(column);
        }
    unroll<BC>([&](int i) IKEBANA_INLINE {
        unroll<BW>([&](int j) IKEBANA_INLINE {
            sums[i][j].store_unaligned(dx + (((c + i) * G::H + h) * G::W + w0 + j) * L + lane);
        });
    });
}

/// Any stride, and kernels too wide to be written out: adds into dx place by place.
template <class G, class T>
void direct_input_by_places(T* dx, const T* w, const T* dy) {
    using V = xsimd::batch<T>;
    constexpr int L = backend::lanes<T>;
    std::fill(dx, dx + G::input::size * L, T(0));
    for (int k = 0; k < G::K; ++k)
        for (int c = 0; c < G::C; ++c)
            for (int p = 0; p < G::P; ++p)
                for (int r = 0; r < G::R; ++r) {
                    const int h = p * G::stride + r - G::padding;
                    if (h < 0 || h >= G::H) continue;
                    for (int q = 0; q < G::Q; ++q)
                        for (int s = 0; s < G::S; ++s) {
                            const int column = q * G::stride + s - G::padding;
                            if (column < 0 || column >= G::W) continue;
                            const V weight(w[((k * G::C + c) * G::R + r) * G::S + s]);
                            T* to = dx + ((c * G::H + h) * G::W + column) * L;
                            const T* from = dy + ((k * G::P + p) * G::Q + q) * L;
                            for (int lane = 0; lane < L; lane += width<T>)
                                xsimd::fma(weight, V::load_unaligned(from + lane), V::load_unaligned(to + lane))
                                    .store_unaligned(to + lane);
                        }
                }
}

/// dx = … for the whole image.
template <class G, class T>
void direct_input_gradient(T* dx, const T* w, const T* dy) {
    if constexpr (G::stride != 1 || G::S > 11) {
        direct_input_by_places<G>(dx, w, dy);
    } else {
        constexpr int most = registers == 32 ? 24 : 12;
        constexpr int BW = std::min(G::W, 12), BC = block_of(G::C, std::max(1, most / BW));
        for (int h = 0; h < G::H; ++h)
            for (int c0 = 0; c0 < G::C; c0 += BC)
                for (int w0 = 0; w0 < G::W; w0 += BW)
                    for (int lane = 0; lane < backend::lanes<T>; lane += width<T>)
                        direct_input_block<G, BC, BW>(dx, w, dy, std::min(c0, G::C - BC), h,
                                                      G::W == BW ? 0 : std::min(w0, G::W - BW), lane);
    }
}

} // namespace ikebana::cpu
