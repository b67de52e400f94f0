// Convolutions of 1×1, which are matrix products over the places of the image: x (C,places), y (K,places), w (K,C).
//   forward          y = W x: one or a few places of x are copied to a panel, and the panel meets all filters; meanwhile
//                    the next panel is copied
//   backward_input   dx = Wᵀ dy, the same product
//   backward_weight  dW = dy xᵀ sums over samples: one of the two is transposed, some places at a time, so that its
//                    channels lie in the lanes, and the other one's numbers are broadcast; no sums over lanes
// Where additions have units of their own, products of 60 results and terms or more are summed in pairs:
// pointwise_paired.hpp.
// A tile of x or y is megabytes and its channels lie kilobytes apart, so no cache guesses what is read next. It is
// asked for while a block is summed, a few lines at a time: a core waits for no more than some twenty at once.
// A stride leaves places out: x is copied without them first, and dx is spread at the end. Next to read: conv.hpp.
#pragma once
#include <backends/cpu/pointwise_paired.hpp>

namespace ikebana::cpu {

template <class G>
inline constexpr bool is_pointwise = G::R == 1 && G::S == 1 && G::padding == 0;

/// How the places of an image are cut to panels of W×W windows, or of single places.
template <class G, int W>
struct PointwisePanels {
    // Without windows the image's rows are one.
    static constexpr int P = W == 1 ? 1 : G::P / W, Q = W == 1 ? G::P * G::Q : G::Q / W, row = W == 1 ? Q : G::Q;
    static constexpr int windows = W == 1 && registers == 32 ? std::min(Q, 4) : 1; // of a row, in a panel

    /// Vectors of a place that are summed at once.
    static constexpr int at_once = W == 1 ? neighbours : 1;

    /// The panel and the next: 256 channels of 4 places and 16 floats take 64 KiB each, which the second level of cache
    /// gives in time; of one place 16 KiB.
    static constexpr std::size_t scratch_size(int I, int lanes) {
        return static_cast<std::size_t>(2 * I * W * W * windows * lanes);
    }
};

/// Blocks of O results of I terms, so many vectors each: accumulators, a term's vectors and a weight fill the
/// registers, and no block is much smaller than the others.
template <int O, int I, int vectors>
struct PointwiseBlocks {
    static constexpr int block = even_block(O, (registers - 1 - vectors) / vectors), blocks = (O + block - 1) / block;
    // Terms summed between two requests for memory, and results that each asks for.
    static constexpr int step = std::min(I, registers == 32 ? 4 : 8), steps = (I + step - 1) / step,
                         asked = (block + steps - 1) / steps;
    // Terms of the next panel that are asked for then; they are copied `ahead` requests later: channels that lie 16 KiB
    // apart would drive each other out of the caches if all were asked for first.
    static constexpr int slots = blocks * steps, ahead = std::min(8, slots / 2);
    static constexpr int copied = (I + slots - ahead - 1) / (slots - ahead);
};

/// put(o, p, q, lane, y) for each whole W×W window: y[W · W] = b[o] + Σ_i w[o · I + i] x[i], places of the window
/// row-major. y is where put will write; for W = 1 the image's rows are seen as one.
template <class G, int O, int I, int W, class T, class B, class Put>
void pointwise_product(const T* y, const T* x, const T* w, B b, T* panel, Put put) {
    using V = xsimd::batch<T>;
    using Panels = PointwisePanels<G, W>;
    constexpr int L = backend::lanes<T>, Q = Panels::Q, all = Panels::P * Q;
    const auto from = [&](int window) { return x + (window / Q * W * Panels::row + window % Q * W) * L; };
    const auto row = [](int i, int r) { return (i * G::P * G::Q + r * Panels::row) * L; }; // of term i
    T* spare = panel + Panels::scratch_size(I, L) / 2;
    bool ready = false; // what `panel` holds
    each_block<all, Panels::windows>([&]<int N>(std::integral_constant<int, N>, int first, int) {
        constexpr int run = W * N, places = W * run; // a panel is W runs
        constexpr int at_once = Panels::at_once, vectors = places * at_once;
        using Blocks = PointwiseBlocks<O, I, vectors>;
        const auto copy = [&](T* to, const T* image, int begin, int end) IKEBANA_INLINE { // terms begin … end − 1
            for (int i = begin; i < std::min(end, I); ++i)
                for (int r = 0; r < W; ++r)
                    unroll<run * parts<T>>([&](int j) IKEBANA_INLINE {
                        V::load_unaligned(image + row(i, r) + j * width<T>)
                            .store_unaligned(to + (i * W + r) * run * L + j * width<T>);
                    });
        };
        const bool more = first + 2 * N <= all; // the next panel is as large
        const T* next = from(more ? first + N : first);
        if (!ready) copy(panel, from(first), 0, I);
        ready = more;
        const int p = first / Q, q = first % Q;
        each_block<O, Blocks::block>([&]<int BO>(std::integral_constant<int, BO>, int o, int number) IKEBANA_INLINE {
            const auto prepare = [&](int i0) IKEBANA_INLINE {
                const int slot = number * Blocks::steps + i0 / Blocks::step, term = slot * Blocks::copied;
                if (more) {
                    for (int i = term; i < std::min(term + Blocks::copied, I); ++i)
                        for (int j = 0; j < places; ++j) __builtin_prefetch(next + row(i, j / run) + j % run * L, 0, 3);
                    const int late = term - Blocks::ahead * Blocks::copied;
                    if (late >= 0) copy(spare, next, late, late + Blocks::copied);
                }
                const int k0 = i0 / Blocks::step * Blocks::asked;
                for (int k = k0; k < std::min(k0 + Blocks::asked, BO); ++k)
                    for (int j = 0; j < N; ++j) __builtin_prefetch(y + ((o + k) * all + first + j) * L, 1, 2);
            };
            for (int lane = 0; lane < L; lane += at_once * width<T>) {
                V sums[BO][vectors];
                unroll<BO>([&](int k) IKEBANA_INLINE {
                    V start(0);
                    if constexpr (!is_nothing<B>) start = V(b[static_cast<std::size_t>(o + k)]);
                    unroll<vectors>([&](int j) IKEBANA_INLINE { sums[k][j] = start; });
                });
                for (int i = 0; i < I; i += Blocks::step) {
                    const int n = std::min(Blocks::step, I - i);
                    if (lane == 0) prepare(i);
                    add_products(sums, static_cast<const T*>(panel) + i * places * L + lane, places * L,
                                 at_once > 1 ? width<T> : L, w + o * I + i, I, 1, n);
                }
                unroll<BO>([&](int k) IKEBANA_INLINE {
                    unroll<N * at_once>([&](int j) IKEBANA_INLINE {
                        put(o + k, p, q + j / at_once, lane + j % at_once * width<T>, &sums[k][j * W * W]);
                    });
                });
            }
        });
        std::swap(panel, spare);
    });
}

// ---- gradient of the weights

/// Which of x and dy is transposed, and the blocks of the sums [rows][vectors].
template <class G, class T>
struct PointwiseGradient {
    /// Vector operations of a place with `rows` numbers broadcast and `lanes` channels in the lanes.
    static constexpr double operations(int rows, int lanes) {
        return (lanes + width<T> - 1) / width<T> * double(rows) + lanes * 0.5;
    }
    static constexpr bool filters_across = operations(G::C, G::K) < operations(G::K, G::C);
    static constexpr int A = filters_across ? G::K : G::C, rows = filters_across ? G::C : G::K;

