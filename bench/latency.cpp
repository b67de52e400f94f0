// How long one prediction takes at worst: each call is timed by itself, beside an empty loop of the same length, since
// interrupts and neighbours on the machine hit both. The label gives the 99th percentile over the median of either.
#include "executed.hpp"
#include "random_numbers.hpp"
#include "report.hpp"
#include "shapes.hpp"
#include <backends/cpu/cpu.hpp>
#include <ikebana/ikebana.hpp>
#include <models/lenet5.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>

using namespace ikebana;

namespace {

using Clock = std::chrono::steady_clock;
using Net = Network<Input<1, 28, 28>, models::LeNet5, cpu::backend>;

/// The time of each call of f, in seconds.
class Times {
  public:
    template <class F>
    double add(F f) {
        const auto start = Clock::now();
        f();
        times_.push_back(std::chrono::duration<double>(Clock::now() - start).count());
        return times_.back();
    }
    double percentile(double share) {
        const auto at = times_.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(times_.size() - 1));
        std::nth_element(times_.begin(), at, times_.end());
        return *at;
    }

  private:
    std::vector<double> times_;
};

void empty_loop(long turns) {
    for (long i = 0; i < turns; ++i) benchmark::DoNotOptimize(i);
}

void lenet5(benchmark::State& state) {
    const Net net(Seed{1});
    const auto model = net.inference();
    auto workspace = model.workspace();
    const auto image = bench::random_numbers(Net::input::size);
    BatchTensor<float, 3> x(std::array<std::size_t, 3>{1, 28, 28});
    std::copy_n(image.data(), image.size(), x.data());
    const auto predict = [&] { benchmark::DoNotOptimize(model.predict(x, workspace).data()); };

    Times warm, loop;
    for (int i = 0; i < 1000; ++i) warm.add(predict), loop.add([] { empty_loop(10'000); });
    const auto turns = static_cast<long>(10'000 * warm.percentile(0.5) / loop.percentile(0.5));

    Times ours, empty;
    for (auto _ : state) {
        state.SetIterationTime(ours.add(predict));
        empty.add([&] { empty_loop(turns); });
    }
    char label[80];
    std::snprintf(label, sizeof label, "p99 %.2f x median; empty loop %.2f x",
                  ours.percentile(0.99) / ours.percentile(0.5), empty.percentile(0.99) / empty.percentile(0.5));
    state.SetLabel(label);
    double flop = 0, executed = 0;
    Net::each_layer([&]<class B>(B) {
        const double of_layer = 2.0 * multiply_adds_of<typename B::layer, typename B::input>();
        flop += of_layer;
        executed += of_layer * bench::executed_share<typename B::layer, typename B::input>();
    });
    bench::report_flop(state, flop, executed);
}

} // namespace

void bench::add_benchmarks() {
    benchmark::RegisterBenchmark("lenet5 predict, batch 1, each call timed", lenet5)->UseManualTime();
}
