// The fusion pass: rewrites a chain before code is generated for a backend that fuses.
//   Conv, Pool<2>               → ConvPool<Conv, 2, identity>      (max, window = stride = 2, no padding)
//   ConvPool<…, identity>, f    → ConvPool<…, f>                   (f's derivative must follow from its output)
//   Conv, f                     → ConvPool<Conv, 1, f>
//   ConvPool<Conv, 1, f>, Pool<2> → ConvPool<Conv, 2, f>           (f monotone: max and f change places)
//   Dense, f                    → DenseActivation<Dense, f>        (the same of f; where Backend::fuses_dense)
//   Flatten                     → nothing
// Parameters keep their order, so offsets in the arena hold before and after.
#pragma once
#include <ikebana/layers/activation.hpp>
#include <ikebana/layers/conv_pool.hpp>
#include <ikebana/layers/dense_activation.hpp>
#include <ikebana/layers/flatten.hpp>
#include <ikebana/layers/pool.hpp>
#include <ikebana/network/chain.hpp>

namespace ikebana {

template <class L>
struct activation_functor {
    static constexpr bool found = false;
};
template <class L>
requires requires { typename L::functor; typename L::fusible; } && std::same_as<typename L::fusible, L>
struct activation_functor<L> {
    static constexpr bool found = L::functor::derivative_from_output;
    using type = typename L::functor;
};

template <class L>
inline constexpr bool is_max_pool_2 = false;
template <class... O>
inline constexpr bool is_max_pool_2<Pool<2, O...>> =
    !Pool<2, O...>::average && Pool<2, O...>::stride == 2 && Pool<2, O...>::padding == 0;

/// What Last and Next become together, as a layer; void where they stay two. WithDense: Dense may be one of them.
template <class Last, class Next, bool WithDense>
struct fused {
    using type = void;
};
template <int K, int R, class... O, class Next, bool WithDense>
struct fused<Conv<K, R, O...>, Next, WithDense> {
    static auto pick() {
        if constexpr (is_max_pool_2<Next>)
            return hana::type_c<ConvPool<Conv<K, R, O...>, 2, functors::identity>>;
        else if constexpr (activation_functor<Next>::found)
            return hana::type_c<ConvPool<Conv<K, R, O...>, 1, typename activation_functor<Next>::type>>;
        else
            return hana::type_c<void>;
    }
    using type = typename decltype(pick())::type;
};
template <class C, int W, class F, class Next, bool WithDense>
struct fused<ConvPool<C, W, F>, Next, WithDense> {
    static auto pick() {
        if constexpr (std::is_same_v<F, functors::identity> && activation_functor<Next>::found)
            return hana::type_c<ConvPool<C, W, typename activation_functor<Next>::type>>;
        else if constexpr (W == 1 && F::monotone && is_max_pool_2<Next>)
            return hana::type_c<ConvPool<C, 2, F>>;
        else
            return hana::type_c<void>;
    }
    using type = typename decltype(pick())::type;
};

template <int O, class... Options, class Next>
requires(activation_functor<Next>::found) struct fused<Dense<O, Options...>, Next, true> {
    using type = DenseActivation<Dense<O, Options...>, typename activation_functor<Next>::type>;
};

/// One step of the pass: the chain so far without its last layer, that last layer, and the next.
template <class Last, class... Done>
struct Fusing {};

template <bool WithDense>
struct fuse_next {
    template <class B>
    constexpr auto operator()(hana::basic_type<Fusing<void>>, hana::basic_type<B>) const {
        return hana::type_c<Fusing<B>>;
    }
    template <class Last, class... Done, class B>
    constexpr auto operator()(hana::basic_type<Fusing<Last, Done...>>, hana::basic_type<B>) const {
        using both = typename fused<typename Last::layer, typename B::layer, WithDense>::type;
        if constexpr (std::is_same_v<typename B::layer, Flatten>)
            return hana::type_c<Fusing<Last, Done...>>;
        else if constexpr (std::is_void_v<both>)
            return hana::type_c<Fusing<B, Done..., Last>>;
        else
            return hana::type_c<Fusing<Bound<Last::position, both, typename Last::input>, Done...>>;
    }
};

template <class Last, class... Done>
pack<Done..., Last> finished(hana::basic_type<Fusing<Last, Done...>>);

/// The chain that a backend runs: fused where Backend::fuses, else as written.
template <class Backend, class... B>
consteval auto fuse(pack<B...>) {
    if constexpr (Backend::fuses)
        return decltype(finished(
            hana::fold_left(hana::tuple_t<B...>, hana::type_c<Fusing<void>>, fuse_next<fuses_dense<Backend>>{}))){};
    else
        return pack<B...>{};
}

} // namespace ikebana
