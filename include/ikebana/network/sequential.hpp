// Sequential<Layers...>: a network as a list of layers, all empty types. Name one by deriving from it, and symbols and
// messages carry the short name:
//   struct LeNet5 : Sequential<Conv<20,5>, Pool<2>, Relu, BatchNorm, …> {};
// Next to read: network/chain.hpp.
#pragma once
#include <cstddef>
#include <tuple>

namespace ikebana {

template <class... Layers>
struct Sequential {};

/// A list of types.
template <class... T>
struct pack {
    static constexpr int size = sizeof...(T);
};

/// Item I of a pack, for decltype.
template <int I, class... T>
auto item_of(pack<T...>) -> std::tuple_element_t<static_cast<std::size_t>(I), std::tuple<T...>>;

template <class... L>
pack<L...> layers_in(const Sequential<L...>*);

/// pack<Layers...> of a Sequential or of a struct derived from one.
template <class Net>
using layers_of = decltype(layers_in(static_cast<const Net*>(nullptr)));

template <class Net>
concept NetworkType = requires(const Net* net) {
    layers_in(net);
};

} // namespace ikebana
