// Rows of samples to tiles and back. See layers/primitives.hpp.
#pragma once
#include <backends/reference/backend.hpp>
#include <ikebana/tensor/view.hpp>

namespace ikebana::reference {

template <class T, class S, int L>
void load_tile(backend, Tile<T, S, L> to, const T* rows, int count, std::size_t stride) {
    for (int lane = 0; lane < L; ++lane)
        for (std::size_t f = 0; f < S::size; ++f)
            to.data[f * L + static_cast<std::size_t>(lane)] =
                rows[(lane < count ? static_cast<std::size_t>(lane) : 0) * stride + f];
}

template <class T, class U, class S, int L>
void store_tile(backend, T* rows, int count, std::size_t stride, Tile<U, S, L> from) {
    for (int lane = 0; lane < count; ++lane)
        for (std::size_t f = 0; f < S::size; ++f)
            rows[static_cast<std::size_t>(lane) * stride + f] = from.data[f * L + static_cast<std::size_t>(lane)];
}

} // namespace ikebana::reference
