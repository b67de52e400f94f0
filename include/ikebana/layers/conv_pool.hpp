// ConvPool<Conv<…>, W, F>: a convolution, a W×W max pool (W = 1: none) and an activation F as one kernel, so that the
// convolution's full output never reaches memory. Nobody writes it: the fusion pass (network/fuse.hpp) puts it where
// Conv, Pool<2> and an activation follow each other. F is functors::identity where there is no activation.
#pragma once
#include <ikebana/functors/identity.hpp>
#include <ikebana/layers/conv.hpp>

namespace ikebana {

template <class C, int W, class F>
struct ConvPool {
    template <class In>
    using geometry = typename C::template geometry<In>;

    template <class In>
    static consteval auto output() {
        using G = geometry<In>;
        return Shape<G::K, G::P / W, G::Q / W>{};
    }

    template <class In>
    using parameters = typename C::template parameters<In>;
    template <class In>
    static constexpr long multiply_adds = C::template multiply_adds<In>;
    template <class In, class Backend, class T>
    static constexpr std::size_t cache_bytes =
        W == 1 ? 0 : decltype(output<In>())::size* static_cast<std::size_t>(Backend::template lanes<T>) * sizeof(T);
    template <class In, class Backend, class T>
    static constexpr std::size_t scratch_bytes = conv_pool_scratch_bytes(Backend{}, geometry<In>{}, W, T{});
    template <class In, class Backend, class T>
    static constexpr std::size_t packed_size = C::template packed_size<In, Backend, T>;

    template <class In>
    static void pack(auto backend, auto* packed, auto p) {
        C::template pack<In>(backend, packed, p);
    }

    template <class In>
    static void forward(auto backend, auto y, auto x, auto p, auto& context) {
        conv_pool_forward(backend, geometry<In>{}, std::integral_constant<int, W>{}, F{}, y,
                          reinterpret_cast<typename decltype(y)::element*>(context.cache), x, get<0>(p),
                          bias_of<C::has_bias>(p), context.packed, context.scratch);
    }

    template <class In>
    static void backward(auto backend, auto dx, auto dp, auto dy, auto y, auto x, auto p, auto& context) {
        if constexpr (!std::is_same_v<F, functors::identity>) // in place: nobody reads dy after this
            assign(backend, dy, dy * map_with(functors::derivative_from_output<F>{}, y));
        if constexpr (C::has_bias) add_channel_sums(backend, get<1>(dp), dy);
        conv_pool_backward(backend, geometry<In>{}, std::integral_constant<int, W>{}, dx, get<0>(dp), dy,
                           reinterpret_cast<const typename decltype(dy)::element*>(context.cache), x, get<0>(p),
                           context.packed, context.scratch);
    }

    static std::string name() { return C::name() + "+"; }
};

} // namespace ikebana
