// The dropout mask. See layers/primitives.hpp.
#pragma once
#include <backends/reference/backend.hpp>
#include <ikebana/layers/layer.hpp>
#include <ikebana/tensor/dropout_mask.hpp>

namespace ikebana::reference {

template <class T, class S, int L>
void dropout_mask(backend, Tile<T, S, L> mask, int per_cent, const LayerContext<T>& context) {
    fill_dropout_mask(mask, per_cent, context.seed, context.layer, context.step, context.sample);
}

} // namespace ikebana::reference
