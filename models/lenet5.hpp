// LeNet-5 as the digit tutorial has it (after LeCun et al., 1998): ReLU after each max pool, batch norm after the
// first.
#pragma once
#include <ikebana/layers/activation.hpp>
#include <ikebana/layers/batch_norm.hpp>
#include <ikebana/layers/conv.hpp>
#include <ikebana/layers/dense.hpp>
#include <ikebana/layers/pool.hpp>
#include <ikebana/layers/softmax.hpp>
#include <ikebana/network/chain.hpp>

namespace ikebana::models {

struct LeNet5 : Sequential<Conv<20, 5>, Pool<2>, Relu, BatchNorm, Conv<50, 5>, Pool<2>, Relu, Dense<10>, Softmax> {};

static_assert(fold_of<Shape<1, 28, 28>, layers_of<LeNet5>>::output{} == Shape<10>{});

} // namespace ikebana::models
