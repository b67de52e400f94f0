// The HIP backend, on the GPU that it was built for. Layers are timed by events on a stream, some launches at a time;
// a training step is a pass over stored samples divided by its steps, as a program sees it. Shares are of what the GPU
// reaches in multiply-adds, in float32 or, with -Dhip_matrix_core, on its matrix cores.
//   --batch=N   of single layers, else 64
// Built for the host, where it shows no more than that it runs.
#include "random_numbers.hpp"
#include "report.hpp"
#include "shapes.hpp"
#include <backends/hip/hip.hpp>
#include <ikebana/data/from_arrays.hpp>
#include <ikebana/ikebana.hpp>
#include <models/lenet5.hpp>
#include <models/mlp.hpp>
#include <models/softmax_regression.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

using namespace ikebana;

namespace {

using hip::backend, hip::DeviceArray;

std::size_t gpu_peak() {
    return bench::peak_index("multiply-adds of the GPU", [] { return hip::multiply_add_peak(backend{}); });
}

DeviceArray<float> random_on_device(std::size_t n) {
    DeviceArray<float> a(n);
    to_device(backend{}, a.data(), bench::random_numbers(n).data(), n);
    return a;
}

/// Tiles of a batch: in each, one after the other, x, dx, y and scratch, as training has them.
template <class In, class Out>
struct TilesOnDevice {
    static constexpr int L = backend::lanes<float>;
    static constexpr std::size_t x_size = In::size * L, y_size = Out::size * L;
    std::size_t tile;
    DeviceArray<float> numbers;
    hip::DeviceStream stream;
    backend on;

    /// Every tile holds the same numbers.
    explicit TilesOnDevice(std::size_t scratch_bytes)
        : tile((2 * x_size + y_size + scratch_bytes / sizeof(float) + 63) / 64 * 64),
          numbers(tile * static_cast<std::size_t>(tiles())), on{tiles(), tile * sizeof(float), stream.get()} {
        const Arena<float> one = bench::random_numbers(tile);
        for (int t = 0; t < tiles(); ++t)
            to_device(on, numbers.data() + static_cast<std::size_t>(t) * tile, one.data(), tile);
    }

    static int tiles() { return (bench::layers.batch + L - 1) / L; }

    Tile<float, In, L> x() { return {numbers.data()}; }
    Tile<float, In, L> dx() { return {numbers.data() + x_size}; }
    Tile<float, Out, L> y() { return {numbers.data() + 2 * x_size}; }
    std::byte* scratch() { return reinterpret_cast<std::byte*>(numbers.data() + 2 * x_size + y_size); }
};

template <class G>
constexpr std::size_t scratch_bytes() {
    if constexpr (bench::is_depthwise<G>)
        return depthwise_scratch_bytes(backend{}, G{}, 0.f);
    else
        return conv_scratch_bytes(backend{}, G{}, 0.f);
}

template <class G>
struct ConvOperands : TilesOnDevice<typename G::input, typename G::output> {
    using base = TilesOnDevice<typename G::input, typename G::output>;
    static constexpr int K = G::output::sizes[0];
    DeviceArray<float> weights = random_on_device(G::weights::size), biases = random_on_device(K),
                       gradient = DeviceArray<float>(G::weights::size);

    ConvOperands() : base(scratch_bytes<G>()) {}

    View<float, typename G::weights> w() { return {weights.data()}; }
    View<float, typename G::weights> dw() { return {gradient.data()}; }
    View<float, Shape<K>> b() { return {biases.data()}; }

    void forward() {
        if constexpr (bench::is_depthwise<G>)
            depthwise_forward(this->on, G{}, this->y(), this->x(), w(), b(), nullptr);
        else
            conv_forward(this->on, G{}, this->y(), this->x(), w(), b(), nullptr, nullptr);
    }
    template <class DX, class DW>
    void backward(DX to, DW sum) {
        if constexpr (bench::is_depthwise<G>)
            depthwise_backward(this->on, G{}, to, sum, this->y(), this->x(), w(), this->scratch());
        else
            conv_backward(this->on, G{}, to, sum, this->y(), this->x(), w(), nullptr, this->scratch());
    }
};

template <class S>
struct DenseOperands : TilesOnDevice<Shape<S::sizes[1]>, Shape<S::sizes[0]>> {
    using base = TilesOnDevice<Shape<S::sizes[1]>, Shape<S::sizes[0]>>;
    DeviceArray<float> weights = random_on_device(S::size), biases = random_on_device(S::sizes[0]),
                       gradient = DeviceArray<float>(S::size);

    DenseOperands() : base(dense_scratch_bytes(backend{}, S{}, 0.f)) {}

