// The products of 1×1 convolutions in pairs of terms (paired.hpp), where additions have units of their own.
//   y = W x, dx = Wᵀ dy   rows of W are scaled when it is packed, places of x when they are copied: 5 filters × 4
//                         places in registers
//   dW = dy xᵀ            four or eight chunks of terms, samples of 15 or 30 places, are transposed and scaled at a time
// Next to read: pointwise.hpp, which calls this.
#pragma once
#include <backends/cpu/paired.hpp>
#include <backends/cpu/tiles.hpp>
#include <ikebana/layers/primitives.hpp>

namespace ikebana::cpu {

/// Whether a product of O results of I terms runs in pairs, which wants a chunk of terms, and results enough, as a place
/// is scaled once for all. Time beside that without pairs, on Zen 4: 0.93 for 64 results of 64 terms, 0.86 for 256 of
/// 64, 0.9 for 64 of 256, 0.87 for 60 of 120; more than 1 for 32.
template <int O, int I>
inline constexpr bool is_paired = adds_beside_fma&& I >= chunk_terms&& O >= chunk_terms;

/// O rows of I weights as add_pairs wants them, in blocks of at most 5; then what each row needs.
template <int O, int I>
struct PairedWeights {
    static constexpr int most = 5, chunks = (I + chunk_terms - 1) / chunk_terms, step = chunks * chunk_step;
    static constexpr std::size_t numbers = static_cast<std::size_t>(O) * step;
    static constexpr std::size_t size = is_paired<O, I> ? numbers + 2 * O : 0;

    /// From w[o · o_step + i · i_step].
    template <class T>
    static void pack(T* packed, const T* w, int o_step, int i_step) {
        each_even_block<O, most>([&]<int R>(std::integral_constant<int, R>, int o) {
            for (int r = 0; r < R; ++r) {
                T row[I];
                for (int i = 0; i < I; ++i) row[i] = w[(o + r) * o_step + i * i_step];
                const RowCorrection<T> needs = make_row<T>(packed + o * step, row, r, R, I);
                T* to = packed + numbers + 2 * (o + r);
                to[0] = needs.sum, to[1] = needs.factor;
            }
        });
    }
};

/// Lines of memory that are asked for after every three pairs, and while a block of K terms is summed.
inline constexpr int requests_at_once = 4;
constexpr int requests_of_block(int K) { return K / chunk_terms * chunk_pairs / 3 * requests_at_once; }

/// values (R,C) ← b[r] + Σ a_r[k] · x_c[k] for R rows from `rows` on, which are what PairedWeights::pack made for K
/// terms with what they `need`, and panels x that scale_panel made, from `lane` on.
template <int R, int C, class T, class B>
IKEBANA_ONCE void paired_values(xsimd::batch<T>* values, const T* rows, const T* need, B b, const T* panel,
                                const LaneCorrections<T>* lanes, int lane, int K, const T* const* requests) {
    using V = xsimd::batch<T>;
    V sum[R][C];
    const T* x[C];
    unroll<C>([&](int c) IKEBANA_INLINE {
        x[c] = panel + c * K * backend::lanes<T> + lane;
        unroll<R>([&](int r)
                      IKEBANA_INLINE { sum[r][c] = V(-need[2 * r]) - V::load_aligned(lanes[c].sum[r % 3] + lane); });
    });
    add_pairs(sum, rows, x, K, [&]() IKEBANA_INLINE {
        unroll<requests_at_once>([&](int i) IKEBANA_INLINE { __builtin_prefetch(requests[i], 0, 2); });
        requests += requests_at_once;
    });
    unroll<C>([&](int c) IKEBANA_INLINE {
        const V factor = V::load_aligned(lanes[c].factor + lane);
        unroll<R>([&](int r) IKEBANA_INLINE {
            V bias(0);
            if constexpr (!is_nothing<B>) bias = V(b[r]);
            values[r * C + c] = xsimd::fma(sum[r][c], factor * V(need[2 * r + 1]), bias);
        });
    });
}

/// How places are cut to panels: single places, or W×W windows, as PointwisePanels.
template <class G, int W>
struct PairedPlaces {
    static constexpr int P = W == 1 ? 1 : G::P / W, Q = W == 1 ? G::P * G::Q : G::Q / W, windows = W == 1 ? 4 : 1;

