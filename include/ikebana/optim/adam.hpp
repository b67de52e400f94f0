// Adam (Kingma and Ba, 2015):
//   m ← β₁ m + (1 − β₁) g     v ← β₂ v + (1 − β₂) g²     w ← w − η m̂ / (√v̂ + ε),  m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ)
// The state is M = m / (1 − β₁) and V = v / (1 − β₂): two products less an element; a change of β within a run scales
// it. One pass over the arena: three arrays are read and written once, the gradient read once.
#pragma once
#include <ikebana/tensor/assign.hpp>

#include <array>
#include <cmath>

namespace ikebana {

struct Adam {
    float learning_rate = 1e-3f;
    double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;

    /// Arrays of state, each as long as the parameters, zero at the start.
    static constexpr int arrays = 2;

    /// n parameters at w with their state; gradient is an expression; step counts from 1.
    template <class T>
    void update(auto backend, std::size_t n, T* w, std::array<T*, arrays> state, Expression auto gradient, long step,
                double rate) const {
        using V = typename compute_type<T>::type;
        const auto b1 = static_cast<V>(beta1), b2 = static_cast<V>(beta2);
        // m̂ / (√v̂ + ε) = c₂/c₁ · M / (√V + c₂ ε)  with c₁ = (1 − β₁ᵗ) / (1 − β₁), c₂² = (1 − β₂ᵗ) / (1 − β₂): two more.
        const double c1 = (1 - std::pow(beta1, static_cast<double>(step))) / (1 - beta1),
                     c2 = std::sqrt((1 - std::pow(beta2, static_cast<double>(step))) / (1 - beta2));
        const auto factor = static_cast<V>(rate * c2 / c1), least = static_cast<V>(epsilon * c2);
        const Elements<T> w0{w}, m0{state[0]}, v0{state[1]};
        const auto m = b1 * m0 + gradient;
        const auto v = b2 * v0 + gradient * gradient;
        assign(backend, n, to(state[0], state[1], w), from(m, v, w0 - factor * quick_quotient(m, sqrt(v) + least)));
    }
};

} // namespace ikebana
