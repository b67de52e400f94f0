// How the programs that measure single layers run them: the batch, and the threads that it is dealt to. Ours deals
// tiles or tasks, as training does; a peer's library has its own way.
#pragma once
#include "random_numbers.hpp"
#include "report.hpp"
#include <backends/cpu/cpu.hpp>

#include <vector>

namespace ikebana::bench {

inline constexpr int lanes = cpu::backend::lanes<float>;

inline int tiles() { return layers.batch / lanes; }

/// All tiles of a batch of one shape.
template <class S>
struct Tiles {
    Arena<float> numbers = random_numbers(static_cast<std::size_t>(tiles()) * S::size * lanes);
    Tile<float, S, lanes> operator[](int t) { return {numbers.data() + static_cast<std::size_t>(t) * S::size * lanes}; }
    BatchTiles<float, S, lanes> all() { return {numbers.data(), S::size * lanes, tiles()}; }
};

/// One array for each thread.
template <class T>
struct PerThread {
    std::vector<Arena<T>> arrays;

    explicit PerThread(std::size_t size) {
        for (int w = 0; w < layers.threads; ++w) arrays.emplace_back(size);
    }
    T* operator[](int worker) { return arrays[static_cast<std::size_t>(worker)].data(); }

    /// Into the first.
    void sum() {
        const std::size_t n = arrays[0].size();
        for (std::size_t w = 1; w < arrays.size(); ++w)
            assign(cpu::backend{}, n, arrays[0].data(), Elements<T>{arrays[0].data()} + Elements<T>{arrays[w].data()});
    }
};

/// once(operands, workers) for each iteration, which does `flop` by the direct method.
template <class Operands, class F>
void add_layer(const std::string& name, double flop, double executed_share, F once) {
    add(name + layers.described(), [=](benchmark::State& state) {
        cpu::Workers workers(layers.threads);
        Operands operands;
        for (auto _ : state) {
            once(operands, workers);
            benchmark::ClobberMemory();
        }
        report_flop(state, flop, flop * executed_share, layers.threads);
    });
}

} // namespace ikebana::bench
