// Sums and maxima, in an order fixed by shapes and the number of tiles: a block takes a channel of the whole batch, or
// a tile's features; its threads go through their shares in strides, then meet. See layers/primitives.hpp.
#pragma once
#include <backends/hip/assign.hpp>

namespace ikebana::hip {

/// Σ over the Threads threads of a block, for all of them.
template <int Threads = threads, class T>
__device__ T block_sum(T value) {
    __shared__ T parts[Threads / 32];
    for (int m = 16; m > 0; m /= 2) value += shuffle_xor(value, m);
    if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = value;
    __syncthreads();
    T sum = 0;
    for (const T part : parts) sum += part;
    __syncthreads(); // before the next sum's parts
    return sum;
}

/// Threads that share a channel's numbers. A channel is one block, and few blocks leave a GPU idle, so they are as many
/// as a block may have, unless a tile has fewer numbers.
template <class S>
inline constexpr int channel_threads = (places<S>) < 1024 / L ? threads : 1024;

/// Σ of e over a channel's places, lanes and tiles, for all threads of a block.
template <class T, class S, class E>
__device__ T channel_sum(const E& e, int channel, int tiles, std::ptrdiff_t step) {
    constexpr int size = places<S> * L;
    T sum = 0;
    for (int i = static_cast<int>(threadIdx.x); i < tiles * size; i += channel_threads<S>)
        sum += value_at<T>(e, position_in<S>(channel * size + i % size, i / size, step));
    return block_sum<channel_threads<S>>(sum);
}

// ---- over places, lanes and tiles: a block a channel

template <class S, class... T, class... E, std::size_t... K>
__device__ void channel_sums_at(int c, const std::tuple<T*...>& out, const std::tuple<E...>& from, int tiles,
                                std::ptrdiff_t step, bool add, std::index_sequence<K...>) {
    const std::tuple<T...> sums{channel_sum<T, S>(std::get<K>(from), c, tiles, step)...};
    if (threadIdx.x == 0) ((std::get<K>(out)[c] = (add ? std::get<K>(out)[c] : T(0)) + std::get<K>(sums)), ...);
}

template <class S, class Out, class From>
__global__ void __launch_bounds__(channel_threads<S>)
    channel_sums(Out out, From from, int tiles, std::ptrdiff_t step, bool add) {
    channel_sums_at<S>(static_cast<int>(blockIdx.x), out, from, tiles, step, add,
                       std::make_index_sequence<std::tuple_size_v<From>>{});
}

template <class S, class... T, class... E>
void launch_channel_sums(backend on, std::tuple<T*...> out, std::tuple<E...> from, std::ptrdiff_t step, bool add) {
    launch<channel_sums<S, std::tuple<T*...>, std::tuple<E...>>>(on.stream, dim3(channels<S>), dim3(channel_threads<S>),
                                                                 out, from, on.tiles, step, add);
}

template <class... T, class U, class S, Expression... E>
void per_channel_sums(backend on, Tile<U, S, L>, std::tuple<T*...> out, std::tuple<E...> from) {
    launch_channel_sums<S>(on, out, from, on.step_of<U>(), false);
}

/// db (C) += Σ over places, lanes and tiles of dy.
template <class T, class B, class U, class S>
void add_channel_sums(backend on, View<T, B> db, Tile<U, S, L> dy) {
    launch_channel_sums<S>(on, to(db.data), from(dy), on.step_of<U>(), true);
}

template <class S, class T, class U>
__global__ void __launch_bounds__(channel_threads<S>)
    moments(T* mean, T* m2, Tile<U, S, L> x, const T* mask, T n, int tiles, std::ptrdiff_t step) {
    const int c = static_cast<int>(blockIdx.x);
    const PerLane<T> present{mask};
    const T mu = channel_sum<T, S>(binary<functors::multiply>(x, present), c, tiles, step) / n;
    const auto d = binary<functors::multiply>(binary<functors::subtract>(x, mu), present);
    const T sum = channel_sum<T, S>(binary<functors::multiply>(d, d), c, tiles, step);
    if (threadIdx.x == 0) mean[c] = mu, m2[c] = sum;
}

/// Mean and Σ (x − mean)² of each channel over the places of all tiles' samples, which `samples` counts.
template <class T, class U, class S>
void channel_moments(backend on, T* mean, T* m2, Tile<U, S, L> x, const T* mask, int samples) {
    const T n = static_cast<T>(samples) * static_cast<T>(places<S>);
    launch<moments<S, T, U>>(on.stream, dim3(channels<S>), dim3(channel_threads<S>), mean, m2, x, mask, n, on.tiles,
                             on.step_of<T>());
}

// ---- over features: a block a tile, 32 lanes × 8 shares of the features

struct Add {
    template <class T>
    static constexpr T combine(T a, T b) {
        return a + b;
    }
};
struct Larger {
    template <class T>
    static constexpr T combine(T a, T b) {
        return a < b ? b : a;
    }
};

/// By a block, for tile t; out is there for all of its threads afterwards.
template <class S, class F, class T, class E>
__device__ void reduce_lanes(T* out, const E& e, int t, std::ptrdiff_t step) {
    constexpr int shares = threads / L, features = static_cast<int>(S::size);
    __shared__ T parts[shares][L];
    const int lane = static_cast<int>(threadIdx.x) % L, share = static_cast<int>(threadIdx.x) / L;
    const auto value = [&](int feature) { return value_at<T>(e, position_in<S>(feature * L + lane, t, step)); };
    T result = 0;
    if (share < features) result = value(share);
    for (int f = share + shares; f < features; f += shares) result = F::combine(result, value(f));
    parts[share][lane] = result;
    __syncthreads();
    if (share == 0) {
        for (int i = 1; i < shares && i < features; ++i) result = F::combine(result, parts[i][lane]);
        out[t * step + lane] = result;
    }
    __syncthreads();
}

template <class S, class F, class T, class E>
__global__ void lane_reduce(T* out, E e, std::ptrdiff_t step) {
    reduce_lanes<S, F>(out, e, static_cast<int>(blockIdx.x), step);
}

template <class T, class U, class S>
void per_lane_max(backend on, T* out, Tile<U, S, L> x) {
    launch<lane_reduce<S, Larger, T, Tile<U, S, L>>>(on.stream, dim3(static_cast<unsigned>(on.tiles)), dim3(threads),
                                                     out, x, on.step_of<T>());
}

template <class T, class U, class S, Expression E>
void per_lane_sum(backend on, T* out, Tile<U, S, L>, E e) {
    launch<lane_reduce<S, Add, T, E>>(on.stream, dim3(static_cast<unsigned>(on.tiles)), dim3(threads), out, e,
                                      on.step_of<T>());
}

// ---- over samples: one block

/// The mean over `count` samples of one number a lane is the step's cost (DeviceRun::end_forward), one of `means`.
template <class T>
__device__ void store_mean(double* means, const T* numbers, DeviceRun* run, int count, std::ptrdiff_t step) {
    double sum = 0;
    for (int i = static_cast<int>(threadIdx.x); i < count; i += threads)
        sum += static_cast<double>(numbers[i / L * step + i % L]);
    sum = block_sum(sum);
    if (threadIdx.x == 0) run->end_forward(means, sum / count);
}

template <class T>
__global__ void mean_over_samples(double* means, const T* numbers, DeviceRun* run, int count, std::ptrdiff_t step) {
    store_mean(means, numbers, run, count, step);
}

/// store_mean by a kernel of its own.
template <class T>
void mean_of_lanes(backend on, double* means, const T* numbers, int count) {
    launch<mean_over_samples<T>>(on.stream, dim3(1), dim3(threads), means, numbers, on.run, count, on.step_of<T>());
}

template <class S, class T>
__global__ void answers_of_samples(double* sums, int* classes, const T* costs, const T* labels, const T* z, int count,
                                   std::ptrdiff_t step) {
    double cost = 0, right = 0;
    for (int i = static_cast<int>(threadIdx.x); i < count; i += threads) {
        const std::ptrdiff_t at = i / L * step + i % L;
        int answer = 0; // the first of the largest
        for (int k = 1; k < static_cast<int>(S::size); ++k)
            if (z[at + answer * L] < z[at + k * L]) answer = k;
        if (classes) classes[i] = answer;
        cost += static_cast<double>(costs[at]);
        right += static_cast<T>(answer) == labels[at];
    }
    cost = block_sum(cost), right = block_sum(right);
    if (threadIdx.x == 0) sums[0] += cost, sums[1] += right;
}

/// To sums of costs and of right answers, those of `count` samples; the answers go to `classes`, unless it is null.
template <class T, class S>
void add_answers(backend on, double* sums, int* classes, const T* costs, const T* labels, Tile<const T, S, L> z,
                 int count) {
    launch<answers_of_samples<S, T>>(on.stream, dim3(1), dim3(threads), sums, classes, costs, labels, z.data, count,
                                     on.step_of<T>());
}

} // namespace ikebana::hip
