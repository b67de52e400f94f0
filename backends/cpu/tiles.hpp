// Rows of samples to tiles and back: transposes of 16 samples × features, a block of 16 features at a time so that both
// sides stay in the first cache. See layers/primitives.hpp.
#pragma once
#include <backends/cpu/backend.hpp>
#include <ikebana/tensor/view.hpp>

#include <algorithm>

namespace ikebana::cpu {

template <class T, class S, int L>
void load_tile(backend, Tile<T, S, L> to, const T* rows, int count, std::size_t stride) {
    for (std::size_t first = 0; first < S::size; first += 16) {
        const std::size_t end = std::min(S::size, first + 16);
        for (int lane = 0; lane < count; ++lane) {
            const T* row = rows + static_cast<std::size_t>(lane) * stride;
            for (std::size_t f = first; f < end; ++f) to.data[f * L + static_cast<std::size_t>(lane)] = row[f];
        }
        for (int lane = count; lane < L; ++lane)
            for (std::size_t f = first; f < end; ++f) to.data[f * L + static_cast<std::size_t>(lane)] = to.data[f * L];
    }
}

template <class T, class U, class S, int L>
void store_tile(backend, T* rows, int count, std::size_t stride, Tile<U, S, L> from) {
    for (std::size_t first = 0; first < S::size; first += 16) {
        const std::size_t end = std::min(S::size, first + 16);
        for (int lane = 0; lane < count; ++lane) {
            T* row = rows + static_cast<std::size_t>(lane) * stride;
            for (std::size_t f = first; f < end; ++f) row[f] = from.data[f * L + static_cast<std::size_t>(lane)];
        }
    }
}

} // namespace ikebana::cpu
