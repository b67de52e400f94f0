// Over 400 lines, as one method's three directions share their shapes, pieces and products. Convolution by Winograd's
// minimal filtering F(M×M, R×R): N = M + R − 1 points in each direction, so N² multiplications give M² outputs that the
// direct method pays M² R² for. With 16 samples in the lanes every transform is vertical code.
//   V = Bᵀ d B      of each N×N piece d of the image        (C)
//   U = G w Gᵀ      of each kernel, once a step: "packed"    (K, C)
//   Y = Aᵀ (Σ_c U V) A   the M×M outputs of the piece        (K)
// Backward goes through the adjoint transforms, so gradients are those of the same function:
//   dM = A dy Aᵀ,   dx += B (Σ_k U dM) Bᵀ,   dw = Gᵀ (Σ_pieces,lanes dM V) G
// The sums over lanes are taken with filters in the lanes, from dM transposed, where there are many channels: no vector
// needs a sum across it then.
// Pieces are worked `group` at a time; the products of a point are small matrix products (products.hpp),
// the transforms are in winograd_transforms.hpp. Next to read: conv.hpp, which chooses between this and direct.hpp.
#pragma once
#include <backends/cpu/products.hpp>
#include <backends/cpu/reduce.hpp>
#include <backends/cpu/tiles.hpp>
#include <backends/cpu/winograd_transforms.hpp>
#include <ikebana/layers/primitives.hpp>

namespace ikebana::cpu {

/// Rows of a product in registers at a time: with up to four pieces of each, or, of 16 registers, two vectors of one.
inline constexpr int most_winograd_rows = 6;
/// Blocks of rows whose results are kept at a time, up to 24 rows: in a cache until their transform.
constexpr int kept_winograd_blocks(EvenBlocks rows) { return even_block(rows.blocks, 24 / most_winograd_rows); }
constexpr int kept_winograd_rows(EvenBlocks rows) { return rows.begin(kept_winograd_blocks(rows)); }

template <class G, int M_, class T>
struct Winograd {
    static constexpr int M = M_, N = M + G::R - 1, points = N * N, L = backend::lanes<T>;
    static constexpr int rows = (G::P + M - 1) / M, columns = (G::Q + M - 1) / M, pieces = rows * columns;
    static constexpr int group = block_of(pieces, 4);
    /// Whether the outputs of every piece lie inside the output, and then every piece inside the image.
    static constexpr bool fits = G::P % M == 0 && G::Q % M == 0 && pieces % group == 0;
    static constexpr bool whole = G::padding == 0 && fits;

    using A = OutputPoints<N, M>;
    using Kernel = KernelPoints<N, G::R>;
    using B = InputPoints<N>;

    /// Rows of the products: filters, on the way back channels.
    static constexpr EvenBlocks filter_rows{G::K, most_winograd_rows}, channel_rows{G::C, most_winograd_rows};
    static constexpr int kernels = (G::K * G::C + 15) / 16 * 16;

    /// Whether dM is transposed for the products dM V, which then have filters in the lanes; else samples stay there,
    /// and sums over the lanes end them. A transposed number must meet many channels.
    static constexpr bool turns = G::K >= 3 * width<T> && G::C >= 48;
    static constexpr int turned_blocks = 2; // vectors of filters at a time
    /// Filters and channels whose products are a vector in the end.
    static constexpr int pair_channels = turns ? 1 : std::max(1, width<T> / 4), pair_filters = width<T> / pair_channels;

    static constexpr int channel_blocks = (G::C + pair_channels - 1) / pair_channels;
    static constexpr int filter_blocks = (G::K + pair_filters - 1) / pair_filters;
    static constexpr int padded_channels = channel_blocks * pair_channels,
                         padded_filters = filter_blocks * pair_filters;

    // Distances in vectors of L; odd, so that stores to successive points meet different sets of the cache.
    static constexpr int image_point = (padded_channels * group) | 1; // V [point][c][piece]
    static constexpr int output_point = (padded_filters * group) | 1; // dM [point][k][piece]
    static constexpr int kept = points | 1;                           // M [k][piece][point], dV [c][piece][point]

