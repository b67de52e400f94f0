// Evaluation of expressions by vectors, in one pass. A tile is walked channel by channel, so that what is constant in a
// channel stays in registers. See tensor/assign.hpp.
#pragma once
#include <backends/cpu/backend.hpp>
#include <ikebana/tensor/assign.hpp>

namespace ikebana::cpu {

/// f(Position) for every vector of a tile.
template <class T, class F>
IKEBANA_INLINE inline void walk(int channels, int places, F f) {
    constexpr int L = backend::lanes<T>;
    for (int c = 0; c < channels; ++c)
        for (int place = 0; place < places; ++place) {
            const int feature = c * places + place;
            unroll<parts<T>>([&](int part) IKEBANA_INLINE {
                const int lane = part * width<T>;
                f(Position{static_cast<std::size_t>(feature) * L + static_cast<std::size_t>(lane), feature, c, lane});
            });
        }
}

template <class T, Expression E>
IKEBANA_ONCE void assign_tile(T* to, int channels, int places, E e) {
    using V = xsimd::batch<T>;
    walk<T>(channels, places, [&](Position p) IKEBANA_INLINE { ikebana::store(to + p.index, value_at<V>(e, p)); });
}

template <class T, class S, Expression E>
void assign(backend, Tile<T, S, backend::lanes<T>> to, E e) {
    assign_tile(to.data, channels<S>, places<S>, as_expression(e));
}

// Where it is inlined, the compiler sees which parts the expressions have in common, and which numbers are constant.
template <class T, class... More, Expression... E>
IKEBANA_INLINE inline void assign(backend, std::size_t n, std::tuple<T*, More*...> to, std::tuple<E...> from) {
    const auto at = [&]<class V>(V*, std::size_t i) IKEBANA_INLINE {
        [&]<std::size_t... K>(std::index_sequence<K...>) IKEBANA_INLINE {
            const Position p{i};
            const std::tuple values{value_at<V>(std::get<K>(from), p)...};
            (ikebana::store(std::get<K>(to) + i, std::get<K>(values)), ...);
        }
        (std::index_sequence_for<E...>{});
    };
    using V = xsimd::batch<T>;
    const std::size_t whole = n / V::size * V::size;
    for (std::size_t i = 0; i < whole; i += V::size) at(static_cast<V*>(nullptr), i);
    for (std::size_t i = whole; i < n; ++i) at(static_cast<T*>(nullptr), i);
}

} // namespace ikebana::cpu
