// identity(x) = x: where a kernel ends with a functor and there is none.
#pragma once

namespace ikebana::functors {

struct identity {
    static constexpr bool derivative_from_output = true, monotone = true;
    template <class V>
    constexpr V operator()(V x) const {
        return x;
    }
    template <class V>
    constexpr V derivative(V, V) const {
        return V(1);
    }
};

} // namespace ikebana::functors
