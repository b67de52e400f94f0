// The multiply-add peak of one core, measured: independent chains of fused multiply-adds in vectors, nothing else.
// Every benchmark gives its rate as a share of it.
#pragma once
#include <benchmark/benchmark.h>
#include <chrono>
#include <xsimd/xsimd.hpp>

namespace ikebana::bench {

/// GFLOP/s of one thread, in float; the best of three tenths of a second.
inline double measure_peak() {
    using V = xsimd::batch<float>;
    constexpr int chains = 12;
    constexpr long rounds = 4'000'000;
    double best = 0;
    for (int run = 0; run < 3; ++run) {
        V sums[chains];
        for (int i = 0; i < chains; ++i) sums[i] = V(0.1f * static_cast<float>(i));
        V factor(0.9999f), term(0.0001f);
        benchmark::DoNotOptimize(factor);
        const auto start = std::chrono::steady_clock::now();
        for (long k = 0; k < rounds; ++k)
#pragma GCC unroll 12
            for (V& sum : sums) sum = xsimd::fma(sum, factor, term);
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        for (V& sum : sums) benchmark::DoNotOptimize(sum);
        best = std::max(best, 2.0 * chains * V::size * rounds / seconds * 1e-9);
    }
    return best;
}

inline double peak() {
    static const double gflops = measure_peak();
    return gflops;
}

/// Adds two rates to a benchmark that did `flop` operations an iteration: GFLOP a second, and peaks of `threads` cores.
inline void report_flop(benchmark::State& state, double flop, int threads = 1) {
    using benchmark::Counter;
    const double peak_flops = peak() * 1e9 * threads;
    state.counters["GFLOP"] = Counter(flop * 1e-9, Counter::kIsIterationInvariantRate);
    state.counters["peaks"] = Counter(flop / peak_flops, Counter::kIsIterationInvariantRate);
}

} // namespace ikebana::bench
