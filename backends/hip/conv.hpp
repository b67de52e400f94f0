// Convolution as implicit GEMM: the matrix product of multiply.hpp, one operand gathered from the image as it is read,
// so that no matrix of patches is ever written. x (C,H,W), y (K,P,Q), w (K,C,R,S), b (K), all tiles at once:
//   y     rows K, a column for each place of y and sample, depth C·R·S
//   dw    rows K, columns C·R·S, depth: all places of y and samples; a tile a share, then shares are added in order
//   dx    rows C, a column for each place of x and sample, depth K·R·S
// See layers/primitives.hpp.
#pragma once
#include <backends/hip/multiply.hpp>
#include <backends/hip/reduce.hpp>
#include <ikebana/layers/primitives.hpp>

namespace ikebana::hip {

/// Each tile's share of dw.
template <class G, class T>
constexpr std::size_t conv_scratch_bytes(backend, G, T) {
    return G::weights::size * sizeof(T);
}
template <class G, class T>
constexpr std::size_t conv_packed_size(backend, G, T) {
    return 0;
}
template <class G, class T, class W>
void conv_pack(backend, G, T*, W) {}

/// Tap (c, r, s) as one number, and column (tile, p, q, lane) of y: the number of x under that tap, 0 outside.
template <class G, class T>
struct Patches {
    const T* x;
    std::ptrdiff_t step;
    __device__ T number(int tap, int column) const {
        constexpr int size = G::P * G::Q * L;
        const int s = tap % G::S, r = tap / G::S % G::R, c = tap / (G::S * G::R);
        const int lane = column % L, q = column / L % G::Q, p = column / (L * G::Q) % G::P;
        const int h = p * G::stride + r - G::padding, w = q * G::stride + s - G::padding;
        if (h < 0 || h >= G::H || w < 0 || w >= G::W) return T(0);
        return x[column / size * step + ((c * G::H + h) * G::W + w) * L + lane];
    }
};
template <class G, class T>
struct PatchesByColumns : Patches<G, T> {
    static constexpr bool along_depth = false;
    __device__ T operator()(int k, int n) const { return this->number(k, n); }
};
template <class G, class T>
struct PatchesOverColumns : Patches<G, T> {
    static constexpr bool along_depth = true;
    __device__ T operator()(int k, int n) const { return this->number(n, k); }
};

/// Row c, depth (k, r, s): w[k][c][r][s].
template <class G, class T>
struct TurnedWeights {
    static constexpr bool along_depth = true;
    const T* w;
    __device__ T operator()(int c, int tap) const {
        return w[(tap / (G::R * G::S) * G::C + c) * (G::R * G::S) + tap % (G::R * G::S)];
    }
};

/// Depth (k, r, s), column (tile, h, w, lane) of x: the number of dy that tap (r, s) joins to that place, or 0.
template <class G, class T>
struct GradientPatches {
    static constexpr bool along_depth = false;
    const T* dy;
    std::ptrdiff_t step;
    __device__ T operator()(int tap, int column) const {
        constexpr int size = G::H * G::W * L;
        const int s = tap % G::S, r = tap / G::S % G::R, k = tap / (G::S * G::R);
        const int lane = column % L, w = column / L % G::W, h = column / (L * G::W) % G::H;
        const int p = h + G::padding - r, q = w + G::padding - s; // times the stride
        if (p < 0 || p % G::stride != 0 || p / G::stride >= G::P) return T(0);
        if (q < 0 || q % G::stride != 0 || q / G::stride >= G::Q) return T(0);
        return dy[column / size * step + ((k * G::P + p / G::stride) * G::Q + q / G::stride) * L + lane];
    }
};

/// Share t of a gradient goes to tile t's scratch.
template <class T, int Columns>
struct ToShares {
    T* data;
    std::ptrdiff_t step;
    __device__ void store(int m, int n, int share, T sum) const { data[share * step + m * Columns + n] = sum; }
};

template <class G, class Y, class X, class W, class B>
void conv_forward(backend on, G, Y y, X x, W w, B b, const number_of<X>*, std::byte*) {
    using T = number_of<X>;
    constexpr int places = G::P * G::Q, taps = G::C * G::R * G::S;
    launch_multiply<T, G::K, batch_columns>(
        on, Matrix<T, taps>{w.data}, PatchesByColumns<G, T>{{x.data, on.step_of<T>()}},
        ToColumns<T, places>{{y.data, on.step_of<T>()}, bias_data<T>(b)}, on.tiles * places * L, taps);
}

template <class G, class DX, class DW, class DY, class X, class W>
void conv_backward(backend on, G, DX dx, DW dw, DY dy, X x, W w, const number_of<X>*, std::byte* scratch) {
    using T = number_of<X>;
    constexpr int places = G::P * G::Q, taps = G::C * G::R * G::S;
    if constexpr (!is_nothing<DW>) {
        T* shares = reinterpret_cast<T*>(scratch);
        launch_multiply<T, G::K, taps>(on, OverColumnsLeft<T, places>{{dy.data, on.step_of<T>()}},
                                       PatchesOverColumns<G, T>{{x.data, on.step_of<T>()}},
                                       ToShares<T, taps>{shares, on.step_of<T>()}, taps, on.tiles * places * L,
                                       on.tiles);
        assign(on, G::weights::size, dw.data,
               dw + SumOfArrays<T>{shares, static_cast<std::size_t>(on.step_of<T>()), on.tiles});
    }
    if constexpr (!is_nothing<DX>) {
        constexpr int inputs = G::H * G::W;
        launch_multiply<T, G::C, batch_columns>(
            on, TurnedWeights<G, T>{w.data}, GradientPatches<G, T>{dy.data, on.step_of<T>()},
            ToColumns<T, inputs>{{dx.data, on.step_of<T>()}, nullptr}, on.tiles * inputs * L, G::K * G::R * G::S);
    }
}

} // namespace ikebana::hip
