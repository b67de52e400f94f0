// The learning curve as a picture: train and test cost over the passes, in an SVG file that is redrawn, whole, after
// each pass. The terminal's small one is in terminal_curve.hpp.
#pragma once
#include <apps/training_record.hpp>
#include <filesystem>
#include <string>

namespace ikebana::apps {

/// The picture as SVG text. The thin line is the train cost within the passes. Costs that are not finite are left out.
std::string learning_curve_svg(const TrainingRecord& record, const std::string& title);

/// Handler: draws `path` after each pass. Throws file_error if it cannot be written.
class LearningCurve {
  public:
    /// `name` of the model, for the title.
    LearningCurve(std::filesystem::path path, std::string name) : path_(std::move(path)), name_(std::move(name)) {}

    void operator()(const StepEnd& e) { record_(e); }
    void operator()(const PassEnd& e);

  private:
    std::filesystem::path path_;
    std::string name_;
    TrainingRecord record_;
};

} // namespace ikebana::apps
