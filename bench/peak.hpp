// What a rate is compared with. Each is measured when a benchmark first asks for it and again when all are done; the
// larger figure counts, and a program whose two figures are more than 5 % apart has measured a busy machine.
//   multiply-adds   independent chains in vector registers, on one core or several at once
//   triad           a ← a + s·b over a working set of so many bytes, one thread. The sum goes where an operand came
//                   from: a store elsewhere makes the machine read the line first, and that traffic has no count.
#pragma once
#include <backends/cpu/peak.hpp>
#include <ikebana/core/arena.hpp>

#include <algorithm>
#include <barrier>
#include <benchmark/benchmark.h>
#include <chrono>
#include <cstdio>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace ikebana::bench {

inline double seconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// FLOP/s of `threads` cores at once, in float: the best of slices of about 10 ms, as others may use the machine.
inline double measure_fma(int threads) {
    constexpr long rounds = 3'000'000;
    constexpr int slices = 30;
    std::vector<double> seconds(static_cast<std::size_t>(threads));
    double best = 0;
    const double flop = 2.0 * cpu::peak_chains * xsimd::batch<float>::size * rounds * threads;
    std::barrier together(threads, [&]() noexcept {
        const double slowest = *std::max_element(seconds.begin(), seconds.end());
        if (slowest > 0) best = std::max(best, flop / slowest);
    });
    const auto work = [&](int thread) {
        for (int slice = 0; slice < slices; ++slice) {
            together.arrive_and_wait();
            seconds[static_cast<std::size_t>(thread)] = cpu::multiply_add_seconds(rounds);
        }
        together.arrive_and_wait();
    };
    std::vector<std::jthread> others;
    for (int thread = 1; thread < threads; ++thread) others.emplace_back(work, thread);
    work(0);
    return best;
}

/// Bytes/s of the triad: the best pass of half a second.
inline double measure_triad(std::size_t working_set) {
    const std::size_t n = working_set / (2 * sizeof(float));
    Arena<float> to(n), from(n);
    float* const __restrict a = to.data();
    const float* const __restrict b = from.data();
    double best = 0;
    const auto begin = std::chrono::steady_clock::now();
    while (seconds_since(begin) < 0.5) {
        const auto start = std::chrono::steady_clock::now();
        for (std::size_t i = 0; i < n; ++i) a[i] += 3.0f * b[i];
        benchmark::ClobberMemory();
        best = std::max(best, 3.0 * sizeof(float) * static_cast<double>(n) / seconds_since(start));
    }
    return best;
}

struct Peak {
    std::string name;
    std::function<double()> measure;
    double before = measure(), after = 0;

    double value() const { return std::max(before, after); }
    void again() { after = std::max(after, measure()); }
};

/// All that were asked for. Their order is that of the first questions.
inline std::deque<Peak>& peaks() {
    static std::deque<Peak> all;
    return all;
}

/// Where the peak of that name stands; measured now if nobody asked before.
inline std::size_t peak_index(const std::string& name, std::function<double()> measure) {
    auto& all = peaks();
    const auto found = std::find_if(all.begin(), all.end(), [&](const Peak& p) { return p.name == name; });
    const auto index = static_cast<std::size_t>(found - all.begin());
    if (found == all.end()) all.push_back({name, std::move(measure)});
    return index;
}

inline std::size_t fma_peak(int threads) {
    return peak_index("multiply-adds of " + std::to_string(threads) + (threads == 1 ? " core" : " cores"),
                      [threads] { return measure_fma(threads); });
}
inline std::size_t triad_peak(std::size_t working_set) {
    char name[60];
    const double megabytes = static_cast<double>(working_set) * 1e-6;
    std::snprintf(name, sizeof name, "triad over %.*f MB", megabytes < 10 ? 1 : 0, megabytes);
    return peak_index(name, [working_set] { return measure_triad(working_set); });
}

} // namespace ikebana::bench
