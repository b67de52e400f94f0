// What a functor is: f and its derivative in one place, generic over a scalar, a SIMD batch and a GPU thread.
//   V operator()(V x)            f
//   V derivative(V x, V y)       f'(x), with y = f(x) at hand
//   derivative_from_output       true if derivative() ignores x, so that x need not be kept for the way back
//   monotone                     true if f never falls, so that f and max pooling may change places
// A functor called with an expression builds a node; called with a Dual it applies the chain rule.
#pragma once
#include <ikebana/core/math.hpp>

namespace ikebana {

/// Chain rule for one functor.
template <class F, class V>
constexpr Dual<V> apply(F f, Dual<V> x) {
    const V y = f(x.value);
    return {y, f.derivative(x.value, y) * x.slope};
}
template <class F, class V>
constexpr V apply(F f, V x) {
    return f(x);
}

} // namespace ikebana
