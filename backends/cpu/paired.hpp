// Inner products in pairs of terms (S. Winograd, A New Algorithm for Inner Product, IEEE Transactions on Computers
// C-17, 1968), for machines whose additions have units of their own beside those of fma, as AMD's Zen has:
//   a x + b y = (x + b)(y + a) − x y − a b        one multiplication and two additions in place of two multiplications;
//   a x + b y = (x − b)(a − y) + x y + a b        what is corrected belongs to x and y alone or to a and b alone
// Of three pairs, a row of results takes one by two fmas and two by sums, the first with +, the second with −: then
// additions and multiplications are in balance, a product takes 2/3 of the time that fma alone needs, and corrections
// that share a sign for most pairs (pixels of a background) cancel. Which pair of the three is taken by fmas turns
// with the row, so that both kinds of instruction are at hand all the time.
//
// Rounding: x and a meet in sums, so every vector lane of x and every row of a is scaled by a power of two to a largest
// magnitude in [1, 2), as far as there is such a power (not for denormals). The error is then within a small factor of
// fma's, relative to K max|a| max|x| of the row and the lane: a sum whose terms are all 0 may come out as rounding.
// Where max|a| max|x| overflows, so may what is rounded.
//
// Terms come in chunks of 60, of which term k is paired with k + 30; those behind the last whole chunk are taken by
// fmas. One operand is a panel, K vectors of L numbers, in which partners are neighbours; the other is rows of numbers
// that are broadcast.
// Next to read: dense_paired.hpp, which runs on it.
#pragma once
#include <backends/cpu/products.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace ikebana::cpu {

/// Whether pairs are worth while: additions must not compete with fma, and operands, sums and what is added to them
/// must fit the registers (with 16 of them, a weight gradient takes 1.5 times as long as without pairs). A compiler may
/// know Zen 4 as Zen 3 with AVX-512.
#if defined(__znver3__) || defined(__znver4__) || defined(__znver5__)
inline constexpr bool adds_beside_fma = registers == 32;
#else
inline constexpr bool adds_beside_fma = false;
#endif

/// Pairs and terms of a chunk, and the numbers it takes in a row: whole cache lines.
inline constexpr int chunk_pairs = 30, chunk_terms = 2 * chunk_pairs, chunk_step = 64;

/// Where a panel of K terms has term k.
constexpr int place_of_term(int k, int K) {
    const int first = k / chunk_terms * chunk_terms, rest = k - first;
    return first + chunk_terms > K ? k : first + (rest < chunk_pairs ? 2 * rest : 2 * (rest - chunk_pairs) + 1);
}

/// The two pairs of three that a row of kind 0, 1 or 2 takes by sums; the pair of its kind it takes by fmas.
constexpr int plus_pair(int kind) { return kind == 0 ? 1 : 0; }
constexpr int minus_pair(int kind) { return kind == 2 ? 1 : 2; }

/// What the lanes of a panel need after the sum: the correction for each kind of row, and the reciprocal of the scale.
template <class T>
struct LaneCorrections {
    alignas(64) T sum[3][backend::lanes<T>];
    alignas(64) T factor[backend::lanes<T>];
};

/// What a row needs.
template <class T>
struct RowCorrection {
    T sum, factor;
};

template <class T>
using bits_of = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;

/// Powers of two that bring magnitudes to [1, 2), and their reciprocals, which are 0 for no magnitude at all: what has
/// none is exactly 0 in the end.
template <class T>
struct Scale {
    using V = xsimd::batch<T>;
    V scale, factor;

    explicit Scale(V magnitude) {
        using Bits = xsimd::batch<bits_of<T>>;
        using limits = std::numeric_limits<T>;
        constexpr auto exponent = std::bit_cast<bits_of<T>>(limits::infinity());
        constexpr T most = 1 / limits::min(); // its reciprocal is in range, too
        const V power = xsimd::bitwise_cast<V>(xsimd::bitwise_cast<Bits>(magnitude) & Bits(exponent));
        const V bounded = xsimd::min(xsimd::max(power, V(1 / most)), V(most));
        scale = V(1) / bounded, factor = xsimd::select(magnitude > V(0), bounded, V(0));
    }
};

/// a in all lanes. As an integer: from memory, g++ then takes an instruction that leaves the units for additions free.
template <class T>
IKEBANA_INLINE inline xsimd::batch<T> broadcast(T a) {
    return xsimd::bitwise_cast<xsimd::batch<T>>(xsimd::batch<bits_of<T>>(std::bit_cast<bits_of<T>>(a)));
}

