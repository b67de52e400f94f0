// Rates are taken over the current pass: from the end of its first step, so that nothing before it counts.
#include <apps/progress.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace ikebana::apps {

void Progress::step(const StepEnd& e, clock::time_point now) {
    if (e.pass != pass_ || step_ < 0) {
        start_ = now;
        samples_ = 0;
        first_ = e.samples;
    }
    pass_ = e.pass;
    step_ = e.step;
    steps_ = e.steps;
    samples_ += e.samples;
    last_ = now;
    testing_ = e.steps > 0 && e.step + 1 >= e.steps;
}

void Progress::pass(const PassEnd& e, clock::time_point now) {
    last_rate_ = samples_per_second();
    test_seconds_ = std::chrono::duration<double>(now - last_).count();
    pass_samples_ = samples_;
    pass_ = e.pass + 1;
    step_ = -1;
    testing_ = false;
}

double Progress::fraction() const {
    if (step_ < 0) return static_cast<double>(pass_) / passes_;
    if (steps_ == 0) return -1;
    return (pass_ + (step_ + 1.0) / steps_) / passes_;
}

double Progress::samples_per_second() const {
    const double seconds = seconds_since_start();
    const bool known = step_ >= 0 && samples_ > first_ && seconds > 0.2;
    return known ? static_cast<double>(samples_ - first_) / seconds : last_rate_;
}

double Progress::seconds_left() const {
    const double rate = samples_per_second();
    const bool counted = pass_samples_ > 0 || (step_ >= 0 && steps_ > 0);
    if (rate < 0 || !counted) return -1;
    const double whole_pass =
        pass_samples_ > 0 ? static_cast<double>(pass_samples_) : static_cast<double>(samples_) / (step_ + 1) * steps_;
    const double in_this_pass = step_ < 0 ? 0 : static_cast<double>(samples_);
    const double passes_left = passes_ - pass_; // this one included
    return std::max(passes_left * whole_pass - in_this_pass, 0.0) / rate + passes_left * test_seconds_;
}

std::string Progress::line(int columns, bool unicode) const {
    const double done = fraction(), rate = samples_per_second(), left = seconds_left();
    std::string text = done >= 0 ? fmt::format("{:3.0f} %", std::floor(100 * done))
                                 : fmt::format("pass {}, {} steps", pass_, step_ + 1);
    std::string rest;
    if (testing_)
        rest = fmt::format("  {:<16}", "testing");
    else if (rate >= 0)
        rest = fmt::format("  {:>6.0f} samples/s", rate);
    if (left >= 0) rest += fmt::format("  {:>5} left", duration_text(left));
    const int room = columns - 1 - static_cast<int>(text.size());
    if (static_cast<int>(rest.size()) <= room) text += rest;

    const int bar = std::min(columns - 1 - static_cast<int>(text.size()) - 3, 50);
    if (bar < 5 || done < 0) return text.substr(0, static_cast<std::size_t>(std::max(columns - 1, 0)));
    const int full = static_cast<int>(done * bar);
    std::string drawn;
    for (int i = 0; i < bar; ++i) drawn += i < full ? (unicode ? "█" : "#") : (unicode ? "░" : ".");
    return (unicode ? drawn + "  " : "[" + drawn + "] ") + text;
}

std::string duration_text(double seconds) {
    const auto all = static_cast<long>(std::ceil(std::min(seconds, 3.6e8)));
    const long h = all / 3600, m = all / 60 % 60, s = all % 60;
    return h > 0 ? fmt::format("{}:{:02}:{:02}", h, m, s) : fmt::format("{}:{:02}", m, s);
}

} // namespace ikebana::apps
