// A loss in one kernel: in_block is a tag like backend, whose assign and reductions the calling block does on a tile of
// its own. Launched one by one they take longer than so little work; cross-entropy's are six.
#pragma once
#include <backends/hip/reduce.hpp>

namespace ikebana::hip {

/// A block of `threads`, its tile, and how many numbers lie from a tile's memory to the next one's. All threads make
/// each call, and find its results afterwards.
struct in_block {
    int tile;
    std::ptrdiff_t step;
};

template <class T, class S, Expression E>
__device__ void assign(in_block on, Tile<T, S, L> to, E e) {
    using V = typename compute_type<T>::type;
    for (int i = static_cast<int>(threadIdx.x); i < static_cast<int>(S::size) * L; i += threads) {
        const Position p = position_in<S>(i, on.tile, on.step);
        ikebana::store(to.data + p.index, value_at<V>(e, p));
    }
    __syncthreads();
}

template <class T, class U, class S>
__device__ void per_lane_max(in_block on, T* out, Tile<U, S, L> x) {
    reduce_lanes<S, Larger>(out, x, on.tile, on.step);
}
template <class T, class U, class S, Expression E>
__device__ void per_lane_sum(in_block on, T* out, Tile<U, S, L>, E e) {
    reduce_lanes<S, Add>(out, e, on.tile, on.step);
}

/// Features of a tile that a block goes through alone; of more, several blocks take a share.
inline constexpr int most_in_a_block = 128;

template <class Loss, class T, class DZ, class Z>
__global__ void __launch_bounds__(threads)
    loss_of_tiles(T* cost, DZ dz, Z z, const T* labels, const T* mask, T scale, T* scratch, std::ptrdiff_t step) {
    Loss::evaluate(in_block{static_cast<int>(blockIdx.x), step}, cost, dz, z, labels, mask, scale, scratch);
}

/// Tiles whose losses one block takes, as their mean is then found without another launch.
inline constexpr int few_tiles = 4;

template <class Loss, class T, class DZ, class Z>
__global__ void __launch_bounds__(threads)
    loss_of_few(double* means, DeviceRun* run, int count, int tiles, T* cost, DZ dz, Z z, const T* labels,
                const T* mask, T scale, T* scratch, std::ptrdiff_t step) {
    for (int t = 0; t < tiles; ++t) Loss::evaluate(in_block{t, step}, cost, dz, z, labels, mask, scale, scratch);
    store_mean(means, static_cast<const T*>(cost), run, count, step);
}

template <class Loss, class Z>
inline constexpr bool takes_a_kernel =
    requires { requires Loss::runs_in_a_kernel; } && Z::shape::size <= most_in_a_block;

/// See network/device.hpp.
template <class Loss, class T, class DZ, class Z>
void evaluate_loss(backend on, T* cost, DZ dz, Z z, const T* labels, const T* mask, T scale, T* scratch) {
    if constexpr (takes_a_kernel<Loss, Z>)
        launch<loss_of_tiles<Loss, T, DZ, Z>>(on.stream, dim3(static_cast<unsigned>(on.tiles)), dim3(threads), cost, dz,
                                              z, labels, mask, scale, scratch, on.step_of<T>());
    else
        Loss::evaluate(on, cost, dz, z, labels, mask, scale, scratch);
}
template <class Loss, class T, class DZ, class Z>
void evaluate_loss_and_mean(backend on, double* means, int count, T* cost, DZ dz, Z z, const T* labels, const T* mask,
                            T scale, T* scratch) {
    if constexpr (takes_a_kernel<Loss, Z>)
        if (on.tiles <= few_tiles)
            return launch<loss_of_few<Loss, T, DZ, Z>>(on.stream, dim3(1), dim3(threads), means, on.run, count,
                                                       on.tiles, cost, dz, z, labels, mask, scale, scratch,
                                                       on.step_of<T>());
    evaluate_loss<Loss>(on, cost, dz, z, labels, mask, scale, scratch);
    mean_of_lanes(on, means, static_cast<const T*>(cost), count);
}

} // namespace ikebana::hip
