// The contract of evaluation. Every backend B gives these, found by its tag; nothing else in the library walks
// elements, apart from the primitives listed in layers/primitives.hpp.
//
//   assign(b, tile, e)                          tile ← e, all features and lanes
//   assign(b, n, destinations, expressions)     flat arrays of n elements: all expressions at a position are computed
//                                               before any is stored, so a destination may also be an operand
//
// Destinations and expressions of the flat form are collected by to(…) and from(…).
#pragma once
#include <ikebana/tensor/view.hpp>

#include <tuple>

namespace ikebana {

/// Where a fused flat assignment writes: one pointer for each expression.
template <class... T>
std::tuple<T*...> to(T*... destination) {
    return {destination...};
}
template <Expression... E>
std::tuple<E...> from(E... e) {
    return {e...};
}

/// One expression into one array.
template <class Backend, class T, Expression E>
void assign(Backend backend, std::size_t n, T* destination, E e) {
    assign(backend, n, to(destination), from(e));
}

} // namespace ikebana
