// What the programs read: the data set's folder, pictures.
#pragma once
#include <apps/options.hpp>
#include <xtensor/xtensor.hpp>

namespace ikebana::apps {

/// The folder that options name: --data, the repository's sample, or the cache that apps/fetch_mnist fills. Throws
/// error where the cache is empty, with what to do.
std::filesystem::path digits_folder(const Options& options);

/// A picture file as an input (1,28,28). Throws file_error.
xt::xtensor<float, 3> read_digit(const std::filesystem::path& picture);

} // namespace ikebana::apps
