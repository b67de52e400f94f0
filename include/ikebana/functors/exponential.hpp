// exp, log and sqrt with their derivatives: e^x, 1/x, 1/(2 √x).
#pragma once
#include <ikebana/functors/functor.hpp>

namespace ikebana::functors {

struct exp {
    static constexpr bool derivative_from_output = true, monotone = true;
    template <class V>
    constexpr V operator()(V x) const {
        using ikebana::exp;
        return exp(x);
    }
    template <class V>
    constexpr V derivative(V, V y) const {
        return y;
    }
};

struct log {
    static constexpr bool derivative_from_output = false, monotone = true;
    template <class V>
    constexpr V operator()(V x) const {
        using ikebana::log;
        return log(x);
    }
    template <class V>
    constexpr V derivative(V x, V) const {
        return V(1) / x;
    }
};

struct sqrt {
    static constexpr bool derivative_from_output = true, monotone = true;
    template <class V>
    constexpr V operator()(V x) const {
        using ikebana::sqrt;
        return sqrt(x);
    }
    template <class V>
    constexpr V derivative(V, V y) const {
        return V(0.5) / y;
    }
};

} // namespace ikebana::functors
