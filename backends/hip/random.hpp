// The dropout mask, a thread for four features of a sample. See layers/primitives.hpp.
#pragma once
#include <backends/hip/backend.hpp>
#include <ikebana/layers/layer.hpp>
#include <ikebana/tensor/dropout_mask.hpp>

namespace ikebana::hip {

template <class S, class T>
__global__ void fill_mask(T* mask, int per_cent, Seed seed, std::uint32_t layer, std::uint32_t sample,
                          const DeviceStep* now, std::ptrdiff_t step) {
    constexpr int features = static_cast<int>(S::size);
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x), lane = i % L, feature = i / L * 4;
    if (feature >= features) return;
    const DropoutMask<T> value(per_cent, seed, layer, now->step);
    const auto four =
        value.four(sample + blockIdx.y * L + static_cast<std::uint32_t>(lane), static_cast<std::size_t>(feature));
    T* to = mask + static_cast<std::ptrdiff_t>(blockIdx.y) * step + lane;
    for (int k = 0; k < 4 && feature + k < features; ++k) to[(feature + k) * L] = four[static_cast<std::size_t>(k)];
}

/// The step is on.run's, up to the loss.
template <class T, class S>
void dropout_mask(backend on, Tile<T, S, L> mask, int per_cent, const LayerContext<T>& context) {
    launch<fill_mask<S, T>>(on.stream, dim3(blocks_for((S::size + 3) / 4 * L), static_cast<unsigned>(on.tiles)),
                            dim3(threads), mask.data, per_cent, context.seed, context.layer, context.sample,
                            &on.run->forward, on.step_of<T>());
}

} // namespace ikebana::hip
