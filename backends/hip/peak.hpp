// What a GPU reaches at most in multiply-adds, for shares of it to be printed; where products run on matrix cores, in
// theirs.
#pragma once
#include <backends/hip/backend.hpp>

#include <algorithm>
#include <chrono>

namespace ikebana::hip {

/// Independent chains of multiply-adds a thread; threads are many, so latency is covered.
inline constexpr int peak_chains = 8;
inline constexpr unsigned peak_blocks = 1024;

/// Numbers of a chain that a thread holds, and the FLOP of its share of one operation.
template <class Core>
inline constexpr int peak_sums = Core::sums;
template <>
inline constexpr int peak_sums<NoCore> = 1;
template <class Core>
inline constexpr double peak_flop = 2.0 * Core::M* Core::N* Core::K / Core::lanes;
template <>
inline constexpr double peak_flop<NoCore> = 2;

/// `rounds` multiply-adds in each chain; the sums are stored, so that they are used.
template <class Core, int Chains>
__global__ void multiply_adds(float* to, float factor, float term, int rounds) {
    float sums[Chains][peak_sums<Core>];
    const std::size_t at = std::size_t{blockIdx.x} * threads + threadIdx.x;
    for (int i = 0; i < Chains; ++i)
        for (float& s : sums[i]) s = static_cast<float>(at % 7) * 0.1f + static_cast<float>(i);
    if constexpr (std::is_same_v<Core, NoCore>) {
        for (int k = 0; k < rounds; ++k)
            for (int i = 0; i < Chains; ++i) sums[i][0] = sums[i][0] * factor + term;
    } else {
        float left[Core::left], right[Core::right];
        for (float& l : left) l = operand<Core>(factor);
        for (float& r : right) r = operand<Core>(term);
        for (int k = 0; k < rounds; ++k)
            for (int i = 0; i < Chains; ++i) multiply_add<Core>(sums[i], left, right);
    }
    float sum = 0;
    for (int i = 0; i < Chains; ++i)
        for (const float s : sums[i]) sum += s;
    to[at] = sum;
}

/// FLOP/s of the GPU in float: the best of `slices` runs of 5 ms at least.
inline double multiply_add_peak(backend, int slices = 10) {
    DeviceArray<float> to(std::size_t{peak_blocks} * threads);
    const auto seconds = [&](int rounds) {
        synchronize(backend{});
        const auto start = std::chrono::steady_clock::now();
        launch<multiply_adds<MatrixCore, peak_chains>>(nullptr, dim3(peak_blocks), dim3(threads), to.data(), 0.9999f,
                                                       0.0001f, rounds);
        synchronize(backend{});
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    };
    int rounds = 64;
    while (seconds(rounds) < 5e-3 && rounds < 1 << 28) rounds *= 2;
    double best = 0;
    for (int slice = 0; slice < slices; ++slice) best = std::max(best, 1 / seconds(rounds));
    return best * peak_flop<MatrixCore> * peak_chains * static_cast<double>(to.size()) * rounds;
}

} // namespace ikebana::hip
