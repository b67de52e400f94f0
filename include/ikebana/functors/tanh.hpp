// tanh(x); derivative 1 − y².
#pragma once
#include <ikebana/functors/functor.hpp>

namespace ikebana::functors {

struct tanh {
    static constexpr bool derivative_from_output = true, monotone = true;
    template <class V>
    constexpr V operator()(V x) const {
        using ikebana::tanh; // not this struct
        return tanh(x);
    }
    template <class V>
    constexpr V derivative(V, V y) const {
        return V(1) - y * y;
    }
};

} // namespace ikebana::functors
