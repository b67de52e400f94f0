// What a benchmark program says: its benchmarks (add_benchmarks, called by main.cpp) and, of each, the work of an
// iteration. main.cpp turns that into a rate and its share of a peak.
#pragma once
#include "peak.hpp"

#include <string>

namespace ikebana::bench {

/// Defined by each program.
void add_benchmarks();

/// How the programs of single layers run them; the other programs have a batch and threads of their own.
struct Layers {
    int batch = 64, threads = 1;
    bool asked_for = false; // a benchmark goes by them

    std::string described() {
        asked_for = true;
        return (batch == 64 ? "" : ", batch " + std::to_string(batch)) +
               (threads == 1 ? "" : ", " + std::to_string(threads) + " threads");
    }
};
inline Layers layers;

/// Measured by the clock on the wall, as what a user waits for.
template <class F>
void add(const std::string& name, F f) {
    benchmark::RegisterBenchmark(name.c_str(), f)->UseRealTime();
}

/// How the work of an iteration travels to main.cpp: as counters of its run.
namespace counter {
inline constexpr const char *flop = "GFLOP/s", *bytes = "GB/s", *peak = "peak", *share = "share", *limit = "limit";
}

inline void report_rate(benchmark::State& state, const char* rate, double work, std::size_t peak, double limit) {
    using benchmark::Counter;
    state.counters[rate] = Counter(work * 1e-9, Counter::kIsIterationInvariantRate);
    state.counters[counter::peak] = Counter(static_cast<double>(peak));
    state.counters[counter::limit] = Counter(limit);
}

/// `flop` counts the direct method; `executed` is what the method that runs cannot do without. No correct program is
/// faster than flop / executed peaks.
inline void report_flop(benchmark::State& state, double flop, double executed, int threads = 1) {
    report_rate(state, counter::flop, flop, fma_peak(threads), flop / executed);
}
inline void report_flop(benchmark::State& state, double flop) { report_flop(state, flop, flop); }

/// `bytes` read and written an iteration, out of arrays of `working_set` bytes in all. Memory may be up to a tenth
/// faster for another mix of reads and writes than the triad's: Adam reads four arrays and writes three.
inline void report_bytes(benchmark::State& state, double bytes, std::size_t working_set) {
    report_rate(state, counter::bytes, bytes, triad_peak(working_set), 1.1);
}

} // namespace ikebana::bench
