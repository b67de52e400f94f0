// Scalar versions of the functions that functors call unqualified. A SIMD batch brings its own overloads, found by
// argument-dependent lookup; a GPU thread will use these. Dual<V> carries a value and its slope: evaluating an
// expression on duals gives f and f' in one pass.
#pragma once
#include <cmath>
#include <concepts>
#include <type_traits>

namespace ikebana {

template <std::floating_point T>
constexpr T exp(T x) {
    return std::exp(x);
}
template <std::floating_point T>
constexpr T log(T x) {
    return std::log(x);
}
template <std::floating_point T>
constexpr T sqrt(T x) {
    return std::sqrt(x);
}
template <std::floating_point T>
constexpr T tanh(T x) {
    return std::tanh(x);
}

/// a where c, else b. Unlike max(), it treats NaN alike in scalars and batches: NaN > 0 is false everywhere.
template <class T>
requires std::is_arithmetic_v<T>
constexpr T select(bool c, T a, T b) { return c ? a : b; }

/// The larger of c and x; NaN where x is NaN. A batch's max() has its second argument where the two have no order.
template <class V>
constexpr V maximum(V c, V x) {
    if constexpr (std::is_arithmetic_v<V>)
        return x <= c ? c : x;
    else
        return max(c, x);
}

/// a / b to 3 units in the last place for b in 2⁻¹²⁰ … 2¹²⁰; from there on at most |a| 2⁻¹²⁰, for an infinite b too.
/// NaN stays NaN; for smaller b, NaN is allowed. Here it is the division; for vectors whose division is slow a backend specialises it.
template <class V>
struct QuickQuotient {
    static constexpr V of(V a, V b) { return a / b; }
};

template <class V>
struct Dual {
    V value, slope;
};

template <class V>
inline constexpr bool is_dual = false;
template <class V>
inline constexpr bool is_dual<Dual<V>> = true;

template <class V>
constexpr Dual<V> operator+(Dual<V> a, Dual<V> b) {
    return {a.value + b.value, a.slope + b.slope};
}
template <class V>
constexpr Dual<V> operator-(Dual<V> a, Dual<V> b) {
    return {a.value - b.value, a.slope - b.slope};
}
template <class V>
constexpr Dual<V> operator*(Dual<V> a, Dual<V> b) {
    return {a.value * b.value, a.slope * b.value + a.value * b.slope};
}
template <class V>
constexpr Dual<V> operator/(Dual<V> a, Dual<V> b) {
    const V y = a.value / b.value;
    return {y, (a.slope - y * b.slope) / b.value};
}

/// The type arithmetic is done in for elements of type T: T itself, unless an element type names another.
template <class T>
struct compute_type {
    using type = std::remove_const_t<T>;
};
template <class T>
requires requires { typename T::compute_type; }
struct compute_type<T> {
    using type = typename T::compute_type;
};

/// V from memory: a SIMD batch from consecutive elements, a scalar from one.
template <class V, class T>
constexpr V load(const T* from) {
    if constexpr (requires { V::load_unaligned(from); })
        return V::load_unaligned(from);
    else
        return static_cast<V>(*from);
}

template <class V, class T>
constexpr void store(T* to, V value) {
    if constexpr (requires { value.store_unaligned(to); })
        value.store_unaligned(to);
    else
        *to = value;
}

} // namespace ikebana
