// history.csv: a line a pass (pass,train_cost,test_cost,test_accuracy,seconds), the file written whole after each.
#pragma once
#include <filesystem>
#include <ikebana/train/events.hpp>
#include <string>

namespace ikebana::apps {

/// Handler: writes `path` after each pass. Throws file_error if it cannot be written.
class History {
  public:
    explicit History(std::filesystem::path path) : path_(std::move(path)) {}
    void operator()(const PassEnd& e);

  private:
    std::filesystem::path path_;
    std::string text_ = "pass,train_cost,test_cost,test_accuracy,seconds\n";
};

} // namespace ikebana::apps
