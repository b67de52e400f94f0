// Flatten: (C,H,W) → (C·H·W). It moves nothing; Dense takes images too, so it is needed only where the shape itself
// matters, as before a BatchNorm over values instead of channels.
#pragma once
#include <ikebana/layers/layer.hpp>

namespace ikebana {

struct Flatten {
    template <class In>
    static consteval auto output() {
        return Shape<static_cast<int>(In::size)>{};
    }

    // Only where the fusion pass leaves it: on a backend that doesn't fuse, or as the first layer.
    template <class In>
    static void forward(auto backend, auto y, auto x, auto, auto&) {
        assign(backend, y, x);
    }

    template <class In>
    static void backward(auto backend, auto dx, auto, auto dy, auto, auto, auto, auto&) {
        if constexpr (!is_nothing<decltype(dx)>) assign(backend, dx, dy);
    }

    static std::string name() { return "Flatten"; }
};

} // namespace ikebana
