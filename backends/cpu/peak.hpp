// What one core reaches at most in multiply-adds, for shares of it to be printed.
#pragma once
#include <backends/cpu/backend.hpp>

#include <algorithm>
#include <chrono>

namespace ikebana::cpu {

/// Independent chains of multiply-adds: latency 4 at two or three a cycle is covered.
inline constexpr int peak_chains = 12;

/// Seconds that `rounds` multiply-adds in each chain take.
inline double multiply_add_seconds(long rounds) {
    using V = xsimd::batch<float>;
    static volatile float one = 1; // unknown to the compiler
    V sums[peak_chains];
    for (int i = 0; i < peak_chains; ++i) sums[i] = V(0.1f * static_cast<float>(i));
    const V factor(0.9999f * one), term(0.0001f * one);
    const auto start = std::chrono::steady_clock::now();
    for (long k = 0; k < rounds; ++k)
        unroll<peak_chains>([&](int i) IKEBANA_INLINE { sums[i] = xsimd::fma(sums[i], factor, term); });
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    for (const V& sum : sums) one = xsimd::hadd(sum) == 0 ? 2.0f : 1.0f; // the sums are used
    return seconds;
}

/// FLOP/s of one core in float: the best of `slices` slices of about 3 ms, as others may use the machine.
inline double multiply_add_peak(int slices = 20) {
    constexpr long rounds = 1'000'000;
    double best = 0;
    for (int slice = 0; slice < slices; ++slice)
        best = std::max(best, 2.0 * peak_chains * xsimd::batch<float>::size * rounds / multiply_add_seconds(rounds));
    return best;
}

} // namespace ikebana::cpu
