// What a test of a network says.
#pragma once

namespace ikebana {

struct Evaluation {
    double cost = 0;     // mean over samples
    double accuracy = 0; // 0 … 1
    long samples = 0;
};

} // namespace ikebana
