// DepthwiseConv<R>: one filter of R rows and R columns for each channel of an image (C,H,W); output (C,P,Q) with
// P = (H − R + 2·padding) / stride + 1. y[c,p,q] = b[c] + Σ_{r,s} w[c,0,r,s] · x[c, p·stride + r − padding, …]
// Options: Stride<2>, Padding<1>, NoBias. Weights begin as N(0, 2 / (R·R)).
// Next to read: backends/reference/depthwise.hpp.
#pragma once
#include <ikebana/layers/conv.hpp>
#include <ikebana/layers/initialise.hpp>
#include <ikebana/layers/layer.hpp>
#include <ikebana/layers/primitives.hpp>

namespace ikebana {

template <int R, class... Options>
struct DepthwiseConv {
    static constexpr int stride = option_value<Stride, 1, Options...>::value;
    static constexpr int padding = option_value<Padding, 0, Options...>::value;
    static constexpr bool has_bias = !has_option<NoBias, Options...>;

    template <class In>
    using geometry = DepthwiseGeometry<In, R, stride, padding>;

    template <class In>
    static consteval auto output() {
        return convolved<DepthwiseConv, In, R, Options...>();
    }

    template <class In>
    using weight_parameter = Parameter<weight, Shape<In::sizes[0], 1, R, R>, init::FilterNormal>;
    template <class In>
    using parameters =
        std::conditional_t<has_bias,
                           Parameters<weight_parameter<In>, Parameter<bias, Shape<In::sizes[0]>, init::Zeros>>,
                           Parameters<weight_parameter<In>>>;
    template <class In>
    static constexpr long multiply_adds = static_cast<long>(geometry<In>::output::size) * R* R;
    template <class In, class Backend, class T>
    static constexpr std::size_t scratch_bytes = depthwise_scratch_bytes(Backend{}, geometry<In>{}, T{});

    template <class In>
    static void forward(auto backend, auto y, auto x, auto p, auto& context) {
        depthwise_forward(backend, geometry<In>{}, y, x, get<0>(p), bias_of<has_bias>(p), context.scratch);
    }

    template <class In>
    static void backward(auto backend, auto dx, auto dp, auto dy, auto, auto x, auto p, auto& context) {
        if constexpr (has_bias) add_channel_sums(backend, get<1>(dp), dy);
        depthwise_backward(backend, geometry<In>{}, dx, get<0>(dp), dy, x, get<0>(p), context.scratch);
    }

    static std::string name() { return type_text("DepthwiseConv", {R}, {option_name(Options{})...}); }
};

} // namespace ikebana
