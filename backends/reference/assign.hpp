// Evaluation by plain loops, one element at a time; a tile is one sample (L = 1). See tensor/assign.hpp.
#pragma once
#include <backends/reference/backend.hpp>
#include <ikebana/tensor/assign.hpp>

namespace ikebana::reference {

/// f(Position) for every feature and lane of a sample shape.
template <class S, int L, class F>
void walk(F f) {
    for (int c = 0; c < channels<S>; ++c)
        for (int place = 0; place < places<S>; ++place)
            for (int lane = 0; lane < L; ++lane) {
                const int feature = c * places<S> + place;
                f(Position{static_cast<std::size_t>(feature * L + lane), feature, c, lane});
            }
}

template <class T, class S, int L, Expression E>
void assign(backend, Tile<T, S, L> to, E e) {
    using V = typename compute_type<T>::type;
    walk<S, L>([&](Position p) { ikebana::store(to.data + p.index, value_at<V>(e, p)); });
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
