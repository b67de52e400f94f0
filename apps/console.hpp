// Console: the handler that shows a training run to a person. It prints the lines of train/print_progress.hpp; on a
// terminal it keeps the curve and a progress bar below them.
#pragma once
#include <apps/progress.hpp>
#include <apps/terminal.hpp>
#include <apps/training_record.hpp>
#include <span>

namespace ikebana::apps {

class Console {
  public:
    /// For a run of `passes` passes; plain: lines only. `out` is used and not owned.
    Console(int passes, bool plain, std::FILE* out = stdout);

    void operator()(const StepEnd& e);
    void operator()(const PassEnd& e);

    /// A line of the program's own, above the bar.
    void print(const std::string& line) { terminal_.print(line); }

    /// After the run: leaves the curve where it is, takes the bar away and prints which pass was the best.
    void finish(std::span<const PassEnd> passes);

  private:
    void draw();
    std::vector<std::string> curve() const;

    Terminal terminal_;
    Progress progress_;
    TrainingRecord record_;
    Progress::clock::time_point drawn_{};
};

} // namespace ikebana::apps
