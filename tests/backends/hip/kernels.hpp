// Small kernels, right and wrong ones, for tests of the layer that runs them.
#pragma once
#include <backends/hip/runtime.hpp>

namespace ikebana::hip::test {

static __global__ void count_thread(int* runs) {
    const unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
    const unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
    runs[block * blockDim.x * blockDim.y * blockDim.z + thread] += 1;
}

/// out[t] = 1000 · block + the number of the thread three further, through shared memory, twice.
static __device__ void rotate_in(int* shared, int* out) {
    const unsigned t = threadIdx.x, n = blockDim.x;
    shared[t] = static_cast<int>(t);
    __syncthreads();
    const int two = shared[(t + 2) % n];
    __syncthreads();
    shared[t] = two;
    __syncthreads();
    out[blockIdx.x * n + t] = static_cast<int>(1000 * blockIdx.x) + shared[(t + 1) % n];
}
static __global__ void rotate(int* out) {
    __shared__ int shared[256];
    rotate_in(shared, out);
}
static __global__ void rotate_dynamic(int* out) { rotate_in(dynamic_shared<int>(), out); }

static __global__ void rotate_without_barrier(int* out) {
    __shared__ int shared[64];
    const unsigned t = threadIdx.x;
    shared[t] = static_cast<int>(t);
    out[t] = shared[(t + 63) % 64];
}

/// Every block the sum of all n numbers; threads are whole warps.
static __global__ void sum_by_shuffles(const int* x, int n, int* sums) {
    __shared__ int parts[32];
    int sum = 0;
    for (int i = static_cast<int>(threadIdx.x); i < n; i += static_cast<int>(blockDim.x)) sum += x[i];
    for (int m = 16; m > 0; m /= 2) sum += shuffle_xor(sum, m);
    if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = sum;
    __syncthreads();
    if (threadIdx.x == 0) {
        for (unsigned w = 1; w < blockDim.x / 32; ++w) sum += parts[w];
        sums[blockIdx.x] = sum;
    }
}
static __global__ void sum_by_atomics(const int* x, int n, int* sum) {
    const int first = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    for (int i = first; i < n; i += static_cast<int>(gridDim.x * blockDim.x)) atomicAdd(sum, x[i]);
}

static __global__ void swap_neighbours(int* out) { out[threadIdx.x] = shuffle_xor(static_cast<int>(threadIdx.x), 1); }

/// Only the first n threads come to the barrier.
static __global__ void diverges(int* out, int n) {
    if (static_cast<int>(threadIdx.x) < n) __syncthreads();
    out[threadIdx.x] = 1;
}
static __global__ void two_barriers(int* out) {
    if (threadIdx.x % 2 == 0)
        __syncthreads();
    else
        __syncthreads();
    out[threadIdx.x] = 1;
}
static __global__ void half_a_shuffle(int* out) {
    if (threadIdx.x % 2 == 0) out[threadIdx.x] = shuffle_xor(1, 2);
}
static __global__ void last_block_wins(int* out) { out[0] = static_cast<int>(blockIdx.x); }

} // namespace ikebana::hip::test
