// Conv<K, R>: K filters of R rows and R columns slide over an image (C,H,W); output (K,P,Q) with
// P = (H − R + 2·padding) / stride + 1. y[k,p,q] = b[k] + Σ_{c,r,s} w[k,c,r,s] · x[c, p·stride + r − padding, …]
// Options: Stride<2>, Padding<1>, NoBias. Weights begin as N(0, 2 / (R·S·C)).
// Next to read: backends/reference/conv.hpp.
#pragma once
#include <ikebana/layers/initialise.hpp>
#include <ikebana/layers/layer.hpp>
#include <ikebana/layers/primitives.hpp>

namespace ikebana {

/// What leaves a convolution with a kernel R×R for an image In, if it fits: the rule of Conv and of DepthwiseConv.
template <class Layer, class In, int R, class... Options>
consteval auto convolved() {
    if constexpr (!((is_stride<Options>::value || is_padding<Options>::value || std::is_same_v<Options, NoBias>)&&...))
        return refused<expected<options<Stride<1>, Padding<0>, NoBias>>>{};
    else if constexpr ((is_stride<Options>::value + ... + 0) > 1 || (is_padding<Options>::value + ... + 0) > 1)
        return refused<expected<each_option_once>>{};
    else if constexpr (R < 1)
        return refused<expected<kernel_size_at_least<1>>>{};
    else if constexpr (Layer::stride < 1)
        return refused<expected<stride_at_least<1>>>{};
    else if constexpr (Layer::padding < 0 || Layer::padding >= R)
        return refused<expected<padding_from_to<0, R - 1>>>{};
    else if constexpr (In::rank != 3)
        return refused<expected<an_image_of_channels_rows_columns>>{};
    else if constexpr (In::sizes[1] + 2 * Layer::padding < R || In::sizes[2] + 2 * Layer::padding < R)
        return refused<expected<rows_and_columns_at_least<R - 2 * Layer::padding, R - 2 * Layer::padding>>>{};
    else
        return typename Layer::template geometry<In>::output{};
}

template <int K, int R, class... Options>
struct Conv {
    static constexpr int stride = option_value<Stride, 1, Options...>::value;
    static constexpr int padding = option_value<Padding, 0, Options...>::value;
    static constexpr bool has_bias = !has_option<NoBias, Options...>;

    template <class In>
    using geometry = ConvGeometry<In, K, R, R, stride, padding>;

    template <class In>
    static consteval auto output() {
        if constexpr (K < 1)
            return refused<expected<filters_at_least<1>>>{};
        else
            return convolved<Conv, In, R, Options...>();
    }

    template <class In>
    using weight_parameter = Parameter<weight, Shape<K, In::sizes[0], R, R>, init::FilterNormal>;
    template <class In>
    using parameters =
        std::conditional_t<has_bias, Parameters<weight_parameter<In>, Parameter<bias, Shape<K>, init::Zeros>>,
                           Parameters<weight_parameter<In>>>;
    template <class In>
    static constexpr long multiply_adds = static_cast<long>(geometry<In>::output::size) *
                                          static_cast<long>(In::sizes[0]) * R* R;
    template <class In, class Backend, class T>
    static constexpr std::size_t scratch_bytes = conv_scratch_bytes(Backend{}, geometry<In>{}, T{});
    template <class In, class Backend, class T>
    static constexpr std::size_t packed_size = conv_packed_size(Backend{}, geometry<In>{}, T{});

    template <class In>
    static void pack(auto backend, auto* packed, auto p) {
        conv_pack(backend, geometry<In>{}, packed, get<0>(p));
    }

    template <class In>
    static void forward(auto backend, auto y, auto x, auto p, auto& context) {
        conv_forward(backend, geometry<In>{}, y, x, get<0>(p), bias_of<has_bias>(p), context.packed, context.scratch);
    }

    template <class In>
    static void backward(auto backend, auto dx, auto dp, auto dy, auto, auto x, auto p, auto& context) {
        if constexpr (has_bias) add_channel_sums(backend, get<1>(dp), dy);
        conv_backward(backend, geometry<In>{}, dx, get<0>(dp), dy, x, get<0>(p), context.packed, context.scratch);
    }

    static std::string name() { return type_text("Conv", {K, R}, {option_name(Options{})...}); }
};

} // namespace ikebana
