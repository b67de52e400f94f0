// The shape fold: Input and a list of layers become a chain of Bound<I, Layer, In>, each layer with its position and
// the shape it gets. The first layer whose rule does not hold stops the compiler with the sentence
//   shape_mismatch<layer<2, Conv<50,5>>, expected<…>, given<Shape<…>>>
// Next to read: network/layout.hpp (where everything lies in memory), network/fuse.hpp.
#pragma once
#include <ikebana/layers/layer.hpp>
#include <ikebana/network/sequential.hpp>

#include <boost/hana/fold_left.hpp>
#include <boost/hana/tuple.hpp>
#include <boost/hana/type.hpp>

namespace ikebana {

namespace hana = boost::hana;

template <int I, class L, class In>
struct Bound {
    static constexpr int position = I;
    using layer = L;
    using input = In;
    using output = decltype(L::template output<In>());
    using parameters = typename parameters_of<L, In>::type;
    using state = typename state_of<L, In>::type;
};

struct at_least_one_layer;
struct a_type_with_the_members_that_layer_hpp_lists;
struct sizes_of_at_least_one;

template <class L, class In>
concept LayerFor = std::is_empty_v<L> && requires {
    L::template output<In>();
};

/// State of the fold: the chain so far and the shape that leaves it.
template <class Out, class... B>
struct Folded {
    using output = Out;
    using chain = pack<B...>;
};

/// One step of the shape fold. Only ever used in decltype.
struct append_layer {
    template <class Out, class... B, class L>
    constexpr auto operator()(hana::basic_type<Folded<Out, B...>>, hana::basic_type<L>) const {
        constexpr int I = sizeof...(B);
        if constexpr (!LayerFor<L, Out>) {
            return typename shape_mismatch<layer<I, L>, expected<a_type_with_the_members_that_layer_hpp_lists>,
                                           given<Out>>::error{};
        } else {
            using next = decltype(L::template output<Out>());
            if constexpr (is_refused<next>)
                return typename shape_mismatch<layer<I, L>, typename next::expects, given<Out>>::error{};
            else
                return hana::type_c<Folded<next, B..., Bound<I, L, Out>>>;
        }
    }
};

template <int... N>
consteval bool all_positive(Shape<N...>) {
    return ((N > 0) && ...);
}

template <class In, class... L>
consteval auto fold_shapes(pack<L...>) {
    if constexpr (!all_positive(In{}))
        return typename shape_mismatch<Input<>, expected<sizes_of_at_least_one>, given<In>>::error{};
    else if constexpr (sizeof...(L) == 0)
        return typename shape_mismatch<Sequential<>, expected<at_least_one_layer>, given<In>>::error{};
    else
        return hana::fold_left(hana::tuple_t<L...>, hana::type_c<Folded<In>>, append_layer{});
}

struct an_Input;

/// The shape of an Input, or the sentence that In is none.
template <class In>
consteval auto shape_of_input() {
    if constexpr (requires { typename In::shape; })
        return typename In::shape{};
    else
        return typename shape_mismatch<In, expected<an_Input>, given<In>>::error{};
}

struct a_Sequential_of_layers;

/// pack<Layers...> of a Sequential, or the sentence that Net is none.
template <class Net>
consteval auto list_of_layers() {
    if constexpr (NetworkType<Net>)
        return layers_of<Net>{};
    else
        return typename shape_mismatch<Net, expected<a_Sequential_of_layers>, given<Net>>::error{};
}

/// Folded<Output, Bound<0, L0, In>, Bound<1, L1, …>, …>
template <class In, class Layers>
using fold_of = typename decltype(fold_shapes<In>(Layers{}))::type;

} // namespace ikebana
