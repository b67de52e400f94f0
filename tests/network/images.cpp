// Networks over images, through the whole set of checks: convolution and pooling with every option, odd sizes, and the
// orders that the fusion pass tells apart. Batch norm in every place is in norms.cpp.
#include <tests/support/network_suite.hpp>

using namespace ikebana;

namespace {

/// LeNet-5 as the tutorial's card spells it: no activation is implied.
struct WithoutRelu : Sequential<Conv<20, 5>, Pool<2>, BatchNorm, Conv<50, 5>, Pool<2>, Dense<10>, Softmax> {};

/// Activation before the pool; an odd output (8×7) before it; a rest of the image that no window covers.
struct OddBeforePool : Sequential<Conv<3, 3>, Relu, Pool<2>, Conv<5, 2, NoBias>, Pool<2>, Tanh, Dense<3>, Softmax> {};

struct Averages
    : Sequential<Conv<4, 5, Padding<4>>, Sigmoid, Pool<2, Average, Exact>, Pool<3, Stride<1>, Average, Padding<1>>,
                 Conv<3, 1>, Relu, Pool<2, Stride<3>, Max>, Flatten, Dense<2>, Softmax> {};

struct WithDropout
    : Sequential<Conv<4, 3>, Relu, Dropout<25>, Pool<2>, Dense<20>, Tanh, Dropout<50>, Dense<5>, Softmax> {};

/// Kernels beyond the sizes that are written out, strides that jump over places, a pool behind a strided convolution.
struct LargeKernels : Sequential<Conv<3, 13, Padding<6>>, Conv<2, 7, Padding<3>>, Tanh, Conv<17, 2, Stride<3>>, Pool<2>,
                                 Conv<1, 1>, Dense<2>, Softmax> {};

/// Depthwise convolutions with every option, batch norm folded into them, and none folded forward.
struct Depthwise : Sequential<Conv<6, 1>, BatchNorm, DepthwiseConv<3, Padding<1>, NoBias>, BatchNorm, Relu,
                              DepthwiseConv<3, Stride<2>>, Tanh, BatchNorm, DepthwiseConv<2>, Dense<3>, Softmax> {};

} // namespace

TEST_NETWORK("LeNet-5 without ReLU", Input<1, 28, 28>, WithoutRelu)
TEST_NETWORK("an odd output before a pool", Input<2, 10, 9>, OddBeforePool)
TEST_NETWORK("average pools", Input<1, 12, 8>, Averages)
TEST_NETWORK("dropout on images and vectors", Input<1, 9, 9>, WithDropout)
TEST_NETWORK("large kernels", Input<2, 14, 15>, LargeKernels)
TEST_NETWORK("depthwise convolutions", Input<2, 9, 10>, Depthwise)
