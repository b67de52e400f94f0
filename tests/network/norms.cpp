// Networks with batch norm in every place that the inference pass tells apart, through the whole set of checks.
#include <tests/support/network_suite.hpp>

using namespace ikebana;

namespace {

/// Batch norm as the first layer, behind and before convolutions, with padding (which keeps it from being folded
/// forward), behind Dense; strides, padding, overlapping windows.
struct NormEverywhere : Sequential<BatchNorm, Conv<7, 3, Stride<2>, Padding<1>>, BatchNorm, Relu,
                                   Conv<6, 3, Padding<2>, NoBias>, BatchNorm, Sigmoid, Pool<3, Stride<2>, Padding<1>>,
                                   Flatten, Dense<5>, BatchNorm, Relu, Dense<4>, Softmax> {};

/// One convolution with batch norms on both sides: both are folded into it. Batch norm over values, over channels
/// behind Flatten, and two in a row.
struct NormOnBothSides : Sequential<Tanh, BatchNorm, Conv<5, 3>, BatchNorm, Pool<2>, BatchNorm, Flatten, Dense<6>,
                                    BatchNorm, Sigmoid, BatchNorm, BatchNorm, Dense<3>, Softmax> {};
struct NormBehindFlatten : Sequential<Flatten, BatchNorm, Dense<6, NoBias>, BatchNorm, Tanh, Dense<3>, Softmax> {};

} // namespace

TEST_NETWORK("batch norm everywhere", Input<3, 11, 7>, NormEverywhere)
TEST_NETWORK("batch norm on both sides of a convolution", Input<2, 8, 8>, NormOnBothSides)
TEST_NETWORK("batch norm behind Flatten", Input<2, 3, 4>, NormBehindFlatten)
