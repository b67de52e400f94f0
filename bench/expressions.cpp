// Expressions over flat arrays, in place, one thread: one pass over memory, however long the expression. Bytes are
// those of the arrays read and written; the share is of a triad over as many bytes.
#include "random_numbers.hpp"
#include "report.hpp"
#include <backends/cpu/cpu.hpp>
#include <ikebana/optim/adam.hpp>

using namespace ikebana;

namespace {

void adam(benchmark::State& state, std::size_t n) {
    Arena<float> w(n), m(n), v(n), g(n);
    std::fill_n(g.data(), n, 0.01f);
    const Adam optimizer;
    long step = 0;
    for (auto _ : state) {
        optimizer.update(cpu::backend{}, n, w.data(), {m.data(), v.data()}, Elements<float>{g.data()}, ++step, 1e-3);
        benchmark::ClobberMemory();
    }
    bench::report_bytes(state, 7.0 * sizeof(float) * static_cast<double>(n), 4 * sizeof(float) * n);
}

/// x ← f(x)
template <class F>
void in_place(benchmark::State& state, std::size_t n, F f) {
    Arena<float> x = bench::random_numbers(n);
    for (auto _ : state) {
        assign(cpu::backend{}, n, x.data(), f(Elements<float>{x.data()}));
        benchmark::ClobberMemory();
    }
    bench::report_bytes(state, 2.0 * sizeof(float) * static_cast<double>(n), sizeof(float) * n);
}

template <class F>
void add_chain(const std::string& name, std::size_t n, F f) {
    bench::add(name, [n, f](benchmark::State& state) { in_place(state, n, f); });
}

/// A line that ReLU bends, so that five of them are five.
auto bent(auto x) { return relu(0.9f * x + 0.1f); }

} // namespace

void bench::add_benchmarks() {
    add("adam, 10⁶ values", [](benchmark::State& state) { adam(state, 1'000'000); });
    add("adam, 10⁸ values", [](benchmark::State& state) { adam(state, 100'000'000); });
    for (const auto& [n, size] : {std::pair{1'000'000u, "10⁶"}, std::pair{10'000'000u, "10⁷"}}) {
        add_chain(std::string("five ReLU of lines, ") + size + " values", n,
                  [](auto x) { return bent(bent(bent(bent(bent(x))))); });
        add_chain(std::string("ReLU, tanh, sigmoid, tanh, sigmoid, ") + size + " values", n,
                  [](auto x) { return sigmoid(tanh(sigmoid(tanh(relu(x))))); });
    }
}
