// What a loss is. It names the part of a chain that it is computed from, and gives cost and gradient together:
//   template <class Chain> using program = …;             the chain that runs, or a loss_mismatch
//   evaluate(backend, cost (L), dz, z, labels (L), mask (L), scale, scratch)
//       cost[lane] = the sample's cost;  dz = mask · scale · ∂cost/∂z;  dz is Nothing where only the cost is wanted
// A loss that says `static constexpr bool runs_in_a_kernel = true;` marks evaluate as IKEBANA_HOST_DEVICE: it asks for
// nothing but assign, per_lane_sum and per_lane_max, which a GPU then does in one kernel.
// labels are class numbers in the scalar type. The trainer passes scale = 1/N, so dz is the gradient of the mean.
#pragma once
#include <ikebana/core/host_device.hpp>
#include <ikebana/layers/primitives.hpp>
#include <ikebana/layers/softmax.hpp>
#include <ikebana/network/chain.hpp>

namespace ikebana {

template <class Loss, class Expected, class Given>
struct loss_mismatch; // never defined: its name is the message

struct Softmax_as_the_last_layer;
struct a_vector_of_class_scores;

/// The chain without its last layer.
template <class... B>
consteval auto without_last(pack<B...>) {
    return []<std::size_t... I>(std::index_sequence<I...>) {
        return pack<decltype(item_of<static_cast<int>(I)>(pack<B...>{}))...>{};
    }
    (std::make_index_sequence<sizeof...(B) - 1>{});
}

} // namespace ikebana
