// TrainingRecord: what a training run has told so far, as the curves draw it. A handler of steps and passes.
#pragma once
#include <ikebana/train/events.hpp>
#include <vector>

namespace ikebana::apps {

/// A point of the train cost within a pass: x = p where pass p ends, so the first pass runs from −1 to 0.
struct StepCost {
    double x, cost;
};

class TrainingRecord {
  public:
    /// Keeps about 20 points a pass, each the mean cost of the steps since the one before.
    void operator()(const StepEnd& e);
    void operator()(const PassEnd& e) { passes_.push_back(e); }

    const std::vector<PassEnd>& passes() const { return passes_; }
    const std::vector<StepCost>& steps() const { return steps_; }

    /// What an axis has to cover: the finite costs of passes, and those of steps as far as they lie near (the first
    /// steps of a run, often ten times higher, would press everything else flat). Empty before the first pass is over.
    std::vector<double> costs() const;

  private:
    std::vector<PassEnd> passes_;
    std::vector<StepCost> steps_;
    double sum_ = 0; // of the steps since the last point
    int count_ = 0;
};

} // namespace ikebana::apps
