// Pool<R>: the largest value (or, with Average, the mean) of each R×R window of an image (C,H,W); output (C,P,Q) with
// P = (H − R + 2·padding) / stride + 1. The stride is R unless Stride<N> is given. Options: Max (the default), Average,
// Stride<2>, Padding<1>, Exact (the windows must cover the image without a rest).
// Max never chooses a padded place; Average counts padded places as zeros.
// Next to read: backends/reference/pool.hpp.
#pragma once
#include <ikebana/layers/layer.hpp>
#include <ikebana/layers/primitives.hpp>

namespace ikebana {

template <int R, class... Options>
struct Pool {
    static constexpr int stride = option_value<Stride, R, Options...>::value;
    static constexpr int padding = option_value<Padding, 0, Options...>::value;
    static constexpr bool average = has_option<Average, Options...>, exact = has_option<Exact, Options...>;

    template <class In>
    using geometry = PoolGeometry<In, R, stride, padding>;

    template <class In>
    static consteval auto output() {
        if constexpr (!((is_stride<Options>::value || is_padding<Options>::value || std::is_same_v<Options, Average> ||
                         std::is_same_v<Options, Max> || std::is_same_v<Options, Exact>)&&...))
            return refused<expected<options<Stride<R>, Padding<0>, Average, Max, Exact>>>{};
        else if constexpr ((is_stride<Options>::value + ... + 0) > 1 || (is_padding<Options>::value + ... + 0) > 1 ||
                           (average && has_option<Max, Options...>))
            return refused<expected<each_option_once>>{};
        else if constexpr (R < 1 || R > 15)
            return refused<expected<window_from_to<1, 15>>>{};
        else if constexpr (stride < 1)
            return refused<expected<stride_at_least<1>>>{};
        else if constexpr (padding < 0 || padding > R / 2)
            return refused<expected<padding_from_to<0, R / 2>>>{};
        else if constexpr (In::rank != 3)
            return refused<expected<an_image_of_channels_rows_columns>>{};
        else if constexpr (In::sizes[1] + 2 * padding < R || In::sizes[2] + 2 * padding < R)
            return refused<expected<rows_and_columns_at_least<R - 2 * padding, R - 2 * padding>>>{};
        else if constexpr (exact && ((In::sizes[1] + 2 * padding - R) % stride != 0 ||
                                     (In::sizes[2] + 2 * padding - R) % stride != 0))
            return refused<expected<rows_and_columns_covered_exactly_by<window<R>, Stride<stride>>>>{};
        else
            return typename geometry<In>::output{};
    }

    template <class In, class Backend, class T>
    static constexpr std::size_t cache_bytes =
        average ? 0 : geometry<In>::output::size* static_cast<std::size_t>(Backend::template lanes<T>) * sizeof(T);

    template <class In>
    static void forward(auto backend, auto y, auto x, auto, auto& context) {
        if constexpr (average)
            average_pool_forward(backend, geometry<In>{}, y, x);
        else
            max_pool_forward(backend, geometry<In>{}, y, x,
                             reinterpret_cast<typename decltype(y)::element*>(context.cache));
    }

    template <class In>
    static void backward(auto backend, auto dx, auto, auto dy, auto, auto, auto, auto& context) {
        if constexpr (!is_nothing<decltype(dx)>) {
            if constexpr (average)
                average_pool_backward(backend, geometry<In>{}, dx, dy);
            else
                max_pool_backward(backend, geometry<In>{}, dx, dy,
                                  reinterpret_cast<const typename decltype(dx)::element*>(context.cache));
        }
    }

    static std::string name() { return type_text("Pool", {R}, {option_name(Options{})...}); }
};

} // namespace ikebana