    /// Chunks of terms in pairs that are transposed at a time, 15 places of 16 samples are four: eight where the
    /// numbers of all channels take 256 KiB of floats at most.
    static constexpr int chunks = A * 8 * chunk_terms <= (1 << 16) ? 8 : 4;
    static constexpr int paired_places = std::min(chunks * chunk_terms / backend::lanes<T>, G::P* G::Q);
    /// Whether it runs in pairs. Both are scaled anew for each tile, which few channels of few places don't pay for.
    /// Time beside that without pairs, on Zen 4: 0.78 for 512×512 channels of 7×7 places, 0.86 of 2×2; 0.86 for 64×256
    /// of 16×16, 0.95 of 4×4; 0.94 for 96×96; but 1.13 for 128×128 of 2×2, and 0.99 to 1.3 for 64×64 of any.
    static constexpr bool paired = is_paired<rows, paired_places * backend::lanes<T>> &&
                                   (A >= 256 || (A >= 60 && A + rows >= 192 && paired_places >= 15));

    static constexpr int panels = (A + backend::lanes<T> - 1) / backend::lanes<T>;
    static constexpr int vectors = (A + width<T> - 1) / width<T>;
    static constexpr int columns = paired ? panels * backend::lanes<T> : vectors * width<T>;
    static constexpr int panel = std::min(vectors, registers == 32 ? 4 : 2);
    static constexpr int block = even_block(rows, 6), blocks = (rows + block - 1) / block;
    /// Places that are transposed at a time: 16 of 16 samples and 64 channels take 64 KiB.
    static constexpr int places = paired ? paired_places : even_block(G::P * G::Q, 16);
    static constexpr int terms = places * backend::lanes<T>;

