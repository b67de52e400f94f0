// Softmax: y_k = e^{x_k} / Σ e^{x_j} over all values of a sample, computed from x − max(x) so that nothing overflows.
//   dx = y (dy − Σ dy·y)
// At the end of a network trained with CrossEntropy this layer isn't run: the loss takes its input and its gradient is
// y − onehot (loss/cross_entropy.hpp).
#pragma once
#include <ikebana/layers/layer.hpp>
#include <ikebana/layers/primitives.hpp>

namespace ikebana {

struct Softmax {
    template <class In>
    static consteval auto output() {
        if constexpr (In::size < 2)
            return refused<expected<values_at_least<2>>>{};
        else
            return In{};
    }

    template <class In, class Backend, class T>
    static constexpr std::size_t scratch_bytes = 2 * static_cast<std::size_t>(Backend::template lanes<T>) * sizeof(T);

    template <class In>
    static void forward(auto backend, auto y, auto x, auto, auto& context) {
        using T = typename decltype(y)::element;
        T* largest = reinterpret_cast<T*>(context.scratch);
        T* sum = largest + decltype(y)::lanes;
        per_lane_max(backend, largest, x);
        assign(backend, y, exp(x - PerLane<T>{largest}));
        per_lane_sum(backend, sum, y, y);
        assign(backend, y, y / PerLane<T>{sum});
    }

    template <class In>
    static void backward(auto backend, auto dx, auto, auto dy, auto y, auto, auto, auto& context) {
        using T = typename decltype(y)::element;
        if constexpr (!is_nothing<decltype(dx)>) {
            auto* sum = reinterpret_cast<std::remove_const_t<T>*>(context.scratch);
            per_lane_sum(backend, sum, y, dy * y);
            assign(backend, dx, y * (dy - PerLane<std::remove_const_t<T>>{sum}));
        }
    }

    static std::string name() { return "Softmax"; }
};

} // namespace ikebana