    /// The panel and the next.
    static constexpr std::size_t scratch_size(int I, int lanes) {
        return static_cast<std::size_t>(2 * I * windows * W * W * lanes);
    }
    /// Place j of those from a window on.
    static constexpr int place(int window, int j) {
        return W == 1 ? window + j : (window / Q * W + j / W) * G::Q + window % Q * W + j % W;
    }
};

/// As pointwise_product(), of packed weights.
template <class G, int O, int I, int W, class T, class B, class Put>
void paired_product(const T* y, const T* x, const T* packed, B b, T* panel, Put put) {
    using V = xsimd::batch<T>;
    using Places = PairedPlaces<G, W>;
    using Weights = PairedWeights<O, I>;
    constexpr int L = backend::lanes<T>, Q = Places::Q, all = Places::P * Q, size = I * L; // of a place in a panel
    // Of the next panel, `share` terms are copied for each block, and those of the next block are asked for.
    constexpr int blocks = (O + Weights::most - 1) / Weights::most, share = (I + blocks - 2) / (blocks - 1);
    constexpr int requested = requests_of_block(I);
    const auto image = [&](int i, int window, int j) { return x + (i * G::P * G::Q + Places::place(window, j)) * L; };
    const auto copy = [&](T* to, int window, int places, int begin, int end) IKEBANA_INLINE {
        for (int j = 0; j < places; ++j)
            for (int i = begin; i < std::min(end, I); ++i)
                std::copy_n(image(i, window, j), L, to + j * size + place_of_term(i, I) * L);
    };
    const T* requests[requested];
    std::fill_n(requests, requested, y);
    T* spare = panel + Places::scratch_size(I, L) / 2;
    copy(panel, 0, std::min(all, Places::windows) * W * W, 0, I);
    each_even_block<all, Places::windows>([&]<int N>(std::integral_constant<int, N>, int first) {
        constexpr int places = N * W * W;
        const int next = first + N, coming = std::min(N, all - next) * W * W, p = first / Q, q = first % Q;
        LaneCorrections<T> lanes[places];
        for (int j = 0; j < places; ++j) scale_panel<T>(panel + j * size, lanes[j], I);
        int term = 0;
        each_even_block<O, Weights::most>([&]<int R>(std::integral_constant<int, R>, int o) IKEBANA_INLINE {
            copy(spare, next, coming, std::max(term - share, 0), term);
            int n = 0;
            for (int k = 0; k < R; ++k)
                for (int j = 0; j < N && n < requested; ++j) requests[n++] = y + ((o + k) * all + first + j) * L;
            for (int i = term; i < std::min(term + share, I); ++i)
                for (int j = 0; j < coming && n < requested; ++j) requests[n++] = image(i, next, j);
            term += share;
            for (int lane = 0; lane < L; lane += width<T>) {
                V values[R * places];
                const auto bias = [&] {
                    if constexpr (is_nothing<B>)
                        return b;
                    else
                        return &b[static_cast<std::size_t>(o)];
                }();
                paired_values<R, places, T>(values, packed + o * Weights::step, packed + Weights::numbers + 2 * o, bias,
                                            panel, lanes, lane, I, requests);
                unroll<R>([&](int k) IKEBANA_INLINE {
                    unroll<N>([&](int j)
                                  IKEBANA_INLINE { put(o + k, p, q + j, lane, values + k * places + j * W * W); });
                });
            }
        });
        std::swap(panel, spare);
    });
}

// ---- gradient of the weights

/// panel ← K terms of L channels that lie `step` numbers apart, of which there are `count`. Eight channels at a time,
/// as they may share a set of the cache.
template <class T>
IKEBANA_ONCE void transpose_to_panel(T* panel, const T* from, std::size_t step, int count, int K) {
    constexpr int L = backend::lanes<T>, at_once = 4, whole = chunk_pairs / at_once * at_once, channels = 8;
    for (int channel = 0; channel < count; channel += channels) {
        const auto columns = [&](int place, int apart, int first, int n) {
            transpose(panel + place * L + channel, static_cast<std::size_t>(apart * L),
                      from + static_cast<std::size_t>(channel) * step + first, step,
                      static_cast<std::size_t>(std::min(channels, count - channel)), static_cast<std::size_t>(n));
        };
        int k = 0;
        for (; k + chunk_terms <= K; k += chunk_terms)
            for (int second = 0; second < 2; ++second) {
                const int first = k + second * chunk_pairs, rest = chunk_pairs - at_once; // the last four overlap others
                columns(k + second, 2, first, whole);
                columns(k + second + 2 * rest, 2, first + rest, at_once);
            }
        columns(k, 1, k, K - k);
    }
}

/// sums (rows, columns) of a PointwiseGradient: Σ over places and samples, added to what is there if `in_place`.
template <class Gradient, class G, class T>
void paired_weight_sums(T* sums, const T* lanes, const T* broadcast, T* across) {
    using V = xsimd::batch<T>;
    constexpr int L = backend::lanes<T>, image = G::P * G::Q * L, most = 5,
                  chunks = (Gradient::terms + chunk_terms - 1) / chunk_terms;
    constexpr int blocks = (Gradient::rows + most - 1) / most, share = (Gradient::A + blocks - 1) / blocks;
    constexpr int requested = requests_of_block(Gradient::terms), turns = (Gradient::panels + 3) / 4;
    LaneCorrections<T> corrections[Gradient::panels];
    T a[most * chunks * chunk_step], need[2 * most];
    const T* requests[requested];
    std::fill_n(requests, requested, across);
    if constexpr (Gradient::A % L != 0) std::fill_n(across, Gradient::across_size, T(0));
    for (int place = 0; place < G::P * G::Q; place += Gradient::places) {
        const int places = std::min(Gradient::places, G::P * G::Q - place), K = places * L;
        const int ahead = std::min(place + Gradient::places, G::P * G::Q - places);
        for (int p = 0; p < Gradient::panels; ++p) {
            T* panel = across + p * K * L;
            transpose_to_panel<T>(panel, lanes + p * L * image + place * L, image, std::min(L, Gradient::A - p * L), K);
            scale_panel<T>(panel, corrections[p], K);
        }
        int asked = 0;
        each_even_block<Gradient::rows, most>([&]<int R>(std::integral_constant<int, R>, int r) {
            for (int i = 0; i < R; ++i) {
                const RowCorrection<T> row = make_row<T>(a, broadcast + (r + i) * image + place * L, i, R, K);
                need[2 * i] = row.sum, need[2 * i + 1] = row.factor;
            }
            // The next rows and a share of the next panels, dealt to the blocks; each block asks for its sums.
            int turn = 0;
            each_even_block<Gradient::panels, 4>([&]<int C>(std::integral_constant<int, C>, int p) {
                T* to = sums + r * Gradient::columns + p * L;
                int n = 0;
                for (int i = 0; i < R; ++i)
                    for (int c = 0; c < C && n < requested; ++c) requests[n++] = to + i * Gradient::columns + c * L;
                for (int i = turn++; i < R + share; i += turns) {
                    const T* from = i < R ? broadcast + std::min(r + R + i, Gradient::rows - 1) * image + place * L
                                          : lanes + std::min(asked + i - R, Gradient::A - 1) * image + ahead * L;
                    const int end = std::min(n + places, requested);
                    for (; n < end; ++n, from += L) requests[n] = from;
                }
                for (int lane = 0; lane < L; lane += width<T>) {
                    V values[R * C];
                    paired_values<R, C, T>(values, a, need, Nothing{}, across + p * K * L, corrections + p, lane, K,
                                           requests);
                    unroll<R>([&](int i) IKEBANA_INLINE {
                        unroll<C>([&](int c) IKEBANA_INLINE {
                            T* at = to + i * Gradient::columns + c * L + lane;
                            V sum = values[i * C + c];
                            if (Gradient::in_place || place > 0) sum = sum + V::load_unaligned(at);
                            sum.store_unaligned(at);
                        });
                    });
                }
            });
            asked += share;
        });
    }
}

} // namespace ikebana::cpu
