// What test, predict and describe print, without the network.
#pragma once
#include <apps/options.hpp>
#include <ikebana/train/evaluation.hpp>
#include <ikebana/train/layer_row.hpp>
#include <span>

namespace ikebana::apps {

/// Cost and accuracy; with --dump also a file of the classes predicted, a line an image. Throws file_error.
void report_test(const Options& options, const Evaluation& e, std::span<const int> predicted);

/// The class of a picture; with --probabilities also those of all classes.
void report_prediction(const Options& options, const std::filesystem::path& image, int predicted,
                       std::span<const float> probabilities);

void report_table(const NetworkTable& table);

} // namespace ikebana::apps
