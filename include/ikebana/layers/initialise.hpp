// How parameters begin. Each rule is a type with `static void fill(T* w, S, Random&)`; for a weight of shape
// Shape<K, …> each of the K outputs has fan_in = size / K inputs.
//   Zeros, Ones
//   XavierUniform   U(−a, a), a = √(6 / (fan_in + fan_out))            (Glorot and Bengio, 2010)
//   HeNormal        N(0, 2 / fan_in)                                    (He et al., 2015)
//   FanInUniform    U(−a, a), a = 1 / √fan_in                             (LeCun et al., 1998, up to the factor)
//   FilterNormal    N(0, 2 / (R·S·C)): HeNormal for convolutions, as fan_in is R·S·C there
#pragma once
#include <ikebana/core/once.hpp>
#include <ikebana/core/random.hpp>
#include <ikebana/core/shape.hpp>

#include <algorithm>
#include <cmath>

namespace ikebana::init {

struct Zeros {
    template <class T, class S>
    static void fill(T* w, S, Random&) {
        std::fill(w, w + S::size, T(0));
    }
};

struct Ones {
    template <class T, class S>
    static void fill(T* w, S, Random&) {
        std::fill(w, w + S::size, T(1));
    }
};

template <class S>
inline constexpr double fan_in = static_cast<double>(S::size) / S::sizes[0];
/// Outputs that one input reaches: K for Shape<K, I>, K·R·S for Shape<K, C, R, S>.
template <class S>
inline constexpr double fan_out = static_cast<double>(S::size) / S::sizes[1];

template <class T>
IKEBANA_ONCE void fill_uniform(T* w, std::size_t n, double a, Random& random) {
    std::generate(w, w + n, [&] { return static_cast<T>(a * (2.0 * random.uniform() - 1.0)); });
}
template <class T>
IKEBANA_ONCE void fill_normal(T* w, std::size_t n, double sigma, Random& random) {
    std::generate(w, w + n, [&] { return static_cast<T>(sigma * random.normal()); });
}

struct XavierUniform {
    static constexpr const char* text = "XavierUniform";
    template <class T, class S>
    static void fill(T* w, S, Random& random) {
        fill_uniform(w, S::size, std::sqrt(6.0 / (fan_in<S> + fan_out<S>)), random);
    }
};

struct HeNormal {
    static constexpr const char* text = "HeNormal";
    template <class T, class S>
    static void fill(T* w, S, Random& random) {
        fill_normal(w, S::size, std::sqrt(2.0 / fan_in<S>), random);
    }
};

struct FanInUniform {
    static constexpr const char* text = "FanInUniform";
    template <class T, class S>
    static void fill(T* w, S, Random& random) {
        fill_uniform(w, S::size, 1.0 / std::sqrt(fan_in<S>), random);
    }
};

using FilterNormal = HeNormal;

} // namespace ikebana::init
