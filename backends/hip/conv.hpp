// Convolution as implicit GEMM: the matrix product of multiply.hpp, one operand gathered from the image as it is read,
// so that no matrix of patches is ever written. x (C,H,W), y (K,P,Q), w (K,C,R,S), b (K), all tiles at once:
//   y     rows K, a column for each place of y and sample, depth C·R·S
//   dw    rows K, columns C·R·S, depth: all places of y and samples; in shares, added in a fixed order
//   dx    rows C, a column for each place of x and sample, depth K·R·S
// With a W×W max pool and an activation f behind it (conv_pool_*, W = 1: no pool), columns come window by window: a
// thread holds a window's four sums and stores f(their maximum) and which won; on the way back dz is read as if it were
// spread to the winners. y is never written then. See layers/primitives.hpp.
#pragma once
#include <backends/hip/multiply.hpp>
#include <backends/hip/reduce.hpp>
#include <ikebana/layers/conv_pool.hpp>
#include <ikebana/layers/primitives.hpp>

#include <algorithm>

namespace ikebana::hip {

/// dw has few numbers, each the sum of many products: shares of the sum keep a GPU busy. They lie in the tiles'
/// scratch; a tile has room for several, in 512 KiB, so that small batches have them, too.
template <class G, class T>
struct WeightShares {
    static constexpr int K = G::K, taps = G::C * G::R * G::S;
    static constexpr Blocking blocking = blocking_for(K, taps, 1, unit_of<core_of<T>>);
    static constexpr int blocks = static_cast<int>(blocks_for(K, blocking.m()) * blocks_for(taps, blocking.n()));
    static constexpr int wanted = std::max(1, busy_blocks / blocks);
    static constexpr std::size_t bytes = G::weights::size * sizeof(T), most_bytes = 512 * 1024;
    static constexpr int of_a_tile = std::clamp(wanted / 2, 1, std::max(1, static_cast<int>(most_bytes / bytes)));
};

template <class G, class T>
constexpr std::size_t conv_scratch_bytes(backend, G, T) {
    return WeightShares<G, T>::of_a_tile * WeightShares<G, T>::bytes;
}
template <class G, class T>
constexpr std::size_t conv_pool_scratch_bytes(backend on, G, int, T) {
    return conv_scratch_bytes(on, G{}, T{});
}
template <class G, class T>
constexpr std::size_t conv_packed_size(backend, G, T) {
    return 0;
}
template <class G, class T, class W>
void conv_pack(backend, G, T*, W) {}

/// A column of y: a sample, and a place by the window that holds it. Places that no whole window holds have none.
template <class G, int W>
struct Place {
    static constexpr int P = G::P / W, Q = G::Q / W, windows = P * Q;
    static constexpr int size = windows * W * W * L; // columns of a tile

    int tile, window, inner, lane;

