// as_xtensor(x): a BatchTensor as a tensor of xtensor, in place; opt-in. Whatever xtensor computes is assigned through
// it:
//   as_xtensor(batch.images) = xt::clip(images, 0, 1);
// The other way needs no header: a BatchTensor is made of any container or expression of xtensor, readers and networks
// take them as they are.
#pragma once
#include <ikebana/tensor/batch_tensor.hpp>
#include <xtensor/xadapt.hpp>

namespace ikebana {

/// Valid until x is resized.
template <class T, std::size_t Rank>
auto as_xtensor(BatchTensor<T, Rank>& x) {
    return xt::adapt(x.data(), x.size(), xt::no_ownership(), x.shape());
}
template <class T, std::size_t Rank>
auto as_xtensor(const BatchTensor<T, Rank>& x) {
    return xt::adapt(x.data(), x.size(), xt::no_ownership(), x.shape());
}

} // namespace ikebana
