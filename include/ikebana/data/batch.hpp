// Batch: what a training step is given. Containers are xtensor's, so a user may fill one from any xtensor expression.
// Their storage is a std::vector, which keeps its memory when a short last batch makes it smaller: xtensor's default
// storage allocates at each change of size, and nothing may be allocated while a pass runs.
#pragma once
#include <vector>
#include <xtensor/xtensor.hpp>

namespace ikebana {

/// A dense row-major xtensor of fixed rank that allocates only when it outgrows what it held before.
template <class T, std::size_t Rank>
using BatchTensor = xt::xtensor_container<std::vector<T>, Rank, xt::layout_type::row_major>;

struct Batch {
    BatchTensor<float, 4> images; // (N, C, H, W)
    BatchTensor<int, 1> labels;   // (N), 0 … classes−1

    std::size_t size() const { return labels.size(); }

    /// Room for n samples of shape S = Shape<C,H,W>; what is held stays as it is.
    template <class S>
    void reserve(std::size_t n) {
        images.storage().reserve(n * S::size);
        labels.storage().reserve(n);
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
