// Multilayer perceptron: two hidden layers of 200 values with ReLU.
#pragma once
#include <ikebana/layers/activation.hpp>
#include <ikebana/layers/dense.hpp>
#include <ikebana/layers/softmax.hpp>
#include <ikebana/network/chain.hpp>

namespace ikebana::models {

struct Mlp : Sequential<Dense<200>, Relu, Dense<200>, Relu, Dense<10>, Softmax> {};

static_assert(fold_of<Shape<1, 28, 28>, layers_of<Mlp>>::output{} == Shape<10>{});

} // namespace ikebana::models
