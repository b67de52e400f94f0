// Sequential<Layers...>: a network as a list of layers, all empty types. Name one by deriving from it, and symbols and
// messages carry the short name:
//   struct LeNet5 : Sequential<Conv<20,5>, Pool<2>, Relu, BatchNorm, …> {};
// Next to read: network/chain.hpp.
#pragma once
#include <utility>

namespace ikebana {

template <class... Layers>
struct Sequential {};

/// A list of types.
template <class... T>
struct pack {
    static constexpr int size = sizeof...(T);
};

template <int I, class T>
struct Item {
    using type = T;
};
template <class Indices, class... T>
struct Items;
template <int... I, class... T>
struct Items<std::integer_sequence<int, I...>, T...> : Item<I, T>... {};
template <int I, class T>
Item<I, T> find_item(const Item<I, T>*);

/// Item I of a pack, for decltype: the one base of that number, found without a template for each item before it.
template <int I, class... T>
auto item_of(pack<T...>) -> typename decltype(find_item<I>(
    static_cast<const Items<std::make_integer_sequence<int, sizeof...(T)>, T...>*>(nullptr)))::type;

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
