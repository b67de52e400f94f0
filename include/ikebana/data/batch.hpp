// Batch: what a training step is given. Containers are xtensor's, so a user may fill one from any xtensor expression.
#pragma once
#include <xtensor/xtensor.hpp>

namespace ikebana {

struct Batch {
    xt::xtensor<float, 4> images; // (N, C, H, W)
    xt::xtensor<int, 1> labels;   // (N), 0 … classes−1
};

} // namespace ikebana
