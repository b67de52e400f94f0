// Depthwise convolution with 16 samples in the lanes, a channel at a time. x (C,H,W), y (C,P,Q), w (C,1,R,R), b (C).
//   forward          a block of a row's outputs in registers; each x is loaded once for a kernel row's R weights
//   backward_input   likewise a block of a row of dx, for any stride: dy's row p meets the kernel rows r with
//                    p · stride + r = h + padding
//   backward_weight  all R² sums of the channel in registers (R ≤ 5, or 3 with 16 registers; else some rows of
//                    the kernel at a time) and a block of dy; each x is loaded once a kernel row
// Nothing is copied into a border: a place outside is left out, and only the columns of a block that lie outside in
// some block are asked for. One sample (cpu::single) goes by plain loops. See layers/primitives.hpp.
#pragma once
#include <backends/cpu/backend.hpp>
#include <ikebana/layers/primitives.hpp>

#include <algorithm>

namespace ikebana::cpu {

template <class G, class T>
constexpr std::size_t depthwise_scratch_bytes(backend, G, T) {
    return 0;
}

// Images from memory: what comes some 400 places later is asked for, channels on if need be. On Zen 4 that takes 0.65
// to 0.9 of the time for the gradient of the weights and 0.5 forward with a stride of 2 (without a stride 1.2 of it),
// but 1.17 where images come from the last cache. Behind the last channel that is nobody's memory, and a request for
// such is dropped.
template <class G>
inline constexpr int rows_ahead = std::max(1, 400 / G::Q);

/// Whether `lane` begins a line.
template <class T>
constexpr bool begins_line(int lane) {
    return lane * sizeof(T) % 64 == 0;
}

/// Asks for what outputs q … q + BQ of row p will meet of x that none before them did.
template <class G, int BQ, class T>
IKEBANA_INLINE inline void ask_for_places(const T* x, int p, int q) {
    constexpr int L = backend::lanes<T>;
    unroll<G::stride>([&](int r) IKEBANA_INLINE {
        const T* row = x + ((p * G::stride + r) * G::W + q * G::stride) * L;
        unroll<BQ * G::stride>([&](int i) IKEBANA_INLINE { __builtin_prefetch(row + i * L, 0, 2); });
    });
}

/// y[p, q … q + BQ) = start + Σ_{r,s} w[r,s] · x[h + r, v + s + j · stride] of one channel, places inside only.
template <class G, int BQ, class T>
IKEBANA_INLINE inline void depthwise_block(T* y, const T* x, const T* w, T start, int p, int q) {
    using V = xsimd::batch<T>;
    constexpr int L = backend::lanes<T>;
    const int h = p * G::stride - G::padding, v = q * G::stride - G::padding;
    V sums[BQ];
    unroll<BQ>([&](int j) IKEBANA_INLINE { sums[j] = V(start); });
    for (int r = std::max(0, -h); r < std::min(G::R, G::H - h); ++r) {
        V weights[G::R];
        unroll<G::R>([&](int s) IKEBANA_INLINE { weights[s] = V(w[r * G::R + s]); });
        unroll<(BQ - 1) * G::stride + G::R>([&](int i) IKEBANA_INLINE {
            const bool inside = i >= G::padding && (G::Q - BQ) * G::stride - G::padding + i < G::W; // in every block
            if (!inside && (v + i < 0 || v + i >= G::W)) return;
            const V in = V::load_unaligned(x + std::ptrdiff_t{(h + r) * G::W + v} * L + i * L);
            unroll<G::R>([&](int s) IKEBANA_INLINE {
                const int j = (i - s) / G::stride;
                if (i >= s && (i - s) % G::stride == 0 && j < BQ) sums[j] = xsimd::fma(in, weights[s], sums[j]);
            });
        });
    }
    unroll<BQ>([&](int j) IKEBANA_INLINE { sums[j].store_unaligned(y + (p * G::Q + q + j) * L); });
}

template <class G, class Y, class X, class Weights, class B>
void depthwise_forward(backend on, G, Y y, X x, Weights w, B b, std::byte*) {
    using T = number_of<X>;
    constexpr int L = backend::lanes<T>, BQ = even_block(G::Q, registers == 32 ? 14 : 7);
    for (int c = 0; c < G::C; ++c) {
        T start = 0;
        if constexpr (!is_nothing<B>) start = b[static_cast<std::size_t>(c)];
        for (int p = 0; p < G::P; ++p)
            for (int q = 0; q < G::Q; q += BQ)
                for (int lane = 0; lane < L; lane += width<T>) {
                    if (G::stride > 1 && on.from_memory && begins_line<T>(lane))
                        ask_for_places<G, BQ>(x.row(c * G::H * G::W) + lane, p + rows_ahead<G>, q);
                    depthwise_block<G, BQ, T>(y.row(c * G::P * G::Q) + lane, x.row(c * G::H * G::W) + lane,
                                              w.data + c * G::R * G::R, start, p, std::min(q, G::Q - BQ));
                }
    }
}

/// dw (R,R) += Σ over places and lanes of dy · x, for one channel. `rows` of the kernel at a time.
template <class G, class T>
void depthwise_weight_channel(backend on, T* dw, const T* dy, const T* x) {
    using V = xsimd::batch<T>;
    constexpr int L = backend::lanes<T>;
    constexpr int rows = std::min(G::R, std::max(1, (registers == 32 ? 25 : 9) / G::R));
    constexpr int BQ = even_block(G::Q, std::clamp(registers - 2 - rows * G::R, 1, 14));
    constexpr int last = (G::Q - 1) / BQ * BQ; // a last block that is too long goes on with zeros
    constexpr int ahead = rows_ahead<G>;
    for (int r0 = 0; r0 < G::R; r0 += rows) {
        const int begin = std::min(r0, G::R - rows); // rows that were summed before are summed again and left out
        V sums[rows * G::R];
        unroll<rows * G::R>([&](int i) IKEBANA_INLINE { sums[i] = V(0); });
        for (int p = 0; p < G::P; ++p)
            for (int q = 0; q < G::Q; q += BQ)
                for (int lane = 0; lane < L; lane += width<T>) {
                    const int h = p * G::stride - G::padding + begin, v = q * G::stride - G::padding;
                    if (on.from_memory && begins_line<T>(lane)) {
                        unroll<BQ>([&](int j) IKEBANA_INLINE {
                            __builtin_prefetch(dy + ((p + ahead) * G::Q + q + j) * L + lane, 0, 2);
                        });
                        ask_for_places<G, BQ>(x + lane, p + ahead, q);
                    }
                    V d[BQ];
                    unroll<BQ>([&](int j) IKEBANA_INLINE {
                        d[j] = V(0);
                        if (last + j < G::Q || q + j < G::Q)
                            d[j] = V::load_unaligned(dy + (p * G::Q + q + j) * L + lane);
                    });
                    const auto column = [&](int r, int i) IKEBANA_INLINE { // of row r: what x's place i meets
                        const bool inside = i >= G::padding && last * G::stride - G::padding + i < G::W;
                        if (!inside && (v + i < 0 || v + i >= G::W)) return;
                        const V in = V::load_unaligned(x + lane + std::ptrdiff_t{(h + r) * G::W + v} * L + i * L);
                        unroll<G::R>([&](int s) IKEBANA_INLINE {
                            const int j = (i - s) / G::stride, to = r * G::R + s;
                            if (i >= s && (i - s) % G::stride == 0 && j < BQ) sums[to] = xsimd::fma(in, d[j], sums[to]);
                        });
                    };
                    constexpr int columns = (BQ - 1) * G::stride + G::R;
                    if (h >= 0 && h + rows <= G::H) // rows by turns: R sums alone would wait for themselves
                        unroll<columns>(
                            [&](int i) IKEBANA_INLINE { unroll<rows>([&](int r) IKEBANA_INLINE { column(r, i); }); });
                    else
                        unroll<rows>([&](int r) IKEBANA_INLINE {
                            if (h + r >= 0 && h + r < G::H)
                                unroll<columns>([&](int i) IKEBANA_INLINE { column(r, i); });
                        });
                }
        for (int i = (r0 - begin) * G::R; i < rows * G::R; ++i) dw[begin * G::R + i] += xsimd::hadd(sums[i]);
    }
}

/// dx[h, v … v + BW) = Σ_{r,s} w[r,s] · dy[(h + padding − r) / stride, (v + j + padding − s) / stride] of one channel,
/// where both divide and are inside. BW and v are multiples of the stride; what is outside of the row isn't stored.
template <class G, int BW, class T>
IKEBANA_INLINE inline void depthwise_input_block(T* dx, const T* dy, const T* w, int h, int v) {
    using V = xsimd::batch<T>;
    constexpr int L = backend::lanes<T>, last = (G::W - 1) / BW * BW;
    constexpr int before = (G::R - 1 - G::padding) / G::stride, after = (BW - 1 + G::padding) / G::stride;
    const int q = v / G::stride - before;
    V sums[BW];
    unroll<BW>([&](int j) IKEBANA_INLINE { sums[j] = V(0); });
    for (int r = (h + G::padding) % G::stride; r < G::R; r += G::stride) {
        const int p = (h + G::padding - r) / G::stride;
        if (h + G::padding < r || p >= G::P) continue;
        V weights[G::R];
        unroll<G::R>([&](int s) IKEBANA_INLINE { weights[s] = V(w[r * G::R + s]); });
        unroll<before + after + 1>([&](int i) IKEBANA_INLINE {
            const bool inside = i >= before && last / G::stride - before + i < G::Q; // in every block
            if (!inside && (q + i < 0 || q + i >= G::Q)) return;
            const V d = V::load_unaligned(dy + std::ptrdiff_t{p * G::Q + q} * L + i * L);
            unroll<G::R>([&](int s) IKEBANA_INLINE {
                const int j = (i - before) * G::stride - G::padding + s;
                if (j >= 0 && j < BW) sums[j] = xsimd::fma(d, weights[s], sums[j]);
            });
        });
    }
    unroll<BW>([&](int j) IKEBANA_INLINE {
        if (last + j < G::W || v + j < G::W) sums[j].store_unaligned(dx + (h * G::W + v + j) * L);
    });
}

template <class G, class DX, class DW, class DY, class X, class Weights>
void depthwise_backward(backend on, G, DX dx, DW dw, DY dy, X x, Weights w, std::byte*) {
    using T = number_of<X>;
    constexpr int L = backend::lanes<T>, kernel = G::R * G::R;
    constexpr int BW = (even_block(G::W, registers == 32 ? 14 : 7) + G::stride - 1) / G::stride * G::stride;
    for (int c = 0; c < G::C; ++c) {
        const T* above = dy.row(c * G::P * G::Q);
        if constexpr (!is_nothing<DW>)
            depthwise_weight_channel<G, T>(on, dw.data + c * kernel, above, x.row(c * G::H * G::W));
        if constexpr (!is_nothing<DX>)
            for (int h = 0; h < G::H; ++h)
                for (int v = 0; v < G::W; v += BW)
                    for (int lane = 0; lane < L; lane += width<T>)
                        depthwise_input_block<G, BW, T>(dx.row(c * G::H * G::W) + lane, above + lane,
                                                        w.data + c * kernel, h, v);
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
