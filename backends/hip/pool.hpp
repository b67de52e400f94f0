// Max and average pooling, a thread an element: of y forward, of dx backward, where it gathers from the windows that
// hold its place, in their order. See layers/primitives.hpp.
#pragma once
#include <backends/hip/assign.hpp>
#include <ikebana/layers/primitives.hpp>

namespace ikebana::hip {

/// The element of a tile of shape S that a thread stands for: where it lies, and its coordinates.
template <class S>
struct Element {
    bool inside;
    int channel, row, column, lane;
    std::ptrdiff_t tile; // where its tile begins
    std::ptrdiff_t index;

    __device__ static Element here(std::ptrdiff_t step) {
        const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x), feature = i / L;
        constexpr int H = S::sizes[1], W = S::sizes[2];
        const std::ptrdiff_t tile = static_cast<std::ptrdiff_t>(blockIdx.y) * step;
        return {
            i < static_cast<int>(S::size) * L, feature / (H * W), feature / W % H, feature % W, i % L, tile, tile + i};
    }
    /// Element (row, column) of the same channel, lane and tile of another shape.
    template <class Other>
    __device__ std::ptrdiff_t in(int r, int c) const {
        return tile + ((channel * Other::sizes[1] + r) * Other::sizes[2] + c) * L + lane;
    }
};

template <class S, auto Kernel, class... A>
void launch_elements(backend on, A... arguments) {
    launch<Kernel>(on.stream, dim3(blocks_for(S::size * L), static_cast<unsigned>(on.tiles)), dim3(threads),
                   arguments...);
}

template <class G, class T>
__global__ void max_pool_y(T* y, T* argmax, const T* x, std::ptrdiff_t step) {
    const auto e = Element<typename G::output>::here(step);
    if (!e.inside) return;
    T best = 0, place = -1;
    for (int r = 0; r < G::R; ++r)
        for (int s = 0; s < G::R; ++s) {
            const int h = e.row * G::stride + r - G::padding, w = e.column * G::stride + s - G::padding;
            if (h < 0 || h >= G::H || w < 0 || w >= G::W) continue;
            const T v = x[e.template in<typename G::input>(h, w)];
            if (place < T(0) || v > best || v != v) best = v, place = static_cast<T>(r * G::R + s);
        }
    y[e.index] = best;
    argmax[e.index] = place;
}

template <class G, class T>
__global__ void average_pool_y(T* y, const T* x, std::ptrdiff_t step) {
    const auto e = Element<typename G::output>::here(step);
    if (!e.inside) return;
    T sum = 0;
    for (int r = 0; r < G::R; ++r)
        for (int s = 0; s < G::R; ++s) {
            const int h = e.row * G::stride + r - G::padding, w = e.column * G::stride + s - G::padding;
            if (h >= 0 && h < G::H && w >= 0 && w < G::W) sum += x[e.template in<typename G::input>(h, w)];
        }
    y[e.index] = sum / T(G::R * G::R);
}

/// dx = Σ of dy over the windows that hold the place; with an argmax, over those it won.
template <class G, class T>
__global__ void pool_dx(T* dx, const T* dy, const T* argmax, std::ptrdiff_t step) {
    const auto e = Element<typename G::input>::here(step);
    if (!e.inside) return;
    T sum = 0;
    for (int r = G::R - 1; r >= 0; --r)
        for (int s = G::R - 1; s >= 0; --s) {
            const int p = e.row + G::padding - r, q = e.column + G::padding - s; // times the stride
            if (p < 0 || p % G::stride != 0 || p / G::stride >= G::P) continue;
            if (q < 0 || q % G::stride != 0 || q / G::stride >= G::Q) continue;
            const std::ptrdiff_t from = e.template in<typename G::output>(p / G::stride, q / G::stride);
            if (!argmax)
                sum += dy[from] / T(G::R * G::R);
            else if (argmax[from] == static_cast<T>(r * G::R + s))
                sum += dy[from];
        }
    dx[e.index] = sum;
}

template <class G, class Y, class X>
void max_pool_forward(backend on, G, Y y, X x, typename Y::element* argmax) {
    using T = number_of<Y>;
    launch_elements<typename G::output, max_pool_y<G, T>>(on, y.data, argmax, static_cast<const T*>(x.data),
                                                          on.step_of<T>());
}

template <class G, class DX, class DY>
void max_pool_backward(backend on, G, DX dx, DY dy, const typename DX::element* argmax) {
    using T = number_of<DX>;
    launch_elements<typename G::input, pool_dx<G, T>>(on, dx.data, static_cast<const T*>(dy.data), argmax,
                                                      on.step_of<T>());
}

template <class G, class Y, class X>
void average_pool_forward(backend on, G, Y y, X x) {
    using T = number_of<Y>;
    launch_elements<typename G::output, average_pool_y<G, T>>(on, y.data, static_cast<const T*>(x.data),
                                                              on.step_of<T>());
}

template <class G, class DX, class DY>
void average_pool_backward(backend on, G, DX dx, DY dy) {
    using T = number_of<DX>;
    launch_elements<typename G::input, pool_dx<G, T>>(on, dx.data, static_cast<const T*>(dy.data),
                                                      static_cast<const T*>(nullptr), on.step_of<T>());
}

} // namespace ikebana::hip
