// Sequential<Layers...>: a network as a list of layers, all empty types. Name one by deriving from it, and symbols and
// messages carry the short name:
//   struct LeNet5 : Sequential<Conv<20,5>, Pool<2>, Relu, BatchNorm, …> {};
// One may stand in another, as a block of layers: it, or what derives from it, is the same as its layers in its place.
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

namespace detail {

template <class... L>
pack<L...> layers_as_listed(const Sequential<L...>*);

template <class... A, class... B>
pack<A..., B...> operator+(pack<A...>, pack<B...>);

} // namespace detail

template <class Net>
concept NetworkType = requires(const Net* net) {
    detail::layers_as_listed(net);
};

namespace detail {

template <class L>
consteval auto expand_block();
template <class... L>
consteval auto expand_blocks(pack<L...> layers) {
    if constexpr ((NetworkType<L> || ...))
        return decltype((pack<>{} + ... + expand_block<L>())){};
    else
        return layers;
}
template <class L>
consteval auto expand_block() {
    if constexpr (NetworkType<L>)
        return expand_blocks(decltype(layers_as_listed(static_cast<const L*>(nullptr))){});
    else
        return pack<L>{};
}

} // namespace detail

/// pack<Layers...> of a Sequential or of a struct derived from one, those of Sequentials in it in their place.
template <class Net>
using layers_of = decltype(detail::expand_block<Net>());

} // namespace ikebana
