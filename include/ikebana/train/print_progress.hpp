// print_progress: the handler that prints a line every 100 steps and one after each pass,
//   Pass 0, Batch 100, Cost 0.161387
//   Test with Epoch 0, avg_cost: 0.0531, acc: 0.98229
// and the functions behind it: the lines as text, and the pass to keep. Plain text on standard output; apps/console.hpp
// puts a progress bar below the same lines.
#pragma once
#include <charconv>
#include <cmath>
#include <cstdio>
#include <ikebana/core/error.hpp>
#include <ikebana/train/events.hpp>
#include <span>
#include <string>

namespace ikebana {

/// The shortest decimal number that is `value` in float, as "0.0531", "1.0" or "5e-06".
inline std::string shortest_decimal(double value) {
    char text[32];
    std::string result(text, std::to_chars(text, text + sizeof text, static_cast<float>(value)).ptr);
    return result.find_first_not_of("-0123456789") == std::string::npos ? result + ".0" : result;
}

inline std::string step_line(const StepEnd& e) {
    char text[96];
    std::snprintf(text, sizeof text, "Pass %d, Batch %d, Cost %f", e.pass, e.step, e.cost);
    return text;
}

inline std::string pass_line(const PassEnd& e) {
    return "Test with Epoch " + std::to_string(e.pass) + ", avg_cost: " + shortest_decimal(e.test_cost) +
           ", acc: " + shortest_decimal(e.test_accuracy);
}

/// Steps that get a line.
inline bool has_line(const StepEnd& e) { return e.step % 100 == 0; }

/// The pass with the lowest finite test cost, the first of equals; null where there is none.
inline const PassEnd* find_best_pass(std::span<const PassEnd> passes) {
    const PassEnd* best = nullptr;
    for (const PassEnd& pass : passes)
        if (std::isfinite(pass.test_cost) && (best == nullptr || pass.test_cost < best->test_cost)) best = &pass;
    return best;
}
/// The same; throws error where there is none.
inline const PassEnd& best_pass(std::span<const PassEnd> passes) {
    const PassEnd* best = find_best_pass(passes);
    if (best == nullptr) throw error("there is no best pass: none has a finite test cost");
    return *best;
}

/// The two lines after training: which pass is kept, and how good it is.
inline std::string best_pass_lines(const PassEnd& best) {
    char accuracy[64];
    std::snprintf(accuracy, sizeof accuracy, "The classification accuracy is %.2f%%", 100 * best.test_accuracy);
    return "Best pass is " + std::to_string(best.pass) + ", testing Avgcost is " + shortest_decimal(best.test_cost) +
           "\n" + accuracy;
}

struct PrintProgress {
    void operator()(const StepEnd& e) const {
        if (has_line(e)) print(step_line(e));
    }
    void operator()(const PassEnd& e) const { print(pass_line(e)); }

  private:
    static void print(const std::string& line) {
        std::printf("%s\n", line.c_str());
        std::fflush(stdout);
    }
};
inline constexpr PrintProgress print_progress;

} // namespace ikebana
