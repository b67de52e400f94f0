// What changes from one training step on a device to the next, kept in the device's memory: a step is captured once,
// with all arguments of its kernels, and launched again and again. Next to read: train/device_program.hpp.
#pragma once
#include <cstddef>
#include <cstdint>

namespace ikebana {

/// Where a run is. Costs, the optimiser's numbers and batches that were copied take turns in `slots` places each.
struct DeviceStep {
    std::uint64_t step = 0;  // steps since the trainer was made
    std::uint32_t batch = 0; // of the pass
    std::uint32_t slot = 0, slots = 1;
    bool stopped = false; // at a step whose cost is no number
};

/// Whether the cost of the step that is running is a number. If it isn't, the step changes nothing and is not left:
/// launches that follow change nothing either, that cost among them, until the host sees it.
constexpr bool is_sound(const DeviceStep* now, const double* costs) {
    const double cost = costs[now->slot];
    return !now->stopped && cost - cost == 0;
}

/// The end of a step.
struct Advance {
    DeviceStep* now;
    const double* costs;
    constexpr void operator()(std::size_t) const {
        now->stopped = !is_sound(now, costs);
        if (now->stopped) return;
        ++now->step, ++now->batch;
        now->slot = (now->slot + 1) % now->slots;
    }
};

/// Samples of S::size numbers U in the device's memory. Batch b's are those that `order` names, from b · (samples of a
/// batch) on; without an order, those that lie in its slot.
template <class U>
struct DeviceSamples {
    const U* images;
    const int* labels;
    const std::uint32_t* order;

    constexpr std::size_t number(const DeviceStep& now, std::size_t batch, std::size_t i) const {
        return order ? order[now.batch * batch + i] : now.slot * batch + i;
    }
    bool operator==(const DeviceSamples&) const = default;
};

} // namespace ikebana
