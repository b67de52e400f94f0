// Depthwise convolution, whose windows are pooling's: a thread an element, of y forward, of dx backward, where it
// gathers. x (C,H,W), y (C,P,Q), w (C,1,R,R), b (C). dw: a block a channel and tile, whose threads go through the
// places of y and keep a sum for each tap; tiles' shares are then added in order. See layers/primitives.hpp.
#pragma once
#include <backends/hip/multiply.hpp>
#include <backends/hip/pool.hpp>
#include <backends/hip/reduce.hpp>

namespace ikebana::hip {

/// Each tile's share of dw.
template <class G, class T>
constexpr std::size_t depthwise_scratch_bytes(backend, G, T) {
    return G::weights::size * sizeof(T);
}

template <class G, class T>
__global__ void depthwise_y(T* y, const T* x, const T* w, const T* b, std::ptrdiff_t step) {
    const auto e = Element<typename G::output>::here(step);
    if (!e.inside) return;
    T sum = b ? b[e.channel] : T(0);
    for (int r = 0; r < G::R; ++r)
        for (int s = 0; s < G::R; ++s) {
            const int h = e.row * G::stride + r - G::padding, v = e.column * G::stride + s - G::padding;
            if (h < 0 || h >= G::H || v < 0 || v >= G::W) continue;
            sum += w[(e.channel * G::R + r) * G::R + s] * x[e.template in<typename G::input>(h, v)];
        }
    y[e.index] = sum;
}

template <class G, class T>
__global__ void depthwise_dx(T* dx, const T* dy, const T* w, std::ptrdiff_t step) {
    const auto e = Element<typename G::input>::here(step);
    if (!e.inside) return;
    T sum = 0;
    for (int r = G::R - 1; r >= 0; --r)
        for (int s = G::R - 1; s >= 0; --s) {
            const int p = e.row + G::padding - r, q = e.column + G::padding - s; // times the stride
            if (p < 0 || p % G::stride != 0 || p / G::stride >= G::P) continue;
            if (q < 0 || q % G::stride != 0 || q / G::stride >= G::Q) continue;
            sum += w[(e.channel * G::R + r) * G::R + s] *
                   dy[e.template in<typename G::output>(p / G::stride, q / G::stride)];
        }
    dx[e.index] = sum;
}

/// Grid: channels, tiles. Tile t's share lies in its scratch.
template <class G, class T>
__global__ void depthwise_dw(T* shares, const T* dy, const T* x, std::ptrdiff_t step) {
    constexpr int size = G::P * G::Q * L, taps = G::R * G::R;
    const int channel = static_cast<int>(blockIdx.x);
    const std::ptrdiff_t tile = static_cast<std::ptrdiff_t>(blockIdx.y) * step;
    const T *from = dy + tile + channel * size, *image = x + tile + channel * (G::H * G::W * L);
    T sums[taps]{};
    for (int i = static_cast<int>(threadIdx.x); i < size; i += threads) {
        const int lane = i % L, q = i / L % G::Q, p = i / (L * G::Q);
        const T gradient = from[i];
        for (int r = 0; r < G::R; ++r)
            for (int s = 0; s < G::R; ++s) {
                const int h = p * G::stride + r - G::padding, v = q * G::stride + s - G::padding;
                if (h < 0 || h >= G::H || v < 0 || v >= G::W) continue;
                sums[r * G::R + s] += gradient * image[(h * G::W + v) * L + lane];
            }
    }
    for (int tap = 0; tap < taps; ++tap) {
        const T sum = block_sum(sums[tap]);
        if (threadIdx.x == 0) shares[tile + channel * taps + tap] = sum;
    }
}

template <class G, class Y, class X, class W, class B>
void depthwise_forward(backend on, G, Y y, X x, W w, B b, std::byte*) {
    using T = number_of<Y>;
    launch_elements<typename G::output, depthwise_y<G, T>>(
        on, y.data, static_cast<const T*>(x.data), static_cast<const T*>(w.data), bias_data<T>(b), on.step_of<T>());
}

template <class G, class DX, class DW, class DY, class X, class W>
void depthwise_backward(backend on, G, DX dx, DW dw, DY dy, X x, W w, std::byte* scratch) {
    using T = number_of<X>;
    const T* gradient = dy.data;
    if constexpr (!is_nothing<DW>) {
        T* shares = reinterpret_cast<T*>(scratch);
        launch<depthwise_dw<G, T>>(on.stream, dim3(G::C, static_cast<unsigned>(on.tiles)), dim3(threads), shares,
                                   gradient, static_cast<const T*>(x.data), on.step_of<T>());
        assign(on, G::weights::size, dw.data,
               dw + SumOfArrays<T>{shares, static_cast<std::size_t>(on.step_of<T>()), on.tiles});
    }
    if constexpr (!is_nothing<DX>)
        launch_elements<typename G::input, depthwise_dx<G, T>>(on, dx.data, gradient, static_cast<const T*>(w.data),
                                                               on.step_of<T>());
}

} // namespace ikebana::hip
