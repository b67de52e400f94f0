// The dropout mask as a pure function of seed, layer, step, sample and feature, so that every backend, any number of
// threads and any split of a batch see the same mask.
#pragma once
#include <ikebana/core/random.hpp>
#include <ikebana/tensor/view.hpp>

namespace ikebana {

/// One layer's mask at one step: 0 (with per_cent) or 1 / (1 − per_cent / 100).
template <class T>
class DropoutMask {
  public:
    constexpr DropoutMask(int per_cent, Seed seed, std::uint32_t layer, std::uint64_t step)
        : kept_(static_cast<T>(100.0 / (100.0 - per_cent))),
          threshold_(static_cast<std::uint32_t>(per_cent / 100.0 * 4294967296.0)), key_{seed.value ^
                                                                                        (step * 0x9E3779B97F4A7C15u)},
          layer_(layer) {}

    /// Of features 4k … 4k + 3 of a sample of the batch. The counter of 64 bits holds sample and k.
    constexpr std::array<T, 4> four(std::uint32_t sample, std::size_t feature) const {
        const auto words = philox(key_, Stream::dropout, layer_, (std::uint64_t{sample} << 32) | (feature / 4));
        std::array<T, 4> values{};
        for (std::size_t k = 0; k < 4; ++k) values[k] = words[k] < threshold_ ? T(0) : kept_;
        return values;
    }

  private:
    T kept_;
    std::uint32_t threshold_;
    Seed key_;
    std::uint32_t layer_;
};

/// Fills `mask`; `sample` is the tile's first within the batch.
template <class T, class S, int L>
void fill_dropout_mask(Tile<T, S, L> mask, int per_cent, Seed seed, std::uint32_t layer, std::uint64_t step,
                       std::uint32_t sample) {
    const DropoutMask<T> value(per_cent, seed, layer, step);
    for (int lane = 0; lane < L; ++lane)
        for (std::size_t feature = 0; feature < S::size; feature += 4) {
            const auto four = value.four(sample + static_cast<std::uint32_t>(lane), feature);
            for (std::size_t k = 0; k < 4 && feature + k < S::size; ++k)
                mask.row(static_cast<int>(feature + k))[lane] = four[k];
        }
}

} // namespace ikebana
