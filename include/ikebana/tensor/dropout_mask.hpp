// The dropout mask as a pure function of seed, layer, step, sample and feature, so that every backend, any number of
// threads and any split of a batch see the same mask.
#pragma once
#include <ikebana/core/random.hpp>
#include <ikebana/tensor/view.hpp>

namespace ikebana {

/// Fills `mask` with 0 (with per_cent) or 1 / (1 − per_cent / 100); `sample` is the tile's first within the batch.
template <class T, class S, int L>
void fill_dropout_mask(Tile<T, S, L> mask, int per_cent, Seed seed, std::uint32_t layer, std::uint64_t step,
                       std::uint32_t sample) {
    const auto kept = static_cast<T>(100.0 / (100.0 - per_cent));
    const auto threshold = static_cast<std::uint32_t>(per_cent / 100.0 * 4294967296.0);
    // The seed is keyed by the step; a counter of 64 bits holds sample and feature.
    const Seed key{seed.value ^ (step * 0x9E3779B97F4A7C15u)};
    for (int lane = 0; lane < L; ++lane)
        for (std::size_t feature = 0; feature < S::size; feature += 4) {
            const std::uint64_t counter =
                (std::uint64_t{sample + static_cast<std::uint32_t>(lane)} << 32) | (feature / 4);
            const auto words = philox(key, Stream::dropout, layer, counter);
            for (std::size_t k = 0; k < 4 && feature + k < S::size; ++k)
                mask.row(static_cast<int>(feature + k))[lane] = words[k] < threshold ? T(0) : kept;
        }
}

} // namespace ikebana
