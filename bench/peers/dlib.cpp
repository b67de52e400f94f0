// dlib: a training step of LeNet-5 as in models/lenet5.hpp, batch 64, Adam, on random images. dlib chooses its threads.
#include <bench/random_numbers.hpp>
#include <bench/report.hpp>
#include <bench/shapes.hpp>
#include <dlib/dnn.h>

using namespace ikebana;

namespace {

template <int K, class Below>
using conv5 = dlib::add_layer<dlib::con_<K, 5, 5, 1, 1, 0, 0>, Below>;
template <int K, class Below>
using conv_pool_relu = dlib::relu<dlib::max_pool<2, 2, 2, 2, conv5<K, Below>>>;

using image = dlib::matrix<float>;
using LeNet5 =
    dlib::loss_multiclass_log<dlib::fc<10, conv_pool_relu<50, dlib::bn_con<conv_pool_relu<20, dlib::input<image>>>>>>;

void train_step(benchmark::State& state) {
    const auto pixels = bench::random_numbers(bench::batch * 28 * 28);
    std::vector<image> images(bench::batch, image(28, 28));
    std::vector<unsigned long> labels(bench::batch);
    for (std::size_t n = 0; n < images.size(); ++n) {
        std::copy_n(pixels.data() + n * 28 * 28, 28 * 28, images[n].begin());
        labels[n] = n % 10;
    }
    LeNet5 net;
    std::vector<dlib::adam> solvers(net.num_computational_layers, dlib::adam(0, 0.9f, 0.999f));
    dlib::resizable_tensor x;
    for (auto _ : state) {
        net.to_tensor(images.begin(), images.end(), x);
        benchmark::DoNotOptimize(net.compute_parameter_gradients(x, labels.begin()));
        net.update_parameters(dlib::make_sstack(solvers), 1e-6);
    }
    using First = std::tuple_element_t<0, bench::ConvShapes>;
    using Second = std::tuple_element_t<1, bench::ConvShapes>;
    const double flop =
        bench::batch * (2 * bench::flop<First> + 3 * (bench::flop<Second> + bench::dense_flop<Shape<10, 800>>));
    bench::report_flop(state, flop, flop, 2);
}

} // namespace

void bench::add_benchmarks() { add("lenet5 train step, 2 threads", train_step); }
