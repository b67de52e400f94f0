// Sums and maxima over a tile, plain loops in the order of memory. See layers/primitives.hpp.
#pragma once
#include <backends/reference/assign.hpp>

#include <algorithm>

namespace ikebana::reference {

template <int L, class T>
IKEBANA_ONCE void lane_max(T* out, const T* x, Extent of) {
    std::copy_n(x, L, out);
    walk<L>(of, [&](Position p) { out[p.lane] = std::max(out[p.lane], x[p.index]); });
}

template <int L, class T, Expression E>
IKEBANA_ONCE void lane_sum(T* out, Extent of, E e) {
    std::fill_n(out, L, T(0));
    walk<L>(of, [&](Position p) { out[p.lane] += value_at<T>(e, p); });
}

/// out[c] += Σ of e over the places and lanes of channel c.
template <int L, class T, Expression E>
IKEBANA_ONCE void add_to_channels(T* out, Extent of, E e) {
    walk<L>(of, [&](Position p) { out[p.channel] += value_at<T>(e, p); });
}

template <int L, class T>
IKEBANA_ONCE void moments_of_channels(T* mean, T* m2, const T* x, const T* mask, int samples, Extent of) {
    std::fill_n(mean, of.channels, T(0));
    std::fill_n(m2, of.channels, T(0));
    const T n = static_cast<T>(samples) * static_cast<T>(of.places);
    walk<L>(of, [&](Position p) { mean[p.channel] += mask[p.lane] * x[p.index] / n; });
    walk<L>(of, [&](Position p) {
        const T d = x[p.index] - mean[p.channel];
        m2[p.channel] += mask[p.lane] * d * d;
    });
}

template <class T, class U, class S, int L>
void per_lane_max(backend, T* out, Tile<U, S, L> x) {
    lane_max<L>(out, static_cast<const T*>(x.data), extent_of<S>);
}

template <class T, class U, class S, int L, Expression E>
void per_lane_sum(backend, T* out, Tile<U, S, L>, E e) {
    lane_sum<L>(out, extent_of<S>, as_expression(e));
}

template <class... T, class U, class S, int L, Expression... E>
void per_channel_sums(backend, Tile<U, S, L>, std::tuple<T*...> out, std::tuple<E...> from) {
    [&]<std::size_t... K>(std::index_sequence<K...>) {
        (std::fill_n(std::get<K>(out), channels<S>, T(0)), ...);
        (add_to_channels<L>(std::get<K>(out), extent_of<S>, as_expression(std::get<K>(from))), ...);
    }
    (std::index_sequence_for<E...>{});
}

/// db (C) += Σ over places and lanes of dy.
template <class T, class B, class U, class S, int L>
void add_channel_sums(backend, View<T, B> db, Tile<U, S, L> dy) {
    add_to_channels<L>(db.data, extent_of<S>, dy.elements());
}

/// Mean and Σ (x − mean)² of each channel over the places of the tile's samples.
template <class T, class U, class S, int L>
void channel_moments(backend, T* mean, T* m2, Tile<U, S, L> x, const T* mask, int samples) {
    moments_of_channels<L>(mean, m2, static_cast<const T*>(x.data), mask, samples, extent_of<S>);
}

} // namespace ikebana::reference
