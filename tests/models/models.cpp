// The models of models/, through the whole set of checks.
#include <models/lenet5.hpp>
#include <models/mlp.hpp>
#include <models/softmax_regression.hpp>
#include <tests/support/network_suite.hpp>

using namespace ikebana;

TEST_NETWORK("LeNet-5", Input<1, 28, 28>, models::LeNet5)
TEST_NETWORK("multilayer perceptron", Input<1, 28, 28>, models::Mlp)
TEST_NETWORK("softmax regression", Input<1, 28, 28>, models::SoftmaxRegression)
