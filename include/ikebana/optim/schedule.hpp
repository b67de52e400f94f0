// Schedule: a factor of the learning rate over a training run, from its start (progress 0) to its end (progress 1).
//   constant   1
//   cosine     (1 + cos(π progress)) / 2                             (Loshchilov and Hutter, 2017, without restarts)
//   step       1, then 0.1 after half and 0.01 after three quarters
#pragma once
#include <cmath>

namespace ikebana {

enum class Schedule { constant, cosine, step };

inline double learning_rate_factor(Schedule schedule, double progress) {
    switch (schedule) {
    case Schedule::cosine:
        return 0.5 * (1 + std::cos(3.141592653589793 * progress));
    case Schedule::step:
        return progress < 0.5 ? 1 : progress < 0.75 ? 0.1 : 0.01;
    case Schedule::constant:
        break;
    }
    return 1;
}

} // namespace ikebana
