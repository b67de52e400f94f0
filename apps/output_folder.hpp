// The folder of a training run, and the files in it: pass-N.safetensors, best.safetensors, history.csv,
// learning_curve.svg.
#pragma once
#include <apps/options.hpp>
#include <filesystem>

namespace ikebana::apps {

/// Makes the folder with those above it, where they don't exist. Throws file_error: a file is in the way, or there is
/// no permission to write into it.
void make_output_folder(const std::filesystem::path& folder);

std::filesystem::path pass_file(const Options& options, int pass);
std::filesystem::path best_file(const Options& options);
std::filesystem::path history_file(const Options& options);
std::filesystem::path curve_file(const Options& options);

/// Removes a file of an earlier run, if there is one. Throws file_error.
void remove_earlier(const std::filesystem::path& file);
/// Removes the models of passes from `passes` on, which an earlier, longer run left. Throws file_error.
void remove_later_passes(const Options& options, int passes);

/// The model that test and predict use: --model, or the output folder's best pass. Throws file_error, with what to do,
/// where there is none.
std::filesystem::path model_to_use(const Options& options);

} // namespace ikebana::apps
