// Evaluation of expressions by kernels, a thread an element. See tensor/assign.hpp.
#pragma once
#include <backends/hip/backend.hpp>
#include <ikebana/tensor/assign.hpp>

namespace ikebana::hip {

/// Element i of tile t of shape S.
template <class S>
__device__ Position position_in(int i, int t, std::ptrdiff_t step) {
    const int feature = i / L;
    const std::ptrdiff_t at = t * step;
    return {static_cast<std::size_t>(at + i), feature, feature / places<S>, at + i % L};
}

/// Grid: elements of a tile, tiles.
template <class S, class T, class E>
__global__ void assign_tiles(T* to, E e, std::ptrdiff_t step) {
    using V = typename compute_type<T>::type;
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (i >= static_cast<int>(S::size) * L) return;
    const Position p = position_in<S>(i, static_cast<int>(blockIdx.y), step);
    ikebana::store(to + p.index, value_at<V>(e, p));
}

template <class T, class S, Expression E>
void assign(backend on, Tile<T, S, L> to, E e) {
    const dim3 grid(blocks_for(S::size * L), static_cast<unsigned>(on.tiles));
    launch<assign_tiles<S, T, E>>(on.stream, grid, dim3(threads), to.data, e, on.step_of<T>());
}

template <class... T, class... E, std::size_t... K>
__device__ void assign_at(Position p, const std::tuple<T*...>& to, const std::tuple<E...>& from,
                          std::index_sequence<K...>) {
    const std::tuple<typename compute_type<T>::type...> values{
        value_at<typename compute_type<T>::type>(std::get<K>(from), p)...};
    (ikebana::store(std::get<K>(to) + p.index, std::get<K>(values)), ...);
}

template <class To, class From>
__global__ void assign_flat(std::size_t n, To to, From from) {
    const Position p{std::size_t{blockIdx.x} * blockDim.x + threadIdx.x};
    if (p.index < n) assign_at(p, to, from, std::make_index_sequence<std::tuple_size_v<From>>{});
}

template <class... T, Expression... E>
void assign(backend on, std::size_t n, std::tuple<T*...> to, std::tuple<E...> from) {
    if (n > 0)
        launch<assign_flat<std::tuple<T*...>, std::tuple<E...>>>(on.stream, dim3(blocks_for(n)), dim3(threads), n, to,
                                                                 from);
}

} // namespace ikebana::hip
