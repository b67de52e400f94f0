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
    bool operator==(const DeviceStep&) const = default;
};

/// The step that is running: what is launched up to its loss reads `forward`, what follows reads `backward`.
struct DeviceRun {
    DeviceStep forward, backward;

    /// The loss is known: its mean goes to the step's slot of `costs`, and `forward` to the next step. If it is no
    /// number, the step is not left, and neither it nor the launches that follow change samples, costs, parameters or
    /// state, until the host sees it.
    constexpr void end_forward(double* costs, double mean) {
        backward = forward;
        if (forward.stopped) return;
        costs[forward.slot] = mean;
        forward.stopped = backward.stopped = !(mean - mean == 0);
        if (forward.stopped) return;
        ++forward.step, ++forward.batch;
        forward.slot = (forward.slot + 1) % forward.slots;
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
