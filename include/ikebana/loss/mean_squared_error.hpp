// MeanSquaredError between the network's output y and the label's one-hot vector, mean over the K values:
//   cost = Σ (y_k − onehot_k)² / K          dy = 2 (y − onehot) / K
#pragma once
#include <ikebana/loss/loss.hpp>

namespace ikebana {

struct MeanSquaredError {
    template <class Chain>
    static consteval auto program_of() {
        using last = decltype(item_of<Chain::size - 1>(Chain{}));
        if constexpr (last::output::rank != 1)
            return typename loss_mismatch<MeanSquaredError, expected<a_vector_of_class_scores>,
                                          given<typename last::output>>::error{};
        else
            return Chain{};
    }
    template <class Chain>
    using program = decltype(program_of<Chain>());

    static constexpr bool runs_in_a_kernel = true;
    template <class T>
    IKEBANA_HOST_DEVICE static void evaluate(auto backend, T* cost, auto dy, auto y, const T* labels, const T* mask,
                                             T scale, T*) {
        const T share = T(1) / static_cast<T>(decltype(y)::shape::size);
        const auto error = y - OneHot<T>{labels};
        per_lane_sum(backend, cost, y, error * error * share);
        if constexpr (!is_nothing<decltype(dy)>) assign(backend, dy, error * PerLane<T>{mask} * (T(2) * share * scale));
    }
};

} // namespace ikebana
