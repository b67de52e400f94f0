// The share of the direct method's multiply-adds that the CPU backend cannot do without: less than 1 where a
// convolution runs by Winograd's method or has a border of zeros, or where products are summed in pairs. Rates count
// the direct method, so this alone may lift one above the peak.
#pragma once
#include "shapes.hpp"
#include <backends/cpu/conv.hpp>
#include <backends/cpu/dense_batch.hpp>

namespace ikebana::bench {

/// Of products in pairs: additions beside fma do a third of the work.
inline constexpr double in_pairs = 2.0 / 3;

/// Of one convolution, any direction. Winograd's: the products of N² points of each piece of M×M outputs; transforms
/// come on top, but a bound must not count what may hide behind other instructions.
template <class G>
constexpr double executed_share() {
    if constexpr (requires { G::K; }) {
        constexpr int M = cpu::winograd_outputs<G>, N = M + G::R - 1;
        if constexpr (M > 0)
            return double(N) * N * ((G::P + M - 1) / M) * ((G::Q + M - 1) / M) * G::C * G::K /
                   cpu::direct_operations<G>;
        if constexpr (cpu::is_pointwise<G> && cpu::is_paired<G::K, G::C>) return in_pairs;
    }
    return inside_share<G>();
}

/// Of Dense's weight gradient.
template <class S>
constexpr double executed_share_of_gradient() {
    return cpu::gradient_in_pairs<S::sizes[0], S::sizes[1]> && dense_batch_tasks(cpu::backend{}, S{}, 0.f) > 0
               ? in_pairs
               : 1;
}

/// Of a layer, in the mean over its directions: 1 unless it is a convolution, or Dense in training.
template <class Layer, class In>
constexpr double executed_share(int directions = 1) {
    if constexpr (requires { Layer::template geometry<In>::K; })
        return executed_share<typename Layer::template geometry<In>>();
    else if constexpr (requires { typename Layer::template sizes<In>; })
        return directions == 1
                   ? 1
                   : (directions - 1 + executed_share_of_gradient<typename Layer::template sizes<In>>()) / directions;
    else
        return 1;
}

} // namespace ikebana::bench
