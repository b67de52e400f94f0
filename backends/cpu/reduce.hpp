// Sums and maxima over a tile, in a fixed order. See layers/primitives.hpp.
#pragma once
#include <backends/cpu/assign.hpp>

#include <array>

namespace ikebana::cpu {

/// Where haddp() puts the sum of row i: some versions of xsimd permute them for AVX-512, so it is asked once.
template <class T>
inline const std::array<int, width<T>> haddp_place = [] {
    using V = xsimd::batch<T>;
    std::array<int, width<T>> place{};
    for (int i = 0; i < width<T>; ++i) {
        V rows[width<T>];
        alignas(64) T sums[width<T>];
        for (int j = 0; j < width<T>; ++j) rows[j] = V(static_cast<T>(i == j));
        xsimd::haddp(rows).store_unaligned(sums);
        for (int j = 0; j < width<T>; ++j)
            if (sums[j] != T(0)) place[static_cast<std::size_t>(i)] = j;
    }
    return place;
}();

template <class T, class U, class S, int L>
void per_lane_max(backend, T* out, Tile<U, S, L> x) {
    using V = xsimd::batch<T>;
    for (int lane = 0; lane < L; lane += width<T>) {
        V best = V::load_unaligned(x.data + lane);
        for (std::size_t f = 1; f < S::size; ++f) best = xsimd::max(best, V::load_unaligned(x.data + f * L + lane));
        best.store_unaligned(out + lane);
    }
}

template <class T, Expression E>
IKEBANA_ONCE void tile_lane_sums(T* out, int channels, int places, E e) {
    using V = xsimd::batch<T>;
    V sums[parts<T>];
    unroll<parts<T>>([&](int i) { sums[i] = V(0); });
    walk<T>(channels, places,
            [&](Position p) IKEBANA_INLINE { sums[p.lane / width<T>] = sums[p.lane / width<T>] + value_at<V>(e, p); });
    unroll<parts<T>>([&](int i) { sums[i].store_unaligned(out + i * width<T>); });
}

template <class T, class U, class S, int L, Expression E>
void per_lane_sum(backend, T* out, Tile<U, S, L>, E e) {
    tile_lane_sums(out, channels<S>, places<S>, as_expression(e));
}

/// Σ over one channel's places and lanes of several expressions; four sums a vector hide the latency of additions.
template <class T, class... E>
IKEBANA_ONCE void channel_sums(int c, int places, T* sums, E... e) {
    using V = xsimd::batch<T>;
    constexpr int n = sizeof...(E), L = backend::lanes<T>, chains = 4;
    V s[n][chains];
    for (auto& row : s)
        for (V& v : row) v = V(0);
    const auto add = [&](int vector, int chain) IKEBANA_INLINE {
        const int place = vector / parts<T>, lane = vector % parts<T> * width<T>, feature = c * places + place;
        const Position p{static_cast<std::size_t>(feature) * L + static_cast<std::size_t>(lane), feature, c, lane};
        int k = 0;
        ((s[k][chain] = s[k][chain] + value_at<V>(e, p), ++k), ...);
    };
    const int vectors = places * parts<T>;
    int v = 0;
    for (; v + chains <= vectors; v += chains) unroll<chains>([&](int j) IKEBANA_INLINE { add(v + j, j); });
    unroll<chains - 1>([&](int j) IKEBANA_INLINE {
        if (v + j < vectors) add(v + j, j);
    });
    for (int k = 0; k < n; ++k) sums[k] = xsimd::hadd((s[k][0] + s[k][1]) + (s[k][2] + s[k][3]));
}

template <class T, class... More, class U, class S, int L, Expression... E>
void per_channel_sums(backend, Tile<U, S, L>, std::tuple<T*, More*...> out, std::tuple<E...> from) {
    for (int c = 0; c < channels<S>; ++c) {
        T sums[sizeof...(E)];
        [&]<std::size_t... K>(std::index_sequence<K...>) {
            channel_sums<T>(c, places<S>, sums, as_expression(std::get<K>(from))...);
            ((std::get<K>(out)[c] = sums[K]), ...);
        }
        (std::index_sequence_for<E...>{});
    }
}

/// db (C) += Σ over places and lanes of dy.
template <class T, class B, class U, class S, int L>
void add_channel_sums(backend, View<T, B> db, Tile<U, S, L> dy) {
    for (int c = 0; c < channels<S>; ++c) {
        T sum;
        channel_sums<T>(c, places<S>, &sum, dy.elements());
        db[static_cast<std::size_t>(c)] += sum;
    }
}

/// Mean and Σ (x − mean)² of each channel over the places of the tile's samples.
template <class T, class U, class S, int L>
void channel_moments(backend, T* mean, T* m2, Tile<U, S, L> x, const T* mask, int samples) {
    const PerLane<T> present{mask};
    for (int c = 0; c < channels<S>; ++c) {
        T sum;
        channel_sums<T>(c, places<S>, &sum, x * present);
        mean[c] = sum / (static_cast<T>(samples) * places<S>);
        const auto d = (x - mean[c]) * present;
        channel_sums<T>(c, places<S>, &m2[c], d * d);
    }
}

} // namespace ikebana::cpu
