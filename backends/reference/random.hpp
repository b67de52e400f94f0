// The dropout mask. See layers/primitives.hpp.
#pragma once
#include <backends/reference/backend.hpp>
#include <ikebana/layers/layer.hpp>

namespace ikebana::reference {

/// 0 with per_cent, else 1 / (1 − per_cent / 100); a function of seed, layer, step, sample and feature alone.
template <class T, class S, int L>
void dropout_mask(backend, Tile<T, S, L> mask, int per_cent, const LayerContext<T>& context) {
    const auto kept = static_cast<T>(100.0 / (100.0 - per_cent));
    const auto threshold = static_cast<std::uint32_t>(per_cent / 100.0 * 4294967296.0);
    for (int lane = 0; lane < L; ++lane)
        for (std::size_t feature = 0; feature < S::size; feature += 4) {
            const auto words = philox(context.seed, Stream::dropout, context.layer,
                                      (context.step << 36) ^ (std::uint64_t{context.sample + static_cast<unsigned>(lane)} << 20) ^ feature / 4);
            for (std::size_t k = 0; k < 4 && feature + k < S::size; ++k)
                mask.row(static_cast<int>(feature + k))[lane] = words[k] < threshold ? T(0) : kept;
        }
}

} // namespace ikebana::reference
