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

    static std::string name() { return "Flatten"; }
};

} // namespace ikebana
