// Networks over vectors, through the whole set of checks: Dense with every option, a user's own layers, both losses.
#include <tests/support/network_suite.hpp>

using namespace ikebana;

namespace {

struct Swish : Elementwise<Swish> {
    static auto apply(auto x) { return x * sigmoid(x); }
};
/// With every functor and operator: log(1 + e^x) / (1 + √(1 + x²)) − tanh(x).
struct Mixture : Elementwise<Mixture> {
    static auto apply(auto x) { return log(1.0f + exp(x)) / (1.0f + sqrt(1.0f + x * x)) - tanh(x); }
};
struct Leaky : Elementwise<Leaky> {
    static constexpr bool kinks_at_zero = true;
    static auto apply(auto x) { return relu(x) - 0.125f * relu(-x); }
};

struct OwnLayers
    : Sequential<Dense<9, init::HeNormal>, Swish, BatchNorm, Dense<7, NoBias>, Mixture, Dense<8>, Leaky, Dense<3>> {};

struct Wide : Sequential<Dense<299>, Tanh, Dense<1>, Dense<2>, Softmax> {};

/// A Softmax that no loss takes the place of.
struct SoftmaxInside : Sequential<Dense<4>, Softmax, Dense<3, NoBias>, Softmax> {};

struct DropoutBeforeNorm
    : Sequential<BatchNorm, Dense<6>, Dropout<20>, BatchNorm, Sigmoid, Dropout<0>, Dense<3>, Softmax> {};

struct OneLayer : Sequential<Dense<2>> {};

} // namespace

TEST_NETWORK("a user's layers, squared error", Input<6>, OwnLayers, MeanSquaredError)
TEST_NETWORK("wide and narrow Dense", Input<301>, Wide)
TEST_NETWORK("softmax inside", Input<5>, SoftmaxInside)
TEST_NETWORK("softmax at the end, squared error", Input<5>, SoftmaxInside, MeanSquaredError)
TEST_NETWORK("dropout before batch norm", Input<7>, DropoutBeforeNorm)
TEST_NETWORK("one layer, squared error", Input<3>, OneLayer, MeanSquaredError)
