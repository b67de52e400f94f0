// Evaluation by plain loops, one element at a time; a tile is one sample (L = 1). See tensor/assign.hpp.
#pragma once
#include <backends/reference/backend.hpp>
#include <ikebana/tensor/assign.hpp>

namespace ikebana::reference {

/// The sizes of a sample shape as numbers, so that what goes over them is compiled once and not for each shape.
struct Extent {
    int channels, places;
};
template <class S>
inline constexpr Extent extent_of{channels<S>, places<S>};

/// f(Position) for every feature and lane.
template <int L, class F>
void walk(Extent of, F f) {
    for (int c = 0; c < of.channels; ++c)
        for (int feature = c * of.places; feature < (c + 1) * of.places; ++feature)
            for (int lane = 0; lane < L; ++lane)
                f(Position{static_cast<std::size_t>(feature) * L + static_cast<std::size_t>(lane), feature, c, lane});
}

template <int L, class T, Expression E>
IKEBANA_ONCE void assign_each(T* to, Extent of, E e) {
    using V = typename compute_type<T>::type;
    walk<L>(of, [&](Position p) { ikebana::store(to + p.index, value_at<V>(e, p)); });
}

template <class T, class S, int L, Expression E>
void assign(backend, Tile<T, S, L> to, E e) {
    assign_each<L>(to.data, extent_of<S>, as_expression(e));
}

template <class... T, Expression... E>
void assign(backend, std::size_t n, std::tuple<T*...> to, std::tuple<E...> from) {
    for (std::size_t i = 0; i < n; ++i) [&]<std::size_t... K>(std::index_sequence<K...>) {
            const Position p{i};
            const std::tuple values{value_at<typename compute_type<T>::type>(std::get<K>(from), p)...};
            (ikebana::store(std::get<K>(to) + i, std::get<K>(values)), ...);
        }
    (std::index_sequence_for<E...>{});
}

} // namespace ikebana::reference
