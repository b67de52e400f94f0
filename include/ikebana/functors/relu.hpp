// relu(x) = 0 where x ≤ 0, else x, so that NaN stays NaN and training stops at it. Its derivative at 0 is taken as 0,
// as PyTorch does.
#pragma once
#include <ikebana/functors/functor.hpp>

namespace ikebana::functors {

struct relu {
    static constexpr bool derivative_from_output = true, monotone = true;
    template <class V>
    constexpr V operator()(V x) const {
        return maximum(V(0), x);
    }
    template <class V>
    constexpr V derivative(V, V y) const {
        return select(y > V(0), V(1), V(0));
    }
};

} // namespace ikebana::functors
