// CrossEntropy of a network that ends in Softmax. Softmax and logarithm are computed together from the Softmax's input
// z, so neither overflows nor underflows:
//   cost = log Σ e^{z_k − m} + m − z_label,  m = max z          dz = softmax(z) − onehot(label)
#pragma once
#include <ikebana/loss/loss.hpp>

namespace ikebana {

struct CrossEntropy {
    template <class Chain>
    static consteval auto program_of() {
        using last = decltype(item_of<Chain::size - 1>(Chain{}));
        if constexpr (!std::is_same_v<typename last::layer, Softmax>)
            return typename loss_mismatch<CrossEntropy, expected<Softmax_as_the_last_layer>,
                                          given<typename last::layer>>::error{};
        else if constexpr (last::output::rank != 1)
            return typename loss_mismatch<CrossEntropy, expected<a_vector_of_class_scores>,
                                          given<typename last::output>>::error{};
        else
            return without_last(Chain{});
    }
    template <class Chain>
    using program = decltype(program_of<Chain>());

    static constexpr bool runs_in_a_kernel = true;
    template <class T>
    IKEBANA_HOST_DEVICE static void evaluate(auto backend, T* cost, auto dz, auto z, const T* labels, const T* mask,
                                             T scale, T* scratch) {
        constexpr int L = decltype(z)::lanes;
        T *largest = scratch, *sum = scratch + L, *chosen = scratch + 2 * L;
        per_lane_max(backend, largest, z);
        per_lane_sum(backend, chosen, z, OneHot<T>{labels} * z);
        const auto weights = exp(z - PerLane<T>{largest});
        const PerLane<T> total{sum};
        if constexpr (is_nothing<decltype(dz)>) {
            per_lane_sum(backend, sum, z, weights);
        } else {
            assign(backend, dz, weights);
            per_lane_sum(backend, sum, z, dz);
            assign(backend, dz, (dz / total - OneHot<T>{labels}) * PerLane<T>{mask} * scale);
        }
        assign(backend, Tile<T, Shape<1>, L>{cost}, log(total) + PerLane<T>{largest} - PerLane<T>{chosen});
    }
};

} // namespace ikebana
