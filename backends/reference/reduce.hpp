// Sums and maxima over a tile, plain loops in the order of memory. See layers/primitives.hpp.
#pragma once
#include <backends/reference/assign.hpp>

#include <algorithm>

namespace ikebana::reference {

template <class T, class U, class S, int L>
void per_lane_max(backend, T* out, Tile<U, S, L> x) {
    for (int lane = 0; lane < L; ++lane) out[lane] = x.row(0)[lane];
    walk<S, L>([&](Position p) { out[p.lane] = std::max(out[p.lane], x.data[p.index]); });
}

template <class T, class U, class S, int L, Expression E>
void per_lane_sum(backend, T* out, Tile<U, S, L>, E e) {
    std::fill(out, out + L, T(0));
    walk<S, L>([&](Position p) { out[p.lane] += value_at<T>(e, p); });
}

template <class... T, class U, class S, int L, Expression... E>
void per_channel_sums(backend, Tile<U, S, L>, std::tuple<T*...> out, std::tuple<E...> from) {
    [&]<std::size_t... K>(std::index_sequence<K...>) {
        (std::fill(std::get<K>(out), std::get<K>(out) + channels<S>, T(0)), ...);
        walk<S, L>([&](Position p) { ((std::get<K>(out)[p.channel] += value_at<T>(std::get<K>(from), p)), ...); });
    }
    (std::index_sequence_for<E...>{});
}

/// db (C) += Σ over places and lanes of dy.
template <class T, class B, class U, class S, int L>
void add_channel_sums(backend, View<T, B> db, Tile<U, S, L> dy) {
    walk<S, L>([&](Position p) { db[static_cast<std::size_t>(p.channel)] += dy.data[p.index]; });
}

/// Mean and Σ (x − mean)² of each channel over the places of the tile's samples.
template <class T, class U, class S, int L>
void channel_moments(backend, T* mean, T* m2, Tile<U, S, L> x, const T* mask, int samples) {
    std::fill(mean, mean + channels<S>, T(0));
    std::fill(m2, m2 + channels<S>, T(0));
    const T n = static_cast<T>(samples) * places<S>;
    walk<S, L>([&](Position p) { mean[p.channel] += mask[p.lane] * x.data[p.index] / n; });
    walk<S, L>([&](Position p) {
        const T d = x.data[p.index] - mean[p.channel];
        m2[p.channel] += mask[p.lane] * d * d;
    });
}

} // namespace ikebana::reference
