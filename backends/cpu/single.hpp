// Kernels for one sample, so that a single prediction need not pay for a tile of 16: a tile of cpu::single has one
// lane, and vectors run over places, inputs or (single_conv.hpp) filters. Only the way forward: a network is trained on
// tiles of cpu::backend, and InferenceNetwork takes this tag where a tile holds one sample.
//   assign        vectors over the places of a channel; over the whole sample where nothing depends on the channel
//   dense         dot products of x with the rows of W, several rows at a time: each weight is read once, as it lies
//   pools         plain loops; a max pool behind a convolution is fused (single_conv.hpp). No argmax is kept.
// See layers/primitives.hpp.
#pragma once
#include <backends/cpu/backend.hpp>
#include <ikebana/layers/primitives.hpp>
#include <ikebana/tensor/assign.hpp>

#include <algorithm>
#include <limits>

namespace ikebana::cpu {

// ---- expressions

/// The same expression with leaves that suit a sample of shape S alone: what is one a lane is constant, what is one a
/// feature lies as the elements do.
template <class S>
struct OneSample {
    template <class E>
    static E of(E e) {
        return e;
    }
    template <class T>
    static Constant<T> of(PerLane<T> e) {
        return {*e.data};
    }
    template <class T>
    static Elements<T> of(PerFeature<T> e) {
        return {e.data};
    }
    template <class T>
    static auto of(PerChannel<T> e) {
        if constexpr (places<S> == 1)
            return Elements<T>{e.data};
        else
            return e;
    }
    template <class F, class A>
    static auto of(Unary<F, A> e) {
        const auto a = of(e.a);
        return Unary<F, std::remove_const_t<decltype(a)>>{e.f, a};
    }
    template <class F, class A, class B>
    static auto of(Binary<F, A, B> e) {
        const auto a = of(e.a);
        const auto b = of(e.b);
        return Binary<F, std::remove_const_t<decltype(a)>, std::remove_const_t<decltype(b)>>{a, b};
    }
};

/// Whether vectors over features give what each feature alone would; leaves that are not listed go one by one.
template <class E>
inline constexpr bool by_vectors = false;
template <class T>
inline constexpr bool by_vectors<Elements<T>> = true;
template <class T>
inline constexpr bool by_vectors<Constant<T>> = true;
template <class T>
inline constexpr bool by_vectors<PerChannel<T>> = true;
template <class T, class S>
inline constexpr bool by_vectors<Tile<T, S, 1>> = true;
template <class F, class A>
inline constexpr bool by_vectors<Unary<F, A>> = by_vectors<A>;
template <class F, class A, class B>
inline constexpr bool by_vectors<Binary<F, A, B>> = by_vectors<A>&& by_vectors<B>;

template <class E>
inline constexpr bool by_channel = false;
template <class T>
inline constexpr bool by_channel<PerChannel<T>> = true;
template <class F, class A>
inline constexpr bool by_channel<Unary<F, A>> = by_channel<A>;
template <class F, class A, class B>
inline constexpr bool by_channel<Binary<F, A, B>> = by_channel<A> || by_channel<B>;

/// f(value, index) for every vector of an expression over a sample, and for every number that fills none.
template <class T, class S, class E, class F>
IKEBANA_INLINE inline void each_value(E e, F f) {
    const auto one = OneSample<S>::of(e);
    using One = std::remove_const_t<decltype(one)>;
    using V = xsimd::batch<T>;
    constexpr bool vectors = by_vectors<One>;
    constexpr int rows = vectors && !by_channel<One> ? 1 : channels<S>, size = static_cast<int>(S::size) / rows;
    for (int c = 0; c < rows; ++c) {
        int i = 0;
        const auto at = [&] { return Position{static_cast<std::size_t>(c * size + i), c * size + i, c, 0}; };
        if constexpr (vectors)
            for (; i + width<T> <= size; i += width<T>) f(value_at<V>(one, at()), c * size + i);
        if constexpr (!vectors || size % width<T> != 0)
            for (; i < size; ++i) f(value_at<T>(one, at()), c * size + i);
    }
}

template <class T, class S, Expression E>
void assign(single, Tile<T, S, 1> to, E e) {
    each_value<T, S>(e, [&](auto value, int i) IKEBANA_INLINE { ikebana::store(to.data + i, value); });
}

template <class T, class U, class S>
void per_lane_max(single, T* out, Tile<U, S, 1> x) {
    out[0] = *std::max_element(x.data, x.data + S::size);
}

template <class T, class U, class S, Expression E>
void per_lane_sum(single, T* out, Tile<U, S, 1>, E e) {
    xsimd::batch<T> sums(0);
    T rest = 0;
    each_value<T, S>(e, [&](auto value, int) IKEBANA_INLINE {
        if constexpr (std::is_same_v<decltype(value), T>)
            rest += value;
        else
            sums = sums + value;
    });
    out[0] = xsimd::hadd(sums) + rest;
}

// ---- a sample is a tile already

template <class T, class S>
void load_tile(single, Tile<T, S, 1> to, const T* rows, int, std::size_t) {
    std::copy_n(rows, S::size, to.data);
}

template <class T, class U, class S>
void store_tile(single, T* rows, int, std::size_t, Tile<U, S, 1> from) {
    std::copy_n(from.data, S::size, rows);
}

// ---- pools

/// f(index of y, index of x) for each place of each window that lies inside the image.
template <class G, class F>
IKEBANA_INLINE inline void each_pooled(F f) {
    for (int c = 0; c < G::C; ++c)
        for (int p = 0; p < G::P; ++p)
            for (int q = 0; q < G::Q; ++q) {
                const int h0 = p * G::stride - G::padding, w0 = q * G::stride - G::padding;
                for (int h = std::max(0, h0); h < std::min(G::H, h0 + G::R); ++h)
                    for (int w = std::max(0, w0); w < std::min(G::W, w0 + G::R); ++w)
                        f((c * G::P + p) * G::Q + q, (c * G::H + h) * G::W + w);
            }
}

template <class G, class Y, class X>
void max_pool_forward(single, G, Y y, X x, typename Y::element*) {
    using T = typename Y::element;
    std::fill_n(y.data, Y::size, -std::numeric_limits<T>::infinity());
    each_pooled<G>([&](int to, int from) IKEBANA_INLINE {
        const T v = x.data[from], best = y.data[to];
        y.data[to] = v > best || v != v ? v : best; // NaN wins
    });
}

template <class G, class Y, class X>
void average_pool_forward(single, G, Y y, X x) {
    using T = typename Y::element;
    std::fill_n(y.data, Y::size, T(0));
    each_pooled<G>([&](int to, int from) IKEBANA_INLINE { y.data[to] += x.data[from]; });
    for (std::size_t i = 0; i < Y::size; ++i) y.data[i] *= T(1) / T(G::R * G::R);
}

// ---- dense

template <class S, class T>
constexpr std::size_t dense_scratch_bytes(single, S, T) {
    return 0;
}

/// y = W x + b
template <class Y, class X, class W, class B>
void dense_forward(single, Y y, X x, W w, B b) {
    using T = typename Y::element;
    using V = xsimd::batch<T>;
    constexpr int O = Y::shape::sizes[0], I = X::shape::size, whole = I / width<T>, rest = I % width<T>;
    constexpr int most = registers == 32 ? 8 : 6, blocks = (O + most - 1) / most, rows = (O + blocks - 1) / blocks;
    constexpr int chains = (4 + rows - 1) / rows; // sums in flight, for the latency of an addition
    // The last vector of a row overlaps the one before; x is 0 where it does.
    [[maybe_unused]] V last(0);
    if constexpr (whole > 0 && rest > 0) {
        alignas(64) T numbers[width<T>]{};
        std::copy_n(x.data + I - rest, rest, numbers + width<T> - rest);
        last = V::load_aligned(numbers);
    }
    for (int o0 = 0; o0 < O; o0 += rows) {
        const int o = std::min(o0, O - rows);
        const T* wo = w.data + static_cast<std::size_t>(o) * I;
        const auto weights = [&](int k, int i)
                                 IKEBANA_INLINE { return V::load_unaligned(wo + static_cast<std::size_t>(k) * I + i); };
        V sums[rows][chains];
        unroll<rows * chains>([&](int k) IKEBANA_INLINE { sums[k / chains][k % chains] = V(0); });
        for (int v = 0; v + chains <= whole; v += chains)
            unroll<chains>([&](int j) IKEBANA_INLINE {
                const int i = (v + j) * width<T>;
                const V xi = V::load_unaligned(x.data + i);
                unroll<rows>([&](int k) IKEBANA_INLINE { sums[k][j] = xsimd::fma(xi, weights(k, i), sums[k][j]); });
            });
        unroll<whole % chains>([&](int j) IKEBANA_INLINE {
            const int i = (whole - 1 - j) * width<T>;
            const V xi = V::load_unaligned(x.data + i);
            unroll<rows>([&](int k) IKEBANA_INLINE { sums[k][j] = xsimd::fma(xi, weights(k, i), sums[k][j]); });
        });
        unroll<rows>([&](int k) IKEBANA_INLINE {
            V sum = sums[k][0];
            unroll<chains - 1>([&](int j) IKEBANA_INLINE { sum = sum + sums[k][j + 1]; });
            if constexpr (whole > 0 && rest > 0) sum = xsimd::fma(last, weights(k, I - width<T>), sum);
            T total = whole > 0 ? xsimd::hadd(sum) : T(0);
            if constexpr (whole == 0)
                for (int i = 0; i < I; ++i) total += wo[static_cast<std::size_t>(k) * I + i] * x.data[i];
            if constexpr (!is_nothing<B>) total += b[static_cast<std::size_t>(o + k)];
            y.data[o + k] = total;
        });
    }
}

} // namespace ikebana::cpu
