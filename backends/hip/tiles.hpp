// Rows of samples to tiles and back: blocks of 32 samples × 32 features are turned in shared memory, so that reads and
// writes both follow each other. See layers/primitives.hpp; `count` is that of all tiles.
#pragma once
#include <backends/hip/backend.hpp>
#include <ikebana/tensor/view.hpp>

#include <algorithm>

namespace ikebana::hip {

/// Grid: blocks of 32 features, tiles; threads 32 × 8.
template <class S, class T>
__global__ void rows_to_tiles(T* to, const T* rows, int count, std::size_t stride, std::ptrdiff_t step) {
    __shared__ T turned[L][L + 1];
    constexpr int features = static_cast<int>(S::size), shares = threads / L;
    const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
    const int f0 = static_cast<int>(blockIdx.x) * L, tile = static_cast<int>(blockIdx.y);
    for (int lane = y; lane < L && f0 + x < features; lane += shares) {
        const int sample = tile * L + lane < count ? tile * L + lane : tile * L;
        turned[lane][x] = rows[static_cast<std::size_t>(sample) * stride + static_cast<std::size_t>(f0 + x)];
    }
    __syncthreads();
    for (int f = y; f < L && f0 + f < features; f += shares) to[tile * step + (f0 + f) * L + x] = turned[x][f];
}

/// rows_to_tiles of samples that are taken from where they lie, each number U converted to T; and their labels and
/// mask, a number a lane. All threads together also set zeroed[0 … n−1] to 0.
template <class S, class T, class U>
__global__ void samples_to_tiles(T* to, T* labels, T* mask, DeviceSamples<U> from, const DeviceStep* now, int batch,
                                 int count, std::ptrdiff_t step, T* zeroed, std::size_t n) {
    __shared__ T turned[L][L + 1];
    if (now->stopped) return; // all threads do: what the host looks for a cause in stays
    constexpr int features = static_cast<int>(S::size), shares = threads / L;
    const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
    const int f0 = static_cast<int>(blockIdx.x) * L, tile = static_cast<int>(blockIdx.y);
    const std::size_t block = blockIdx.y * gridDim.x + blockIdx.x, all = std::size_t{gridDim.x} * gridDim.y * threads;
    for (std::size_t i = block * threads + threadIdx.y * L + threadIdx.x; i < n; i += all) zeroed[i] = T(0);
    const auto number = [&](int lane) {
        const int sample = tile * L + lane < count ? tile * L + lane : tile * L;
        return from.number(*now, static_cast<std::size_t>(batch), static_cast<std::size_t>(sample));
    };
    for (int lane = y; lane < L && f0 + x < features; lane += shares) {
        turned[lane][x] = static_cast<T>(from.images[number(lane) * S::size + static_cast<std::size_t>(f0 + x)]);
    }
    if (f0 == 0 && y == 0) {
        const bool present = tile * L + x < count;
        labels[tile * step + x] = present ? static_cast<T>(from.labels[number(x)]) : T(-1);
        mask[tile * step + x] = present ? T(1) : T(0);
    }
    __syncthreads();
    for (int f = y; f < L && f0 + f < features; f += shares) to[tile * step + (f0 + f) * L + x] = turned[x][f];
}

template <class S, class T>
__global__ void tiles_to_rows(T* rows, const T* from, int count, std::size_t stride, std::ptrdiff_t step) {
    __shared__ T turned[L][L + 1];
    constexpr int features = static_cast<int>(S::size), shares = threads / L;
    const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
    const int f0 = static_cast<int>(blockIdx.x) * L, tile = static_cast<int>(blockIdx.y);
    for (int f = y; f < L && f0 + f < features; f += shares) turned[x][f] = from[tile * step + (f0 + f) * L + x];
    __syncthreads();
    for (int lane = y; lane < L && tile * L + lane < count && f0 + x < features; lane += shares)
        rows[static_cast<std::size_t>(tile * L + lane) * stride + static_cast<std::size_t>(f0 + x)] = turned[lane][x];
}

template <class T, class S>
void load_tile(backend on, Tile<T, S, L> to, const T* rows, int count, std::size_t stride) {
    launch<rows_to_tiles<S, T>>(on.stream, dim3(blocks_for(S::size, L), static_cast<unsigned>(on.tiles)),
                                dim3(L, threads / L), to.data, rows, count, stride, on.step_of<T>());
}

/// count samples of a batch, which has `batch` of them unless it is the last, with labels and mask. zeroed[0 … n−1]
/// become 0: where the samples make few blocks, more are added for that.
template <class T, class S, class U>
void load_samples(backend on, Tile<T, S, L> to, T* labels, T* mask, DeviceSamples<U> from, int batch, int count,
                  T* zeroed = nullptr, std::size_t n = 0) {
    const auto tiles = static_cast<unsigned>(on.tiles);
    const unsigned samples = blocks_for(S::size, L), zeros = std::min<unsigned>(blocks_for(n), busy_blocks) / tiles;
    launch<samples_to_tiles<S, T, U>>(on.stream, dim3(std::max(samples, zeros), tiles), dim3(L, threads / L), to.data,
                                      labels, mask, from, &on.run->forward, batch, count, on.step_of<T>(), zeroed, n);
}

template <class T, class U, class S>
void store_tile(backend on, T* rows, int count, std::size_t stride, Tile<U, S, L> from) {
    launch<tiles_to_rows<S, T>>(on.stream, dim3(blocks_for(S::size, L), static_cast<unsigned>(on.tiles)),
                                dim3(L, threads / L), rows, static_cast<const T*>(from.data), count, stride,
                                on.step_of<T>());
}

} // namespace ikebana::hip