    static constexpr std::size_t image_size =
        static_cast<std::size_t>(std::max(points * image_point, kept_winograd_rows(channel_rows) * group * kept)) * L;
    static constexpr std::size_t forward_size =
        static_cast<std::size_t>(kept_winograd_rows(filter_rows) * group * kept) * L;
    static constexpr std::size_t backward_size = static_cast<std::size_t>(points * output_point) * L;
    /// Where the sums of filter block kv begin: a single group's are needed no longer when the next ones come.
    static constexpr bool keeps_sums = !turns || group < pieces;
    static constexpr int sums_of(int kv) { return keeps_sums ? kv : 0; }
    static constexpr std::size_t sums_size = static_cast<std::size_t>(
        points * (keeps_sums ? filter_blocks : std::min(filter_blocks, turned_blocks)) * channel_blocks * width<T>);
    static constexpr std::size_t scratch_bytes =
        sizeof(T) * (image_size + std::max(forward_size, backward_size + sums_size));
    static constexpr std::size_t packed_size = static_cast<std::size_t>(points * kernels);
};

/// What functions need that are compiled once for all geometries: where the pieces of an image lie.
struct WinogradPieces {
    int channels, height, width, padding, columns, pieces, group;
    bool whole;
};
template <class W, class G>
inline constexpr WinogradPieces pieces_of{G::C, G::H, G::W, G::padding, W::columns, W::pieces, W::group, W::whole};

/// packed [point][k][c] = G w Gᵀ for `pairs` pairs (k, c); the points lie `step` numbers apart.
template <class Kernel, class T>
IKEBANA_ONCE void winograd_pack(T* packed, int step, const T* w, int pairs) {
    constexpr int R = Kernel::columns, S = R * R;
    alignas(64) T kernels[S][width<T>] = {};
    for (int first = 0; first < pairs; first += width<T>) {
        transpose(kernels[0], width<T>, w + first * S, S, static_cast<std::size_t>(std::min(width<T>, pairs - first)),
                  S);
        to_points_2d<Kernel>(packed + first, step, kernels[0], R * width<T>, width<T>);
    }
}

/// Asks the second cache for the N×N places of a piece (Write: to write them), but for the columns before `asked`. The
/// transforms ask for the next channel's while they work this one's, as do who reads dy and writes y for the next
/// filter's: a piece is rows too short for what the processor asks for itself, and 64 channels of 32×32 take 0.8 to
/// 0.87 of the time so.
template <int N, int Write, class T>
IKEBANA_INLINE inline void ask_for_piece(const T* piece, const WinogradPieces& at, int h0, int w0, int asked) {
    constexpr int L = backend::lanes<T>;
    for (int i = std::max(0, -h0); i < std::min(N, at.height - h0); ++i)
        for (int j = std::max(asked, -w0); j < std::min(N, at.width - w0); ++j)
            for (int part = 0; part < L; part += 64 / static_cast<int>(sizeof(T)))
                __builtin_prefetch(piece + (i * at.width + j) * L + part, Write, 2);
}

/// V [point][c][piece] ← Bᵀ d B for a group of pieces M apart, points `point` vectors apart. Pieces beyond the last,
/// and channels that fill the last block, are 0.
template <class B, int M, class T>
IKEBANA_ONCE void winograd_image(T* v, int point, int padded_channels, const T* x, const WinogradPieces& at,
                                 int first) {
    constexpr int L = backend::lanes<T>, N = B::rows;
    alignas(64) static constexpr T zeros[N * L] = {};
    for (int c = 0; c < padded_channels; ++c)
        for (int g = 0; g < at.group; ++g) {
            T* to = v + (c * at.group + g) * L;
            const int piece = first + g, h0 = piece / at.columns * M - at.padding,
                      w0 = piece % at.columns * M - at.padding;
            if (c >= at.channels || piece >= at.pieces) {
                for (int p = 0; p < N * N; ++p) std::fill_n(to + p * point * L, L, T(0));
                continue;
            }
            const T* from = x + ((c * at.height + h0) * at.width + w0) * L;
            if (c + 1 < at.channels)
                ask_for_piece<N, 0>(from + at.height * at.width * L, at, h0, w0,
                                    g > 0 && piece % at.columns > 0 ? N - M : 0);
            const int begin = at.whole ? 0 : std::max(0, -w0), end = at.whole ? N : std::min(N, at.width - w0);
            for (int lane = 0; lane < L; lane += width<T>) {
                const T* rows[N];
                for (int i = 0; i < N; ++i) {
                    const bool inside = at.whole || (h0 + i >= 0 && h0 + i < at.height);
                    rows[i] = inside ? from + i * at.width * L + lane : zeros;
                }
                to_points_2d<B>(to + lane, point * L, rows, L, begin, end);
            }
        }
}

/// The matrix product of every point, for functions that are compiled once.
struct WinogradProduct {
    EvenBlocks rows;
    int points, kept, x_point;          // distances of results and of points of x, in vectors of L
    int w_point, row_step, step, terms; // distances of points, rows and terms of w, in numbers
};
template <class W, class G>
inline constexpr WinogradProduct filter_products{W::filter_rows, W::points, W::kept, W::image_point,
                                                 W::kernels,     G::C,      1,       G::C};
template <class W, class G>
inline constexpr WinogradProduct channel_products{W::channel_rows, W::points, W::kept, W::output_point,
                                                  W::kernels,      1,         G::C,    G::K};

/// to [row][piece][point] = Σ_i w[point][row][i] · x[point][i][piece] for N pieces and the blocks of rows from `begin`
/// to `end`: blocks of Rows, and if Larger, the first ones of one row more.
template <int Rows, bool Larger, int N, class T>
IKEBANA_ONCE void winograd_blocks(T* to, const T* x, const T* w, WinogradProduct by, int begin, int end) {
    using V = xsimd::batch<T>;
    constexpr int L = backend::lanes<T>, at_once = neighbours, pieces = at_once == 1 ? N : 1,
                  vectors = pieces * at_once;
    w += by.rows.begin(begin) * by.row_step;
    const auto columns = [&](T* at, const T* from) IKEBANA_INLINE {
        const T* row = w;
        const auto put = [&]<int R>(std::integral_constant<int, R>) IKEBANA_INLINE {
            V sums[R][vectors];
            unroll<R * vectors>([&](int i) IKEBANA_INLINE { sums[i / vectors][i % vectors] = V(0); });
            add_products(sums, from, N * L, at_once > 1 ? width<T> : L, row, by.row_step, by.step, by.terms);
            unroll<R * pieces>([&](int i) IKEBANA_INLINE {
                unroll<at_once>([&](int j) IKEBANA_INLINE {
                    sums[i / pieces][i % pieces * at_once + j].store_unaligned(at + j * width<T>);
                });
                at += N / pieces * by.kept * L;
            });
            row += R * by.row_step;
        };
        int block = begin;
        if constexpr (Larger)
            for (; block < std::min(end, by.rows.larger); ++block) put(std::integral_constant<int, Rows + 1>{});
        for (; block < end; ++block) put(std::integral_constant<int, Rows>{});
    };
    for (int p = 0; p < by.points; ++p, to += L, x += by.x_point * L, w += by.w_point)
        for (int piece = 0; piece < N; piece += pieces)
            for (int lane = 0; lane < L; lane += at_once * width<T>)
                columns(to + piece * by.kept * L + lane, x + piece * L + lane);
}

/// Works products of all rows, some blocks at a time: f(begin, end) follows for each, of rows whose results lie in
/// `to`.
template <class W, const WinogradProduct& by, class T, class F>
void winograd_products(T* to, const T* x, const T* w, F f) {
    constexpr int at_once = kept_winograd_blocks(by.rows);
    for (int block = 0; block < by.rows.blocks; block += at_once) {
        const int end = std::min(block + at_once, by.rows.blocks);
        winograd_blocks<by.rows.size, (by.rows.larger > 0), W::group, T>(to, x, w, by, block, end);
        f(by.rows.begin(block), by.rows.begin(end));
    }
}

/// put(k, p, q, lane, y) gets the M×M outputs of filter k from row p and column q on, without the bias: vectors in
/// memory, row-major.
template <class W, class G, class T, class Put>
void winograd_forward(const T* x, const T* packed, std::byte* scratch, Put put) {
    constexpr int L = W::L;
    T* v = reinterpret_cast<T*>(scratch);
    T* m = v + W::image_size;
    for (int first = 0; first < W::pieces; first += W::group) {
        winograd_image<typename W::B, W::M>(v, W::image_point, W::padded_channels, x, pieces_of<W, G>, first);
        winograd_products<W, filter_products<W, G>>(m, static_cast<const T*>(v), packed, [&](int begin, int end) {
            for (int k = begin; k < end; ++k)
                for (int g = 0; g < W::group; ++g) {
                    const int piece = first + g;
                    if (!W::fits && piece >= W::pieces) break;
                    const T* from = m + ((k - begin) * W::group + g) * W::kept * L;
                    for (int lane = 0; lane < L; lane += width<T>) {
                        alignas(64) T outputs[W::M * W::M * width<T>];
                        from_points_2d<typename W::A>(outputs, width<T>, from + lane, L);
                        put(k, piece / W::columns * W::M, piece % W::columns * W::M, lane,
                            static_cast<const T*>(outputs));
                    }
                }
        });
    }
}

/// dM ← A dy Aᵀ for a group of pieces and the filters from `begin` to `end`, the first of which lies at dm;
/// get(k, p, q, lane, y) writes the M×M vectors of dy from row p and column q on.
template <class W, class G, class T, class Get>
void winograd_output(T* dm, int first, int begin, int end, Get get) {
    constexpr int L = W::L;
    for (int k = begin; k < end; ++k)
        for (int g = 0; g < W::group; ++g) {
            T* to = dm + ((k - begin) * W::group + g) * L;
            const int piece = first + g;
            if (k >= G::K || (!W::fits && piece >= W::pieces)) {
                for (int p = 0; p < W::points; ++p) std::fill_n(to + p * W::output_point * L, L, T(0));
                continue;
            }
            for (int lane = 0; lane < L; lane += width<T>) {
                alignas(64) T outputs[W::M * W::M * width<T>];
                get(k, piece / W::columns * W::M, piece % W::columns * W::M, lane, outputs);
                to_points_2d<typename W::A>(to + lane, W::output_point * L, outputs, W::M * width<T>, width<T>);
            }
        }
}

/// Sums over the lanes of dM V, for functions that are compiled once: blocks of filters and of channels.
struct WinogradWeightSums {
    int points, filter_blocks, channel_blocks, image_point, output_point;
};
template <class W>
inline constexpr WinogradWeightSums weight_sums_of{W::points, W::filter_blocks, W::channel_blocks, W::image_point,
                                                   W::output_point};

/// sums [block of filters][block of channels][point][pair] (+)= Σ over the pieces and the lanes of dM V, a pair one of
/// BK filters and BC channels.
template <int BK, int BC, int Pieces, class T>
IKEBANA_ONCE void winograd_weight_sums(T* sums, const T* dm, const T* v, WinogradWeightSums by, bool add) {
    using V = xsimd::batch<T>;
    constexpr int samples = Pieces * backend::lanes<T>, pairs = BK * BC;
    for (int p = 0; p < by.points; ++p) {
        const T* d = dm + p * by.output_point * backend::lanes<T>;
        T* to = sums + p * pairs;
        for (int kb = 0; kb < by.filter_blocks; ++kb, d += BK * samples) {
            const T* in = v + p * by.image_point * backend::lanes<T>;
            for (int cb = 0; cb < by.channel_blocks; ++cb, in += BC * samples, to += by.points * pairs) {
                V total[pairs];
                unroll<pairs>([&](int i) IKEBANA_INLINE { total[i] = V(0); });
                IKEBANA_ROLLED // written out, g++ loads every operand anew
                    for (int at = 0; at < samples; at += width<T>) {
                    V image[BC];
                    unroll<BC>([&](int c) IKEBANA_INLINE { image[c] = V::load_unaligned(in + c * samples + at); });
                    unroll<BK>([&](int k) IKEBANA_INLINE {
                        const V g = V::load_unaligned(d + k * samples + at);
                        unroll<BC>([&](int c) IKEBANA_INLINE {
                            total[k * BC + c] = xsimd::fma(g, image[c], total[k * BC + c]);
                        });
                    });
                }
                const V lanes = xsimd::haddp(total);
                (add ? V::load_unaligned(to) + lanes : lanes).store_unaligned(to);
            }
        }
    }
}

/// The same of KV vectors of filters, those in the lanes: up to 12 channels × KV vectors in registers.
template <class W, int KV, class T>
void winograd_turned_weight_sums(T* sums, const T* dm, const T* v, bool add) {
    using V = xsimd::batch<T>;
    constexpr int L = W::L, samples = W::group * L, filters = KV * width<T>, most = registers == 32 ? 12 : 6;
    alignas(64) T turned[samples * filters];
    for (int p = 0; p < W::points; ++p) {
        transpose(turned, filters, dm + p * W::output_point * L, samples, filters, samples);
        each_even_block<W::channel_blocks, most>([&]<int BC>(std::integral_constant<int, BC>, int c) IKEBANA_INLINE {
            V total[BC][KV];
            unroll<BC * KV>([&](int i) IKEBANA_INLINE { total[i / KV][i % KV] = V(0); });
            add_products(total, static_cast<const T*>(turned), filters, width<T>,
                         v + (p * W::image_point + c * W::group) * L, samples, 1, samples);
            unroll<BC * KV>([&](int i) IKEBANA_INLINE {
                T* to = sums + ((i % KV * W::channel_blocks + c + i / KV) * W::points + p) * width<T>;
                V& sum = total[i / KV][i % KV];
                (add ? V::load_unaligned(to) + sum : sum).store_unaligned(to);
            });
        });
    }
}

/// dw (K,C,R,R) += Gᵀ sums G, where a vector is of width<T> / BC filters and BC channels.
template <class Kernel, int BC, class T>
IKEBANA_ONCE void winograd_add_weights(T* dw, const T* sums, int K, int C) {
    constexpr int points = Kernel::rows * Kernel::rows, S = Kernel::columns * Kernel::columns;
    constexpr int BK = width<T> / BC;
    for (int k0 = 0; k0 < K; k0 += BK)
        for (int c0 = 0; c0 < C; c0 += BC, sums += points * width<T>) {
            alignas(64) T kernels[S][width<T>], rows[width<T>][S];
            from_points_2d<Kernel>(kernels[0], width<T>, sums, width<T>);
            transpose(rows[0], S, kernels[0], width<T>, S, width<T>);
            for (int pair = 0; pair < width<T>; ++pair) {
                const int k = k0 + pair / BC, c = c0 + pair % BC;
                if (k >= K || c >= C) continue;
                T* to = dw + (k * C + c) * S;
                const T* from = rows[haddp_place<T>[static_cast<std::size_t>(pair)]];
                for (int s = 0; s < S; ++s) to[s] += from[s];
            }
        }
}

/// The same from sums with filters in the lanes: 16 channels at a time, whose numbers of a filter are neighbours.
template <class Kernel, class T>
IKEBANA_ONCE void winograd_add_turned_weights(T* dw, const T* sums, int K, int C) {
    constexpr int points = Kernel::rows * Kernel::rows, S = Kernel::columns * Kernel::columns, channels = 16;
    for (int k = 0; k < K; k += width<T>)
        for (int c = 0; c < C; c += channels) {
            const int count = std::min(channels, C - c);
            alignas(64) T kernels[channels * S * width<T>];
            for (int i = 0; i < count; ++i, sums += points * width<T>)
                from_points_2d<Kernel>(kernels + i * S * width<T>, width<T>, sums, width<T>);
            add_transposed(dw + (k * C + c) * S, static_cast<std::size_t>(C * S), kernels, width<T>,
                           static_cast<std::size_t>(count * S), static_cast<std::size_t>(std::min(width<T>, K - k)));
        }
}

/// dx ← B dV Bᵀ for a group of pieces M apart, dV [c][piece][point] with `kept` vectors a piece: added where an earlier
/// piece has been, stored where none has.
template <class B, int M, class T>
IKEBANA_ONCE void winograd_add_image(T* dx, const T* dv, int kept, int channels, const WinogradPieces& at, int first) {
    using V = xsimd::batch<T>;
    constexpr int L = backend::lanes<T>, N = B::rows;
    for (int c = 0; c < channels; ++c)
        for (int g = 0; g < std::min(at.group, at.pieces - first); ++g) {
            const int piece_row = (first + g) / at.columns, piece_column = (first + g) % at.columns,
                      h0 = piece_row * M - at.padding, w0 = piece_column * M - at.padding;
            const T* from = dv + (c * at.group + g) * kept * L;
            const bool inside = w0 >= 0 && w0 + N <= at.width;
            if (c + 1 < channels)
                ask_for_piece<N, 1>(dx + (((c + 1) * at.height + h0) * at.width + w0) * L, at, h0, w0,
                                    g > 0 && piece_column > 0 ? N - M : 0);
            for (int lane = 0; lane < L; lane += width<T>) {
                alignas(64) T gradient[N * N * width<T>];
                from_points_2d<B>(gradient, width<T>, from + lane, L);
                for (int i = 0; i < N; ++i) {
                    if (h0 + i < 0 || h0 + i >= at.height) continue;
                    T* row = dx + ((c * at.height + h0 + i) * at.width + w0) * L + lane;
                    const T* from_row = gradient + i * N * width<T>;
                    const int added = piece_row > 0 && i < N - M ? N : piece_column > 0 ? N - M : 0;
                    const auto put = [&](int j) IKEBANA_INLINE {
                        V sum = V::load_aligned(from_row + j * width<T>);
                        if (j < added) sum = sum + V::load_unaligned(row + j * L);
                        sum.store_unaligned(row + j * L);
                    };
                    if (inside)
                        unroll<N>(put);
                    else
                        for (int j = std::max(0, -w0); j < std::min(N, at.width - w0); ++j) put(j);
                }
            }
        }
}

/// dx = … and dw += … (each may be Nothing) from dy, which get(k, p, q, lane, y) reads.
template <class W, class G, class DX, class DW, class T, class Get>
void winograd_backward(DX dx, DW dw, const T* x, const T* packed, std::byte* scratch, Get get) {
    T* v = reinterpret_cast<T*>(scratch);
    T* dm = v + W::image_size;
    T* sums = dm + W::backward_size;
    for (int first = 0; first < W::pieces; first += W::group) {
        const bool last = first + W::group >= W::pieces;
        if constexpr (!is_nothing<DW>)
            winograd_image<typename W::B, W::M>(v, W::image_point, W::padded_channels, x, pieces_of<W, G>, first);
        if constexpr (!is_nothing<DW> && W::turns) { // dM of some filters meets V while a cache holds it
            each_even_block<W::filter_blocks, W::turned_blocks>([&]<int KV>(std::integral_constant<int, KV>, int kv) {
                const int k = kv * width<T>;
                T* block = dm + (is_nothing<DX> ? 0 : k * W::group * W::L);
                T* block_sums = sums + W::sums_of(kv) * W::channel_blocks * W::points * width<T>;
                winograd_output<W, G>(block, first, k, k + KV * width<T>, get);
                winograd_turned_weight_sums<W, KV>(block_sums, static_cast<const T*>(block), v, first > 0);
                if (last)
                    winograd_add_turned_weights<typename W::Kernel>(dw.data + k * G::C * G::R * G::R,
                                                                    static_cast<const T*>(block_sums),
                                                                    std::min(KV * width<T>, G::K - k), G::C);
            });
        } else {
            winograd_output<W, G>(dm, first, 0, W::padded_filters, get);
            if constexpr (!is_nothing<DW>) {
                winograd_weight_sums<W::pair_filters, W::pair_channels, W::group>(
                    sums, static_cast<const T*>(dm), static_cast<const T*>(v), weight_sums_of<W>, first > 0);
                if (last)
                    winograd_add_weights<typename W::Kernel, W::pair_channels>(dw.data, static_cast<const T*>(sums),
                                                                               G::K, G::C);
            }
        }
        if constexpr (!is_nothing<DX>) {
            winograd_products<W, channel_products<W, G>>(v, static_cast<const T*>(dm), packed, [&](int begin, int end) {
                winograd_add_image<typename W::B, W::M>(dx.data + begin * G::H * G::W * W::L, static_cast<const T*>(v),
                                                        W::kept, end - begin, pieces_of<W, G>, first);
            });
        }
    }
}

} // namespace ikebana::cpu
