// TrainingRun: what a training run of a program shows and leaves, without its network: the handler of steps and passes
// that keeps models, history and curve in the output folder and the person at the terminal informed.
#pragma once
#include <apps/console.hpp>
#include <apps/history.hpp>
#include <apps/learning_curve.hpp>
#include <apps/options.hpp>
#include <ikebana/io/model.hpp>
#include <ikebana/train/layer_row.hpp>
#include <ikebana/train/profile.hpp>
#include <limits>

namespace ikebana::apps {

class TrainingRun {
  public:
    /// Makes the output folder and prints what the model called `name` is trained by. Throws file_error.
    TrainingRun(const Options& options, const std::string& name, const char* backend, int vector_width, int threads);
    ~TrainingRun();

    void operator()(const StepEnd& e);
    void operator()(const PassEnd& e);

    /// Writes a pass's model, and the best one's once more; until there is one, an earlier run's best is removed.
    /// Throws file_error.
    void keep(const PassEnd& e, const ModelContent& model);

    /// Removes models of an earlier run's passes beyond, and prints which pass was the best. Throws error.
    void finish(std::span<const PassEnd> passes);

    /// Null unless --profile is given.
    Profile* profile() { return options_.profile ? &profile_ : nullptr; }
    /// A table on standard output, with shares of the `peak` (FLOP/s) of what `of` names; and a trace in the output
    /// folder. Throws file_error.
    void report_profile(const std::vector<LayerRow>& layers, double peak, const char* of) const;

  private:
    const Options& options_;
    History history_;
    LearningCurve curve_;
    Console console_;
    Profile profile_;
    double best_ = std::numeric_limits<double>::infinity();
};

} // namespace ikebana::apps