/// sum[r][c] += Σ a_r[k] · x[c][k · L] over K terms, without corrections. Row r is of kind r mod 3; its chunk j lies at
/// a + (j · R + r) · chunk_step. between() is called after every three pairs.
template <int R, int C, class T, class Between>
IKEBANA_INLINE inline void add_pairs(xsimd::batch<T> (&sum)[R][C], const T* a, const T* (&x)[C], int K,
                                     Between between) {
    using V = xsimd::batch<T>;
    constexpr int L = backend::lanes<T>;
    for (; K >= chunk_terms; K -= chunk_terms, a += R * chunk_step - chunk_pairs)
        for (int k = 0; k < chunk_pairs; k += 3, a += 3) {
            unroll<3>([&](int pair) IKEBANA_INLINE {
                V u[C], v[C];
                unroll<C>([&](int c) IKEBANA_INLINE {
                    u[c] = V::load_unaligned(x[c] + 2 * pair * L), v[c] = V::load_unaligned(x[c] + (2 * pair + 1) * L);
                    keep(u[c]), keep(v[c]);
                });
                unroll<R>([&](int r) IKEBANA_INLINE {
                    const V b = broadcast(a[r * chunk_step + pair]),
                            d = broadcast(a[r * chunk_step + chunk_pairs + pair]);
                    unroll<C>([&](int c) IKEBANA_INLINE {
                        if (pair == r % 3)
                            sum[r][c] = xsimd::fma(b, u[c], sum[r][c]);
                        else if (pair == plus_pair(r % 3))
                            sum[r][c] = xsimd::fma(u[c] + d, v[c] + b, sum[r][c]);
                        else
                            sum[r][c] = xsimd::fma(u[c] - d, b - v[c], sum[r][c]);
                    });
                    if (pair == r % 3)
                        unroll<C>([&](int c) IKEBANA_INLINE { sum[r][c] = xsimd::fma(d, v[c], sum[r][c]); });
                });
            });
            unroll<C>([&](int c) IKEBANA_INLINE { x[c] += 6 * L; });
            between();
        }
    for (int k = 0; k < K; ++k, ++a)
        unroll<C>([&](int c) IKEBANA_INLINE {
            const V u = V::load_unaligned(x[c] + k * L);
            unroll<R>([&](int r) IKEBANA_INLINE { sum[r][c] = xsimd::fma(V(a[r * chunk_step]), u, sum[r][c]); });
        });
}

/// The largest magnitude in each lane of K vectors, `step` numbers apart.
template <class T>
IKEBANA_INLINE inline xsimd::batch<T> magnitudes(const T* x, int step, int K) {
    using V = xsimd::batch<T>;
    V most[4] = {V(0), V(0), V(0), V(0)};
    for (int k = 0; k + 4 <= K; k += 4, x += 4 * step)
        unroll<4>([&](int i)
                      IKEBANA_INLINE { most[i] = xsimd::max(most[i], xsimd::abs(V::load_unaligned(x + i * step))); });
    for (int k = K / 4 * 4; k < K; ++k, x += step) most[0] = xsimd::max(most[0], xsimd::abs(V::load_unaligned(x)));
    return xsimd::max(xsimd::max(most[0], most[1]), xsimd::max(most[2], most[3]));
}

/// Scales a panel of K terms; `lanes` gets what its lanes need.
template <class T>
IKEBANA_ONCE void scale_panel(T* panel, LaneCorrections<T>& lanes, int K) {
    using V = xsimd::batch<T>;
    constexpr int L = backend::lanes<T>;
    for (int lane = 0; lane < L; lane += width<T>) {
        T* x = panel + lane;
        const Scale<T> s(magnitudes(x, L, K));
        s.factor.store_aligned(lanes.factor + lane);
        const auto scaled = [&](int k) IKEBANA_INLINE {
            const V number = s.scale * V::load_unaligned(x + k * L);
            number.store_unaligned(x + k * L);
            return number;
        };
        V sum[3] = {V(0), V(0), V(0)};
        const int paired = K / chunk_terms * chunk_terms;
        for (int k = 0; k < paired; k += 6) {
            V product[3];
            unroll<3>([&](int pair)
                          IKEBANA_INLINE { product[pair] = scaled(k + 2 * pair) * scaled(k + 2 * pair + 1); });
            unroll<3>([&](int kind)
                          IKEBANA_INLINE { sum[kind] += product[plus_pair(kind)] - product[minus_pair(kind)]; });
        }
        for (int k = paired; k < K; ++k) scaled(k);
        for (int kind = 0; kind < 3; ++kind) sum[kind].store_aligned(lanes.sum[kind] + lane);
    }
}

