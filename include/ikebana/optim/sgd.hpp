// Sgd with momentum:  v ← μ v + g,  w ← w − η v.  One pass over the arena; with μ = 0, v is g.
#pragma once
#include <ikebana/tensor/assign.hpp>

#include <array>

namespace ikebana {

struct Sgd {
    float learning_rate = 0.01f;
    float momentum = 0.9f;

    /// Arrays of state, each as long as the parameters, zero at the start.
    static constexpr int arrays = 1;

    /// n parameters at w with their state; gradient is an expression; step counts from 1.
    template <class T>
    void update(auto backend, std::size_t n, T* w, std::array<T*, arrays> state, Expression auto gradient, long,
                double rate) const {
        const Elements<T> w0{w}, v0{state[0]};
        using V = typename compute_type<T>::type;
        const auto v = static_cast<V>(momentum) * v0 + gradient;
        assign(backend, n, to(state[0], w), from(v, w0 - static_cast<V>(rate) * v));
    }
};

} // namespace ikebana
