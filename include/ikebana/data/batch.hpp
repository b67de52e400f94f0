// Batch: what a training step is given. A user may fill one from any expression of xtensor (tensor/batch_tensor.hpp).
#pragma once
#include <ikebana/tensor/batch_tensor.hpp>

namespace ikebana {

struct Batch {
    BatchTensor<float, 4> images; // (N, C, H, W)
    BatchTensor<int, 1> labels;   // (N), 0 … classes−1

    std::size_t size() const { return labels.size(); }

    /// Room for n samples of shape S = Shape<C,H,W>; what is held stays as it is.
    template <class S>
    void reserve(std::size_t n) {
        images.reserve(n * S::size);
        labels.reserve(n);
    }

    /// n samples of shape S = Shape<C,H,W>, their values unspecified.
    template <class S>
    void resize(std::size_t n) {
        static_assert(S::rank == 3, "a batch holds images: Shape<C,H,W>");
        constexpr std::size_t C = S::sizes[0], H = S::sizes[1], W = S::sizes[2];
        images.resize(std::array<std::size_t, 4>{n, C, H, W});
        labels.resize(std::array<std::size_t, 1>{n});
    }
};

} // namespace ikebana
