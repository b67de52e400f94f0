// Every layer, loss and optimiser on the HIP backend, trained, tested and asked to predict: what `run` compiles for
// each GPU. Linked, it trains on random images, or says in one line that there is no GPU.
#include <backends/hip/hip.hpp>
#include <ikebana/ikebana.hpp>
#include <models/lenet5.hpp>

#include <cstdio>

using namespace ikebana;

namespace {

template <class In, class Layers, class Loss, class Optimizer>
double train(Loss loss, Optimizer optimizer) {
    using Net = Network<In, Layers, hip::backend>;
    using S = typename Net::input;
    Batch b;
    b.template resize<S>(40);
    Random random(Seed{1}, Stream::test);
    for (float& x : b.images) x = static_cast<float>(random.uniform());
    for (int& label : b.labels) label = static_cast<int>(random.below(static_cast<std::uint32_t>(Net::output::size)));

    Net net(Seed{1});
    Trainer trainer(net, loss, optimizer);
    const auto reader = from_arrays<S, static_cast<int>(Net::output::size)>(b.images, b.labels);
    const auto history = trainer.fit(batch(reader, 32), batch(reader, 32), Passes{2});
    const auto model = net.inference();
    auto workspace = model.workspace();
    return history.back().test_cost + static_cast<double>(model.predict(b.images, workspace)[39][0]);
}

struct Others
    : Sequential<Dropout<20>, Conv<6, 3, Stride<2>, Padding<1>, NoBias>, DepthwiseConv<3, Padding<1>>,
                 Pool<3, Stride<1>, Average>, Sigmoid, BatchNorm, Flatten, Dense<20, NoBias>, Tanh, Dense<5>, Softmax> {
};

} // namespace

int main() {
    try {
        std::printf("%.6f\n", train<Input<1, 28, 28>, models::LeNet5>(CrossEntropy{}, Adam{}));
        std::printf("%.6f\n", train<Input<3, 12, 11>, Others>(MeanSquaredError{}, Sgd{}));
    } catch (const error& e) {
        std::fprintf(stderr, "networks: %s\n", e.what());
        return 1;
    }
}
