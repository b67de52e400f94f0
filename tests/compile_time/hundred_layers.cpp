// A network of 100 layers, no two of the same shape, with training and inference: what depth costs the compiler.
#include <backends/cpu/cpu.hpp>
#include <ikebana/ikebana.hpp>

using namespace ikebana;

// clang-format off
struct HundredLayers : Sequential<
    Conv<8, 3, Padding<1>>, Relu, BatchNorm, Conv<9, 3, Padding<1>>, Relu, BatchNorm, Conv<10, 3, Padding<1>>, Relu,
    BatchNorm, Conv<11, 3, Padding<1>>, Relu, BatchNorm, Conv<12, 3, Padding<1>>, Relu, BatchNorm,
    Conv<13, 3, Padding<1>>, Relu, BatchNorm, Conv<14, 3, Padding<1>>, Relu, BatchNorm, Conv<15, 3, Padding<1>>, Relu,
    BatchNorm, Pool<2>, Conv<16, 3, Padding<1>>, Relu, BatchNorm, Conv<17, 3, Padding<1>>, Relu, BatchNorm,
    Conv<18, 3, Padding<1>>, Relu, BatchNorm, Conv<19, 3, Padding<1>>, Relu, BatchNorm, Conv<20, 3, Padding<1>>, Relu,
    BatchNorm, Conv<21, 3, Padding<1>>, Relu, BatchNorm, Conv<22, 3, Padding<1>>, Relu, BatchNorm,
    Conv<23, 3, Padding<1>>, Relu, BatchNorm, Pool<2>, Conv<24, 3, Padding<1>>, Relu, BatchNorm,
    Conv<25, 3, Padding<1>>, Relu, BatchNorm, Conv<26, 3, Padding<1>>, Relu, BatchNorm, Conv<27, 3, Padding<1>>, Relu,
    BatchNorm, Conv<28, 3, Padding<1>>, Relu, BatchNorm, Conv<29, 3, Padding<1>>, Relu, BatchNorm,
    Conv<30, 3, Padding<1>>, Relu, BatchNorm, Conv<31, 3, Padding<1>>, Relu, BatchNorm, Dense<90>, Tanh, Dense<87>,
    Tanh, Dense<84>, Tanh, Dense<81>, Tanh, Dense<78>, Tanh, Dense<75>, Tanh, Dense<72>, Tanh, Dense<69>, Tanh,
    Dense<66>, Tanh, Dense<63>, Tanh, Dense<60>, Tanh, Dense<57>, Tanh, Dense<10>, Softmax> {};
// clang-format on

using Net = Network<Input<1, 28, 28>, HundredLayers, cpu::backend>;
static_assert(Net::layer_count == 100);

double step(const Batch& batch) {
    Net net(Seed{1});
    Trainer trainer(net, CrossEntropy{}, Adam{});
    return trainer.step(batch) + static_cast<double>(net.inference().predict(batch.images)[0]);
}
