// Where everything of a network lies: constants computed from the chain, so that there is one arena of parameters (an
// optimiser is one pass over it, a file one write), and one workspace whose bytes are known before it is asked for.
#pragma once
#include <ikebana/network/chain.hpp>

#include <algorithm>
#include <array>

namespace ikebana {

/// Running sums of sizes, as an accumulator of a fold: offsets[i] is where item i begins, offsets[N] the total.
template <std::size_t N>
struct Offsets {
    std::array<std::size_t, N + 1> offsets{};
    std::size_t filled = 0;

    constexpr Offsets then(std::size_t size) const {
        Offsets o = *this;
        o.offsets[o.filled + 1] = o.offsets[o.filled] + size;
        ++o.filled;
        return o;
    }
};

/// Prefix sums of a Hana tuple of sizes.
template <class Sizes>
constexpr auto offsets_of(const Sizes& sizes) {
    constexpr std::size_t n = decltype(hana::length(sizes))::value;
    return hana::fold_left(sizes, Offsets<n>{}, [](auto o, std::size_t size) { return o.then(size); }).offsets;
}

template <class... B>
constexpr auto parameter_offsets(pack<B...>) {
    return offsets_of(hana::make_tuple(parameter_extent<typename B::parameters>...));
}
template <class... B>
constexpr auto state_offsets(pack<B...>) {
    return offsets_of(hana::make_tuple(parameter_extent<typename B::state>...));
}

/// What pack() writes for the layers of a program, one after the other.
template <class Backend, class T, class... B>
constexpr auto packed_offsets(pack<B...>) {
    return offsets_of(hana::make_tuple(packed_size_of<typename B::layer, typename B::input, Backend, T>()...));
}

/// A workspace of one tile in training, in bytes from its start: the input, every layer's output (kept for the way
/// back), every layer's cache, and gradients.
template <class Chain, class Backend, class T>
struct TileLayout;

template <class... B, class Backend, class T>
struct TileLayout<pack<B...>, Backend, T> {
    static constexpr std::size_t count = sizeof...(B);
    static constexpr auto lanes = static_cast<std::size_t>(Backend::template lanes<T>);

    template <class S>
    static constexpr std::size_t tile_bytes = (S::size * lanes * sizeof(T) + 63) / 64 * 64;

    /// inputs[i] is where layer i's input begins, inputs[count] where the last layer's output does.
    using last = decltype(item_of<static_cast<int>(count) - 1>(pack<B...>{}));
    static constexpr auto inputs =
        offsets_of(hana::make_tuple(tile_bytes<typename B::input>..., tile_bytes<typename last::output>));
    /// Of a layer over the batch, its input as rows (the network's own input is rows already: if they are sparse, they
    /// are listed), and what it prepares.
    using first = decltype(item_of<0>(pack<B...>{}));
    template <class X>
    static constexpr std::size_t rows = std::is_same_v<X, first> ? 0 : tile_bytes<typename X::input>;
    template <class X>
    static constexpr std::size_t cache = [] {
        using L = typename X::layer;
        using In = typename X::input;
        if constexpr (!over_batch<X, Backend, T>)
            return cache_bytes_of<L, In, Backend, T>();
        else {
            std::size_t bytes = L::template batch_prepared_bytes<In, Backend, T>;
            if constexpr (std::is_same_v<X, first>)
                bytes = std::max(bytes, L::template batch_list_bytes<In, Backend, T>);
            return rows<X> + (bytes + 63) / 64 * 64;
        }
    }();
    static constexpr auto caches = offsets_of(hana::make_tuple(cache<B>...));
    static constexpr std::size_t gradient = std::max({tile_bytes<typename B::output>...});
    /// Gradients that are kept until all tiles are through: what batch_gradient() reads.
    static constexpr auto kept =
        offsets_of(hana::make_tuple((over_batch<B, Backend, T> ? tile_bytes<typename B::output> : 0)...));
    static constexpr std::size_t scratch =
        std::max({std::size_t{64}, scratch_bytes_of<typename B::layer, typename B::input, Backend, T>()...});

    static constexpr std::size_t caches_at = inputs[count + 1];
    static constexpr std::size_t gradients_at = caches_at + caches[count];
    static constexpr std::size_t bytes = gradients_at + 2 * gradient + kept[count];
    /// Where the gradient of what enters layer i is (i = count: of what leaves the last). Two buffers take turns; an
    /// elementwise layer without parameters works in place.
    static constexpr std::size_t gradient_at(std::size_t i) {
        constexpr std::array in_place{(is_elementwise<typename B::layer> && B::parameters::count == 0)...};
        while (i > 0 && in_place[i - 1]) --i;
        if (i > 0 && kept[i] > kept[i - 1]) return gradients_at + 2 * gradient + kept[i - 1];
        return gradients_at +
               static_cast<std::size_t>(std::count(in_place.begin(), in_place.begin() + i, false)) % 2 * gradient;
    }
};

} // namespace ikebana
