// The models: a training step on a batch that lies ready (tiles, forward, loss, backward, Adam), batch 64; a pass over
// shuffled images, reader and a short test included; and inference on one thread. FLOP are 2 × the multiply-adds of the
// direct method: forward, gradient of the weights, and gradient of the inputs but the first layer's.
#include "executed.hpp"
#include "random_numbers.hpp"
#include "report.hpp"
#include "shapes.hpp"
#include <backends/cpu/cpu.hpp>
#include <ikebana/ikebana.hpp>
#include <models/lenet5.hpp>
#include <models/mlp.hpp>
#include <models/softmax_regression.hpp>

using namespace ikebana;

namespace {

Batch random_batch(std::size_t n) {
    Random random(Seed{2}, Stream::test);
    Batch batch;
    batch.resize<Shape<1, 28, 28>>(n);
    const auto pixels = bench::random_numbers(batch.images.size());
    std::copy_n(pixels.data(), pixels.size(), batch.images.data());
    for (int& label : batch.labels) label = static_cast<int>(random.below(10));
    return batch;
}

template <class Model>
using Net = Network<Input<1, 28, 28>, Model, cpu::backend>;

/// FLOP of a sample as counted, and as the methods that run execute them.
struct Operations {
    double flop = 0, executed = 0;
};

/// A layer works `directions` times a sample, the first layer `of_first` times, which executes a share of it.
template <class Model>
Operations operations(int directions, int of_first, double share_of_first = 1) {
    Operations sum;
    Net<Model>::each_layer([&]<class B>(B) {
        const int times = B::position == 0 ? of_first : directions;
        const double flop = 2.0 * times * multiply_adds_of<typename B::layer, typename B::input>();
        sum.flop += flop;
        sum.executed += flop * bench::executed_share<typename B::layer, typename B::input>(times) *
                        (B::position == 0 ? share_of_first : 1);
    });
    return sum;
}

template <class Model>
void train_step(benchmark::State& state, int threads) {
    Net<Model> net(Seed{1});
    Trainer trainer(net, CrossEntropy{}, Adam{.learning_rate = 1e-6f}, Threads{threads});
    const Batch batch = random_batch(bench::batch);
    for (auto _ : state) benchmark::DoNotOptimize(trainer.step(batch));
    const auto [flop, executed] = operations<Model>(3, 2);
    bench::report_flop(state, bench::batch * flop, bench::batch * executed, threads);
}

/// Grey images as digits are, four of five numbers background.
BatchTensor<std::uint8_t, 4> random_digits(std::size_t n) {
    Random random(Seed{3}, Stream::test);
    BatchTensor<std::uint8_t, 4> images(std::array<std::size_t, 4>{n, 1, 28, 28});
    for (std::size_t i = 0; i < images.size(); ++i)
        images.data()[i] = random.below(5) == 0 ? static_cast<std::uint8_t>(random.below(256)) : std::uint8_t{0};
    return images;
}

constexpr std::size_t images_of_pass = 6400;

template <class Model>
void train_pass(benchmark::State& state, int threads) {
    Net<Model> net(Seed{1});
    Trainer trainer(net, CrossEntropy{}, Adam{.learning_rate = 1e-6f}, Threads{threads});
    const auto images = random_digits(images_of_pass), tests = random_digits(bench::batch);
    const auto labels = [](std::size_t n) {
        BatchTensor<int, 1> all(std::array<std::size_t, 1>{n});
        for (std::size_t i = 0; i < n; ++i) all(i) = static_cast<int>(i % 10);
        return all;
    };
    const auto of_images = labels(images_of_pass), of_tests = labels(bench::batch);
    using Image = Shape<1, 28, 28>;
    for (auto _ : state)
        benchmark::DoNotOptimize(
            trainer.fit(batch(shuffle(from_arrays<Image, 10>(images, of_images), images_of_pass), bench::batch),
                        batch(from_arrays<Image, 10>(tests, of_tests), bench::batch), Passes{1}));
    const auto [flop, executed] = operations<Model>(3, 2, 0.2); // what is background need not be multiplied
    bench::report_flop(state, images_of_pass * flop, images_of_pass * executed, threads);
}

template <class Model>
void predict(benchmark::State& state, int n) {
    const Net<Model> net(Seed{1});
    const auto model = net.inference();
    auto workspace = model.workspace();
    const Batch batch = random_batch(static_cast<std::size_t>(n));
    for (auto _ : state) benchmark::DoNotOptimize(model.predict(batch.images, workspace).data());
    const auto [flop, executed] = operations<Model>(1, 1);
    bench::report_flop(state, n * flop, n * executed);
}

template <class Model>
void add_model(const std::string& model) {
    for (int threads : {1, 2})
        bench::add(model + " train step, " + std::to_string(threads) + (threads == 1 ? " thread" : " threads"),
                   [threads](benchmark::State& state) { train_step<Model>(state, threads); });
    bench::add(model + " pass over 6400 images, 2 threads",
               [](benchmark::State& state) { train_pass<Model>(state, 2); });
    for (int n : {1, 16, bench::batch})
        bench::add(model + " predict, batch " + std::to_string(n),
                   [n](benchmark::State& state) { predict<Model>(state, n); });
}

} // namespace

void bench::add_benchmarks() {
    add_model<models::LeNet5>("lenet5");
    add_model<models::Mlp>("mlp");
    add_model<models::SoftmaxRegression>("softmax_regression");
}
