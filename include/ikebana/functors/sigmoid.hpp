// sigmoid(x) = 1 / (1 + e^−x); derivative y (1 − y).
#pragma once
#include <ikebana/functors/functor.hpp>

namespace ikebana::functors {

struct sigmoid {
    static constexpr bool derivative_from_output = true, monotone = true;
    template <class V>
    constexpr V operator()(V x) const {
        using ikebana::exp; // not the struct
        return V(1) / (V(1) + exp(V(0) - x));
    }
    template <class V>
    constexpr V derivative(V, V y) const {
        return y * (V(1) - y);
    }
};

} // namespace ikebana::functors