    View<float, S> w() { return {weights.data()}; }
    void forward() {
        dense_forward(this->on, this->y(), this->x(), w(), View<float, Shape<S::sizes[0]>>{biases.data()});
    }
    void weight_gradient() {
        dense_backward_weight(this->on, View<float, S>{gradient.data()}, Nothing{}, this->y(), this->x(),
                              this->scratch());
    }
    void input_gradient() { dense_backward_input(this->on, this->dx(), w(), this->y()); }
};

/// once(operands) asks the stream for a layer's work, `flop` by the direct method.
template <class Operands, class F>
void add_layer(const std::string& name, double flop, F once) {
    benchmark::RegisterBenchmark(
        ("GPU, " + name + bench::layers.described()).c_str(),
        [=](benchmark::State& state) {
            constexpr int launches = hip::on_gpu ? 20 : 1; // between two events, which tell half a microsecond apart
            Operands operands;
            hip::Event start(true), end(true);
            once(operands);
            for (auto _ : state) {
                start.record(operands.on.stream);
                for (int i = 0; i < launches; ++i) once(operands);
                end.record(operands.on.stream);
                state.SetIterationTime(end.seconds_since(start) / launches);
            }
            bench::report_rate(state, bench::counter::flop, flop, gpu_peak(), 1);
        })
        ->UseManualTime()
        ->Iterations(hip::on_gpu ? 10 : 1);
}

template <class Model>
using Net = Network<Input<1, 28, 28>, Model, backend>;

/// FLOP of a training sample; the first layer has no gradient of its input.
template <class Model>
double flop_of_training() {
    double flop = 0;
    Net<Model>::each_layer([&]<class B>(B) {
        flop += 2.0 * (B::position == 0 ? 2 : 3) * multiply_adds_of<typename B::layer, typename B::input>();
    });
    return flop;
}

/// Grey levels and labels at random.
auto random_digits(std::size_t n) {
    Random random(Seed{2}, Stream::test);
    BatchTensor<std::uint8_t, 4> images;
    BatchTensor<int, 1> labels;
    images.resize(std::array<std::size_t, 4>{n, 1, 28, 28});
    labels.resize(std::array<std::size_t, 1>{n});
    for (std::uint8_t& level : images) level = static_cast<std::uint8_t>(random.below(256));
    for (int& label : labels) label = static_cast<int>(random.below(10));
    return from_arrays<Shape<1, 28, 28>, 10>(std::move(images), std::move(labels));
}

/// Everything included: shuffling, scaling, loss, Adam. The median of five passes behind the first, which captures the
/// step.
template <class Model>
void train_step(benchmark::State& state, std::size_t n) {
    const std::size_t steps = !hip::on_gpu ? 2 : n > 1000 ? 32 : 200;
    Net<Model> net(Seed{1});
    Trainer trainer(net, CrossEntropy{}, Adam{.learning_rate = 1e-6f});
    const auto digits = random_digits(steps * n), few = random_digits(n);
    for (auto _ : state) {
        auto passes = trainer.fit(batch(shuffle(digits, steps * n), n), batch(few, n), Passes{6});
        std::sort(passes.begin() + 1, passes.end(), [](auto& a, auto& b) { return a.seconds < b.seconds; });
        state.SetIterationTime(passes[3].seconds / static_cast<double>(steps));
    }
    bench::report_rate(state, bench::counter::flop, static_cast<double>(n) * flop_of_training<Model>(), gpu_peak(), 1);
}

template <class Model>
void add_model(const std::string& model) {
    for (const std::size_t n : {std::size_t{64}, std::size_t{hip::on_gpu ? 4096 : 96}})
        benchmark::RegisterBenchmark(("GPU, " + model + " train step, batch " + std::to_string(n)).c_str(),
                                     [n](benchmark::State& state) { train_step<Model>(state, n); })
            ->UseManualTime()
            ->Iterations(1);
}

} // namespace

void bench::add_benchmarks() {
    try {
        hip::require_device();
    } catch (const error& e) {
        std::fprintf(stderr, "%s\n", e.what());
        std::exit(1);
    }
    const double batch = bench::layers.batch;
    each<ConvShapes>([&]<class G>(G) {
        using Operands = ConvOperands<G>;
        add_layer<Operands>(layer_name<G>("forward"), batch * flop<G>, [](Operands& o) { o.forward(); });
        add_layer<Operands>(layer_name<G>("weight gradient"), batch * flop<G>,
                            [](Operands& o) { o.backward(Nothing{}, o.dw()); });
        if constexpr (G::C > 1) // an image has no gradient
            add_layer<Operands>(layer_name<G>("input gradient"), batch * flop<G>,
                                [](Operands& o) { o.backward(o.dx(), Nothing{}); });
    });
    each<DenseShapes>([&]<class S>(S) {
        using Operands = DenseOperands<S>;
        add_layer<Operands>(dense_name<S>("forward"), batch * dense_flop<S>, [](Operands& o) { o.forward(); });
        add_layer<Operands>(dense_name<S>("weight gradient"), batch * dense_flop<S>,
                            [](Operands& o) { o.weight_gradient(); });
        add_layer<Operands>(dense_name<S>("input gradient"), batch * dense_flop<S>,
                            [](Operands& o) { o.input_gradient(); });
    });
    if (layers.batch != Layers{}.batch) return; // models have batches of their own
    add_model<models::LeNet5>("lenet5");
    add_model<models::Mlp>("mlp");
    add_model<models::SoftmaxRegression>("softmax_regression");
}