    __device__ explicit Place(int column)
        : tile(column / size), window(column / (W * W * L) % windows), inner(column / L % (W * W)), lane(column % L) {}
    __device__ int p() const { return window / Q * W + inner / W; }
    __device__ int q() const { return window % Q * W + inner % W; }
    /// Where window `w`'s number of filter k lies, in what leaves the pool.
    static __device__ std::ptrdiff_t pooled(int k, int t, int w, int lane_of, std::ptrdiff_t step) {
        return t * step + (k * windows + w) * L + lane_of;
    }
};

/// A number's place in memory (Tap: from there), and its row and column in an image.
struct InImage {
    std::ptrdiff_t at;
    int row, column;
};
struct Tap {
    int at, row, column;
};
/// Tap (channel, r, s) of a kernel as one number; its channel has `size` numbers.
template <class G>
__device__ Tap tap_of(int tap, int size) {
    return {tap / (G::R * G::S) * size, tap / G::S % G::R, tap % G::S};
}

/// Tap (c, r, s) as one number, and a column of y: the number of x under that tap, 0 outside.
template <class G, class T, int W>
struct Patches {
    const T* x;
    std::ptrdiff_t step;
    /// x's place and number under tap (0, 0, 0).
    __device__ InImage corner(int column) const {
        const Place<G, W> at(column);
        const int h = at.p() * G::stride - G::padding, w = at.q() * G::stride - G::padding;
        return {at.tile * step + (h * G::W + w) * L + at.lane, h, w};
    }
    __device__ Tap tap(int number) const {
        Tap tap = tap_of<G>(number, G::H * G::W * L);
        tap.at += (tap.row * G::W + tap.column) * L;
        return tap;
    }
    __device__ T number(InImage corner, Tap tap) const {
        const int h = corner.row + tap.row, w = corner.column + tap.column;
        if (G::padding > 0 && (h < 0 || h >= G::H || w < 0 || w >= G::W)) return T(0);
        return x[corner.at + tap.at];
    }
};
template <class G, class T, int W>
struct PatchesByColumns : Patches<G, T, W> {
    static constexpr bool along_depth = false;
    __device__ InImage outer(int n) const { return this->corner(n); }
    __device__ Tap inner(int k) const { return this->tap(k); }
    __device__ T operator()(InImage n, Tap k) const { return this->number(n, k); }
};
template <class G, class T, int W>
struct PatchesOverColumns : Patches<G, T, W> {
    static constexpr bool along_depth = true;
    __device__ Tap outer(int n) const { return this->tap(n); }
    __device__ InImage inner(int k) const { return this->corner(k); }
    __device__ T operator()(Tap n, InImage k) const { return this->number(k, n); }
};

/// Row c, depth (k, r, s): w[k][c][r][s].
template <class G, class T>
struct TurnedWeights {
    static constexpr bool along_depth = true;
    const T* w;
    __device__ int outer(int c) const { return c * (G::R * G::S); }
    __device__ int inner(int tap) const { return tap / (G::R * G::S) * (G::C * G::R * G::S) + tap % (G::R * G::S); }
    __device__ T operator()(int c, int tap) const { return w[c + tap]; }
};

/// y's gradient: dz where the place won, else 0.
template <class G, class T, int W>
struct Spread {
    const T *dz, *argmax;
    std::ptrdiff_t step;
    __device__ T number(std::ptrdiff_t at, int inner) const {
        return W == 1 || argmax[at] == static_cast<T>(inner) ? dz[at] : T(0);
    }
};
/// Row k, over columns of y.
template <class G, class T, int W>
struct GradientOverColumns : Spread<G, T, W> {
    static constexpr bool along_depth = true;
    struct InWindow {
        std::ptrdiff_t at;
        int place;
    };
    __device__ int outer(int k) const { return k * Place<G, W>::windows * L; }
    __device__ InWindow inner(int column) const {
        const Place<G, W> at(column);
        return {at.pooled(0, at.tile, at.window, at.lane, this->step), at.inner};
    }
    __device__ T operator()(int k, InWindow column) const { return this->number(k + column.at, column.place); }
};
/// Depth (k, r, s), column (tile, h, w, lane) of x: the number of y's gradient that tap (r, s) joins to that place, or
/// 0.
template <class G, class T, int W>
struct GradientPatches : Spread<G, T, W> {
    static constexpr bool along_depth = false;
    __device__ InImage outer(int column) const {
        constexpr int size = G::H * G::W * L;
        return {column / size * this->step + column % L, column / (L * G::W) % G::H + G::padding,
                column / L % G::W + G::padding};
    }
    __device__ Tap inner(int tap) const { return tap_of<G>(tap, Place<G, W>::windows * L); }
    __device__ T operator()(InImage place, Tap tap) const {
        constexpr int P = Place<G, W>::P, Q = Place<G, W>::Q;
        const int ps = place.row - tap.row, qs = place.column - tap.column; // p and q times the stride
        if (ps < 0 || ps % G::stride != 0 || ps / G::stride >= P * W) return T(0);
        if (qs < 0 || qs % G::stride != 0 || qs / G::stride >= Q * W) return T(0);
        const int p = ps / G::stride, q = qs / G::stride;
        return this->number(place.at + tap.at + (p / W * Q + q / W) * L, p % W * W + q % W);
    }
};

/// f(maximum of a window, with the bias), and which place won: the first of equals, or NaN.
template <class G, class T, int W, class F>
struct ToPooled {
    static constexpr int window = W * W;
    T *y, *argmax;
    std::ptrdiff_t step;
    const T* bias; // may be null
    __device__ void store_window(int k, int n, const T* sums) const {
        const T b = bias ? bias[k] : T(0);
        T best = sums[0] + b;
        int place = 0;
        for (int i = 1; i < window; ++i)
            if (const T v = sums[i] + b; v > best || v != v) best = v, place = i;
        const Place<G, W> first(n);
        const std::ptrdiff_t at = first.pooled(k, first.tile, first.window, first.lane, step);
        y[at] = F{}(best);
        if constexpr (W > 1) argmax[at] = static_cast<T>(place);
    }
    __device__ void store(int k, int n, int, T sum) const { store_window(k, n, &sum); }
};

template <class G, int W, class F, class Y, class X, class Weights, class B>
void conv_pool_forward(backend on, G, std::integral_constant<int, W>, F, Y y, number_of<X>* argmax, X x, Weights w, B b,
                       const number_of<X>*, std::byte*) {
    using T = number_of<X>;
    constexpr int taps = G::C * G::R * G::S;
    launch_multiply(on, tiled_product<T, G::K, batch_columns>(
                            Matrix<T, taps>{w.data}, PatchesByColumns<G, T, W>{{x.data, on.step_of<T>()}},
                            ToPooled<G, T, W, F>{y.data, argmax, on.step_of<T>(), bias_data<T>(b)},
                            on.tiles * Place<G, W>::size, taps));
}

template <class G, int W, class DX, class DW, class DZ, class X, class Weights>
void conv_pool_backward(backend on, G, std::integral_constant<int, W>, DX dx, DW dw, DZ dz, const number_of<X>* argmax,
                        X x, Weights w, const number_of<X>*, std::byte* scratch) {
    using T = number_of<X>;
    constexpr int taps = G::C * G::R * G::S;
    const Spread<G, T, W> gradient{dz.data, argmax, on.step_of<T>()};
    if constexpr (!is_nothing<DW>) {
        using Sizes = WeightShares<G, T>;
        const Shares<T> shares{reinterpret_cast<T*>(scratch), on.step_of<T>(), G::weights::size, Sizes::of_a_tile};
        const int columns = on.tiles * Place<G, W>::size;
        const int share = share_of(columns, std::min(Sizes::wanted, on.tiles * Sizes::of_a_tile));
        launch_multiply(on, tiled_product<T, G::K, taps>(GradientOverColumns<G, T, W>{gradient},
                                                         PatchesOverColumns<G, T, W>{{x.data, on.step_of<T>()}},
                                                         ToShares<T, taps>{shares}, taps, columns, share));
        add_shares(on, dw.data, shares, static_cast<int>(blocks_for(columns, share)));
    }
    if constexpr (!is_nothing<DX>) {
        constexpr int inputs = G::H * G::W;
        launch_multiply(
            on, tiled_product<T, G::C, batch_columns>(TurnedWeights<G, T>{w.data}, GradientPatches<G, T, W>{gradient},
                                                      ToColumns<T, inputs>{{dx.data, on.step_of<T>()}, nullptr},
                                                      on.tiles * inputs * L, G::K * G::R * G::S));
    }
}

template <class G, class Y, class X, class W, class B>
void conv_forward(backend on, G, Y y, X x, W w, B b, const number_of<X>* packed, std::byte* scratch) {
    conv_pool_forward(on, G{}, std::integral_constant<int, 1>{}, functors::identity{}, y, nullptr, x, w, b, packed,
                      scratch);
}

template <class G, class DX, class DW, class DY, class X, class W>
void conv_backward(backend on, G, DX dx, DW dw, DY dy, X x, W w, const number_of<X>* packed, std::byte* scratch) {
    conv_pool_backward(on, G{}, std::integral_constant<int, 1>{}, dx, dw, dy, nullptr, x, w, packed, scratch);
}

} // namespace ikebana::hip