    static constexpr std::size_t across_size = static_cast<std::size_t>(columns) * terms;
    /// Whether the sums are laid out as dw is: then dw is where they are kept.
    static constexpr bool in_place = !filters_across && columns == G::C;
    static constexpr std::size_t sums_size = in_place ? 0 : static_cast<std::size_t>(rows) * columns;
    /// With the filters across, four rows of dW in their own order.
    static constexpr std::size_t turned_size = filters_across ? 4 * static_cast<std::size_t>(G::C) : 0;
    static constexpr std::size_t scratch_size = across_size + sums_size + turned_size;
};

/// dw += sums, of [rows][columns]; `turned` is free.
template <class G, class T>
void pointwise_add_weights(T* dw, const T* sums, T* turned) {
    using Gradient = PointwiseGradient<G, T>;
    for (int k0 = 0; k0 < G::K; k0 += 4) {
        const int filters = std::min(4, G::K - k0);
        if constexpr (Gradient::filters_across)
            transpose(turned, G::C, sums + k0, Gradient::columns, G::C, static_cast<std::size_t>(filters));
        for (int k = k0; k < k0 + filters; ++k) {
            const T* from = Gradient::filters_across ? turned + (k - k0) * G::C : sums + k * Gradient::columns;
            for (int c = 0; c < G::C; ++c) dw[k * G::C + c] += from[c];
        }
    }
}

/// sums (rows, columns) of a PointwiseGradient: Σ over places and samples, added to what is there if `in_place`.
template <class Gradient, class G, class T>
void pointwise_weight_sums(T* sums, const T* lanes, const T* broadcast, T* across) {
    using V = xsimd::batch<T>;
    constexpr int L = backend::lanes<T>, image = G::P * G::Q * L, W = width<T>, at_once = 8;
    if constexpr (Gradient::A % W != 0) std::fill_n(across, Gradient::across_size, T(0));
    for (int place = 0; place < G::P * G::Q; place += Gradient::places) {
        const int places = std::min(Gradient::places, G::P * G::Q - place);
        const int ahead = std::min(place + Gradient::places, G::P * G::Q - places);
        each_block<Gradient::vectors, Gradient::panel>([&]<int BV>(std::integral_constant<int, BV>, int v, int) {
            T* to = across + v * W * Gradient::terms;
            for (int a = 0; a < std::min(BV * W, Gradient::A - v * W); a += at_once)
                transpose(to + a, BV * W, lanes + (v * W + a) * image + place * L, image,
                          static_cast<std::size_t>(std::min(at_once, Gradient::A - v * W - a)),
                          static_cast<std::size_t>(places * L));
        });
        each_block<Gradient::rows, Gradient::block>([&]<int BR>(std::integral_constant<int, BR>, int r, int number) {
            const T* from = broadcast + r * image + place * L;
            each_block<Gradient::vectors, Gradient::panel>([&]<int BV>(std::integral_constant<int, BV>, int v, int) {
                T* to = sums + r * Gradient::columns + v * W;
                V sum[BR][BV];
                unroll<BR>([&](int i) IKEBANA_INLINE { unroll<BV>([&](int j) IKEBANA_INLINE { sum[i][j] = V(0); }); });
                for (int n = 0; n < places; ++n) {
                    if (v == 0) {
                        for (int i = BR; i < std::min(2 * BR, Gradient::rows - r); ++i)
                            __builtin_prefetch(from + i * image + n * L, 0, 2);
                        for (int a = number; a < Gradient::A; a += Gradient::blocks)
                            __builtin_prefetch(lanes + a * image + (ahead + n) * L, 0, 2);
                    }
                    add_products(sum, across + (v * Gradient::terms + n * L * BV) * W, BV * W, W, from + n * L, image,
                                 1, L);
                }
                unroll<BR>([&](int i) IKEBANA_INLINE {
                    unroll<BV>([&](int j) IKEBANA_INLINE {
                        T* at = to + i * Gradient::columns + j * W;
                        if (Gradient::in_place || place > 0) sum[i][j] = sum[i][j] + V::load_unaligned(at);
                        sum[i][j].store_unaligned(at);
                    });
                });
            });
        });
    }
}

/// dw += Σ over places and samples of dy xᵀ; x (C,P,Q) without the places that a stride leaves out.
template <class G, class T>
void pointwise_weight_gradient(T* dw, const T* dy, const T* x, T* scratch) {
    using Gradient = PointwiseGradient<G, T>;
    T* across = scratch;
    T* sums = Gradient::in_place ? dw : across + Gradient::across_size;
    const T* lanes = Gradient::filters_across ? dy : x;
    const T* broadcast = Gradient::filters_across ? x : dy;
    if constexpr (Gradient::paired)
        paired_weight_sums<Gradient, G>(sums, lanes, broadcast, across);
    else
        pointwise_weight_sums<Gradient, G>(sums, lanes, broadcast, across);
    if constexpr (!Gradient::in_place)
        pointwise_add_weights<G>(dw, static_cast<const T*>(sums), sums + Gradient::sums_size);
}

// ---- strides, and everything together

/// An image (C,P,Q) of the places that a stride meets.
template <class G>
inline constexpr std::size_t met_size = G::stride == 1 ? 0 : static_cast<std::size_t>(G::C* G::P* G::Q);

/// f(index of the place in (C,P,Q), index in (C,H,W)) for every place that the stride meets.
template <class G, class F>
void each_met(F f) {
    for (int c = 0; c < G::C; ++c)
        for (int p = 0; p < G::P; ++p)
            for (int q = 0; q < G::Q; ++q)
                f((c * G::P + p) * G::Q + q, (c * G::H + p * G::stride) * G::W + q * G::stride);
}

/// x itself, or its copy in `to` without the places that the stride leaves out.
template <class G, class T>
const T* met_places(T* to, const T* x) {
    constexpr int L = backend::lanes<T>;
    if constexpr (G::stride == 1)
        return x;
    else
        each_met<G>([&](int place, int from) { std::copy_n(x + from * L, L, to + place * L); });
    return to;
}

template <class G, class T>
constexpr std::size_t pointwise_scratch_bytes() {
    constexpr int L = backend::lanes<T>;
    // A panel in pairs is as large.
    constexpr std::size_t panel = PointwisePanels<G, 1>::scratch_size(std::max(G::C, G::K), L);
    return sizeof(T) * (met_size<G> * L + std::max({panel, PointwisePanels<G, 2>::scratch_size(G::C, L),
                                                    PointwiseGradient<G, T>::scratch_size}));
}

/// Weights as a product in pairs wants them: for the forward direction, then for the gradient of the input. That
/// without pairs reads them turned (C,K): the terms of a sum, kilobytes apart in W, would share few sets of the cache.
template <class G>
inline constexpr std::size_t pointwise_packed_size = PairedWeights<G::K, G::C>::size +
                                                     (is_paired<G::C, G::K> ? PairedWeights<G::C, G::K>::size
                                                                            : G::C * G::K);

template <class G, class T>
void pointwise_pack(T* packed, const T* w) {
    if constexpr (is_paired<G::K, G::C>) PairedWeights<G::K, G::C>::pack(packed, w, G::C, 1);
    T* turned = packed + PairedWeights<G::K, G::C>::size;
    if constexpr (is_paired<G::C, G::K>)
        PairedWeights<G::C, G::K>::pack(turned, w, 1, G::C);
    else
        transpose(turned, G::K, w, G::C, G::K, G::C);
}

/// As direct_forward(); y is where put will write.
template <class G, int W, class T, class B, class Put>
void pointwise_forward(const T* y, const T* x, const T* w, B b, const T* packed, std::byte* scratch, Put put) {
    T* met = reinterpret_cast<T*>(scratch);
    T* free = met + met_size<G> * backend::lanes<T>;
    const T* from = met_places<G>(met, x);
    if constexpr (is_paired<G::K, G::C> && W <= 2)
        paired_product<G, G::K, G::C, W>(y, from, packed, b, free, put);
    else
        pointwise_product<G, G::K, G::C, W>(y, from, w, b, free, put);
}

/// dx = … and dw += … (each may be Nothing).
template <class G, class DX, class DW, class T>
void pointwise_backward(DX dx, DW dw, const T* dy, const T* x, const T* packed, std::byte* scratch) {
    constexpr int L = backend::lanes<T>;
    T* met = reinterpret_cast<T*>(scratch);
    T* free = met + met_size<G> * L;
    if constexpr (!is_nothing<DW>) pointwise_weight_gradient<G>(dw.data, dy, met_places<G>(met, x), free);
    if constexpr (!is_nothing<DX>) {
        T* to = G::stride == 1 ? dx.data : met;
        const auto put = [&](int c, int, int place, int lane, const auto* v)
                             IKEBANA_INLINE { v->store_unaligned(to + (c * G::P * G::Q + place) * L + lane); };
        const T* turned = packed + PairedWeights<G::K, G::C>::size;
        if constexpr (is_paired<G::C, G::K>)
            paired_product<G, G::C, G::K, 1>(static_cast<const T*>(to), dy, turned, Nothing{}, free, put);
        else
            pointwise_product<G, G::C, G::K, 1>(static_cast<const T*>(to), dy, turned, Nothing{}, free, put);
        if constexpr (G::stride != 1) {
            std::fill_n(dx.data, DX::size, T(0));
            each_met<G>([&](int place, int to_place) { std::copy_n(met + place * L, L, dx.data + to_place * L); });
        }
    }
}

} // namespace ikebana::cpu
