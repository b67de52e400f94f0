// What a trainer tells its handlers. A handler is any object that can be called with one of these, or both.
#pragma once

namespace ikebana {

/// After each step. pass and step count from 0.
struct StepEnd {
    int pass;
    int step;    // within the pass
    int steps;   // in this pass; 0 if the reader doesn't know
    int samples; // in this batch
    double cost; // mean over the batch
};

/// After each pass over the training data, with the test that follows it. Means are over samples.
struct PassEnd {
    int pass;
    double train_cost;
    double test_cost;
    double test_accuracy; // 0 … 1
    double seconds;       // of training, without the test
};

} // namespace ikebana
