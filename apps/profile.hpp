// What train --profile leaves: a table on standard output, and a trace in the output folder.
#pragma once
#include <apps/options.hpp>
#include <ikebana/train/layer_row.hpp>
#include <ikebana/train/profile.hpp>

namespace ikebana::apps {

/// Throws file_error if the trace cannot be written.
void report_profile(const Options& options, const Profile& profile, const std::vector<LayerRow>& layers);

} // namespace ikebana::apps
