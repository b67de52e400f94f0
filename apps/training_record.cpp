// Means of steps, and the costs that an axis covers.
#include <apps/training_record.hpp>

#include <algorithm>
#include <cmath>

namespace ikebana::apps {

void TrainingRecord::operator()(const StepEnd& e) {
    if (e.step == 0) sum_ = count_ = 0;
    sum_ += e.cost;
    ++count_;
    const int window = std::max(e.steps / 20, 1);
    if (e.steps == 0 || count_ < window) return; // without the number of steps a point has no place
    steps_.push_back({e.pass - 1 + (e.step + 1.0) / e.steps, sum_ / count_});
    sum_ = count_ = 0;
}

std::vector<double> TrainingRecord::costs() const {
    std::vector<double> all;
    for (const PassEnd& pass : passes_)
        for (const double cost : {pass.train_cost, pass.test_cost})
            if (std::isfinite(cost)) all.push_back(cost);
    if (all.empty()) return all;

    const auto [least, most] = std::minmax_element(all.begin(), all.end());
    const double low = *least / 1.5, high = *most * 1.5;
    for (const StepCost& step : steps_)
        if (std::isfinite(step.cost)) all.push_back(std::clamp(step.cost, low, std::max(low, high)));
    return all;
}

} // namespace ikebana::apps
