// as_xtensor(x): what Ikebana holds as a tensor of xtensor, in place; opt-in. Whatever xtensor computes is assigned
// through it:
//   as_xtensor(batch.images) = xt::clip(images, 0, 1);
//   as_xtensor(get<0>(net.layer_parameters<7>())) *= 0.5f;                     a layer's weight, in its shape
//   xt::mean(as_xtensor(model.predict(images, workspace)), {0});               (N, outputs)
//   xt::norm_l2(as_xtensor(trainer.gradients()));                              (elements)
// The other way needs no header: a BatchTensor is made of any container or expression of xtensor, readers and networks
// take them as they are, without a copy if their elements are the network's numbers row by row.
#pragma once
#include <ikebana/tensor/batch_tensor.hpp>
#include <ikebana/tensor/view.hpp>
#include <xtensor/xadapt.hpp>

#include <span>

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

/// Valid as long as what it is seen through.
template <class T, int... N>
auto as_xtensor(View<T, Shape<N...>> x) {
    return xt::adapt(x.data, x.size, xt::no_ownership(), std::array<std::size_t, sizeof...(N)>{N...});
}
template <class T>
requires std::is_arithmetic_v<T>
auto as_xtensor(std::span<T> x) {
    return xt::adapt(x.data(), x.size(), xt::no_ownership(), std::array{x.size()});
}
/// Predictions, a row each.
template <class Row>
requires requires(const Row& row) { row.values.data(); }
auto as_xtensor(std::span<const Row> rows) {
    constexpr std::size_t N = Row::size();
    using T = typename decltype(Row::values)::value_type;
    static_assert(sizeof(Row) == N * sizeof(T));
    return xt::adapt(reinterpret_cast<const T*>(rows.data()), rows.size() * N, xt::no_ownership(),
                     std::array{rows.size(), N});
}

} // namespace ikebana