/// The sign of the correction of each of a chunk's pairs, for each kind of row, in vectors that cover the pairs; 0
/// where the vector before had the pair.
template <class T>
struct ChunkSigns {
    static constexpr int W = width<T>, count = (chunk_pairs + W - 1) / W;
    alignas(64) T of[3][count][W];

    static constexpr int first(int vector) { return std::min(vector * W, chunk_pairs - W); }
    constexpr ChunkSigns() : of() {
        for (int kind = 0; kind < 3; ++kind)
            for (int vector = 0; vector < count; ++vector)
                for (int lane = 0; lane < W; ++lane) {
                    const int pair = first(vector) + lane;
                    if (pair >= vector * W)
                        of[kind][vector][lane] = pair % 3 == plus_pair(kind)    ? T(1)
                                                 : pair % 3 == minus_pair(kind) ? T(-1)
                                                                                : T(0);
                }
    }
};
template <class T>
inline constexpr ChunkSigns<T> chunk_signs;

/// A row of K terms, scaled, as row r of R in the order of add_pairs, and what it needs.
template <class T>
IKEBANA_ONCE RowCorrection<T> make_row(T* to, const T* from, int r, int R, int K) {
    using V = xsimd::batch<T>;
    constexpr int W = width<T>;
    alignas(64) T numbers[W];
    magnitudes(from, W, K / W).store_aligned(numbers);
    for (int k = K / W * W; k < K; ++k) numbers[0] = std::max(numbers[0], std::abs(from[k]));
    for (int half = W / 2; half > 0; half /= 2) // a tree: the chain of 16 takes 64 cycles
        for (int i = 0; i < half; ++i) numbers[i] = std::max(numbers[i], numbers[i + half]);
    const Scale<T> s{V(numbers[0])};

    using Signs = ChunkSigns<T>;
    V sum(0);
    for (to += r * chunk_step; K >= chunk_terms; K -= chunk_terms, from += chunk_terms, to += R * chunk_step)
        unroll<Signs::count>([&](int v) IKEBANA_INLINE {
            const int at = Signs::first(v);
            const V x = s.scale * V::load_unaligned(from + at),
                    y = s.scale * V::load_unaligned(from + chunk_pairs + at);
            x.store_unaligned(to + at), y.store_unaligned(to + chunk_pairs + at);
            sum = xsimd::fma(x * y, V::load_aligned(chunk_signs<T>.of[r % 3][v]), sum);
        });
    const T scale = s.scale.get(0);
    for (int k = 0; k < K; ++k) to[k] = scale * from[k];
    return {xsimd::hadd(sum), s.factor.get(0)};
}

/// A vector of results: where row 0 goes, the panel it is a sum over, and its first lane there.
template <class T>
struct PairedVector {
    T* to;
    const T* panel;
    const LaneCorrections<T>* lanes;
    int lane;
};

/// R rows of C vectors of results: row r goes to · + r · to_step, and is added to what is there if `add`. a and rows
/// are what make_row made for R rows of K terms. Of the last vector's numbers, `last` are stored.
template <int R, int C, class T>
IKEBANA_ONCE void paired_block(const PairedVector<T> (&vectors)[C], std::size_t to_step, const T* a,
                               const RowCorrection<T>* rows, int K, bool add, int last) {
    using V = xsimd::batch<T>;
    V sum[R][C];
    unroll<R>([&](int r) IKEBANA_INLINE { unroll<C>([&](int c) IKEBANA_INLINE { sum[r][c] = V(0); }); });
    const T* x[C];
    for (int c = 0; c < C; ++c) x[c] = vectors[c].panel + vectors[c].lane;
    add_pairs(sum, a, x, K, [] {});
    unroll<C>([&](int c) IKEBANA_INLINE {
        const PairedVector<T>& vector = vectors[c];
        const V factor = V::load_unaligned(vector.lanes->factor + vector.lane);
        unroll<R>([&](int r) IKEBANA_INLINE {
            T* to = vector.to + static_cast<std::size_t>(r) * to_step;
            const V corrected = sum[r][c] - V::load_unaligned(vector.lanes->sum[r % 3] + vector.lane) - V(rows[r].sum);
            const V result = corrected * (factor * V(rows[r].factor));
            if (c < C - 1 || last == width<T>)
                (add ? V::load_unaligned(to) + result : result).store_unaligned(to);
            else {
                alignas(64) T numbers[width<T>];
                result.store_aligned(numbers);
                for (int i = 0; i < last; ++i) to[i] = add ? to[i] + numbers[i] : numbers[i];
            }
        });
    });
}

} // namespace ikebana::cpu
