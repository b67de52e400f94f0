// One training step of each model, everything included (tiles, forward, loss, backward, Adam), batch 64, and inference.
// FLOP are 2 × the multiply-adds of the direct method: forward, gradient of the weights, and gradient of the inputs but
// the first layer's.
#include "peak.hpp"
#include <backends/cpu/cpu.hpp>
#include <ikebana/ikebana.hpp>
#include <models/lenet5.hpp>
#include <models/mlp.hpp>
#include <models/softmax_regression.hpp>

using namespace ikebana;

namespace {

Batch random_batch(std::size_t n) {
    Random random(Seed{1}, Stream::test);
    Batch batch;
    batch.resize<Shape<1, 28, 28>>(n);
    for (float& x : batch.images) x = static_cast<float>(2 * random.uniform() - 1);
    for (int& label : batch.labels) label = static_cast<int>(random.below(10));
    return batch;
}

template <class Model>
using Net = Network<Input<1, 28, 28>, Model, cpu::backend>;

template <class Model>
void train_step(benchmark::State& state) {
    constexpr int n = 64;
    using first = typename Net<Model>::template bound<0>;
    const double all = static_cast<double>(Net<Model>::multiply_adds),
                 input = static_cast<double>(multiply_adds_of<typename first::layer, typename first::input>());
    const auto threads = static_cast<int>(state.range(0));
    Net<Model> net(Seed{1});
    Trainer trainer(net, CrossEntropy{}, Adam{.learning_rate = 1e-6f}, Threads{threads});
    const Batch batch = random_batch(n);
    for (auto _ : state) benchmark::DoNotOptimize(trainer.step(batch));
    bench::report_flop(state, 2.0 * n * (3 * all - input), threads);
}

template <class Model>
void predict(benchmark::State& state) {
    const auto n = static_cast<std::size_t>(state.range(0));
    const Net<Model> net(Seed{1});
    const auto model = net.inference();
    auto workspace = model.workspace();
    const Batch batch = random_batch(n);
    for (auto _ : state) benchmark::DoNotOptimize(model.predict(batch.images, workspace).data());
    bench::report_flop(state, 2.0 * static_cast<double>(n) * static_cast<double>(Net<Model>::multiply_adds));
}

void thread_counts(benchmark::internal::Benchmark* b) {
    b->ArgName("threads")->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMicrosecond);
}
void batch_sizes(benchmark::internal::Benchmark* b) {
    b->ArgName("batch")->Arg(1)->Arg(16)->Arg(64)->Unit(benchmark::kMicrosecond);
}

BENCHMARK(train_step<models::LeNet5>)->Name("lenet5 train step, batch 64")->Apply(thread_counts);
BENCHMARK(train_step<models::Mlp>)->Name("mlp train step, batch 64")->Apply(thread_counts);
BENCHMARK(train_step<models::SoftmaxRegression>)->Name("softmax_regression train step, batch 64")->Apply(thread_counts);
BENCHMARK(predict<models::LeNet5>)->Name("lenet5 predict, one thread")->Apply(batch_sizes);
BENCHMARK(predict<models::Mlp>)->Name("mlp predict, one thread")->Apply(batch_sizes);

} // namespace

BENCHMARK_MAIN();
