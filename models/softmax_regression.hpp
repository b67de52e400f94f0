// Softmax regression: one affine map, then softmax.
#pragma once
#include <ikebana/layers/dense.hpp>
#include <ikebana/layers/softmax.hpp>
#include <ikebana/network/chain.hpp>

namespace ikebana::models {

struct SoftmaxRegression : Sequential<Dense<10>, Softmax> {};

static_assert(fold_of<Shape<1, 28, 28>, layers_of<SoftmaxRegression>>::output{} == Shape<10>{});

} // namespace ikebana::models
