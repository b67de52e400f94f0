// Progress: how far a training run is, how fast, and how long it will take; and the line of text that says so.
#pragma once
#include <chrono>
#include <ikebana/train/events.hpp>
#include <string>

namespace ikebana::apps {

class Progress {
  public:
    using clock = std::chrono::steady_clock;

    explicit Progress(int passes) : passes_(passes) {}

    void step(const StepEnd& e, clock::time_point now);
    void pass(const PassEnd& e, clock::time_point now);

    /// Of the whole run, 0 … 1; below 0 while the number of steps is unknown.
    double fraction() const;
    /// In this pass, so far, or in the last one at first; below 0 before it can be told.
    double samples_per_second() const;
    /// Until the end of the run, tests included; below 0 before it can be told.
    double seconds_left() const;
    /// The last step of a pass is done, its test is not.
    bool testing() const { return testing_; }

    /// A line of at most `columns` columns: bar, per cent, samples/s, time left, or as much of it as fits.
    std::string line(int columns, bool unicode) const;

  private:
    double seconds_since_start() const { return std::chrono::duration<double>(last_ - start_).count(); }

    int passes_;
    int pass_ = 0, step_ = -1, steps_ = 0;
    bool testing_ = false;
    long samples_ = 0;        // in this pass
    long first_ = 0;          // of these, in the step that started the clock
    long pass_samples_ = 0;   // in a whole pass, once one is over
    double test_seconds_ = 0; // the last test's
    double last_rate_ = -1;   // of the last pass
    clock::time_point start_, last_;
};

/// "0:07", "12:30", "1:02:03"; rounded up to whole seconds.
std::string duration_text(double seconds);

} // namespace ikebana::apps
