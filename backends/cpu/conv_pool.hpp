// Convolution, W×W max pool (W = 1 or 2) and activation in one kernel: the methods of conv.hpp hand out whole pooling
// windows, so the maximum is taken in registers and the convolution's output (4 times the pooled one) never reaches
// memory.
//   forward   y = f(max over the window); argmax keeps which of the four places won (0 … 3, row-major), the
//             first of the largest or the last NaN
//   backward  dz goes to the places that won: read so by Winograd's transform, or spread for the direct method, a block
//             of filters at a time (all filters where dx is wanted, since dx sums over them)
// Rows and columns beyond the last whole window are never computed; their gradient is 0.
#pragma once
#include <backends/cpu/conv.hpp>

namespace ikebana::cpu {

/// Scratch of the convolution, then dz before pooling.
template <class G, class T>
constexpr std::size_t conv_pool_scratch_bytes(backend, G, int W, T) {
    return conv_scratch_bytes(backend{}, G{}, T{}) +
           (W == 1 || winograd_outputs<G> != 0 ? 0 : sizeof(T) * G::output::size * backend::lanes<T>);
}

template <class G, int W, class F, class Y, class X, class Weights, class B>
void conv_pool_forward(backend, G, std::integral_constant<int, W>, F f, Y y, number_of<X>* argmax, X x, Weights w, B b,
                       const number_of<X>* packed, std::byte* scratch) {
    using V = xsimd::batch<number_of<X>>;
    convolve<G, W>(y.data, x, w, b, packed, scratch, [&](int k, int p, int q, int lane, const V* sums) IKEBANA_INLINE {
        const int at = ((k * (G::P / W) + p) * (G::Q / W) + q) * X::lanes + lane;
        if constexpr (W == 1) {
            f(sums[0]).store_unaligned(y.data + at);
        } else {
            const auto pool = [&](auto wins) IKEBANA_INLINE {
                const auto right = wins(sums[1], sums[0]), low_right = wins(sums[3], sums[2]);
                const V top = xsimd::select(right, sums[1], sums[0]), low = xsimd::select(low_right, sums[3], sums[2]);
                const auto below = wins(low, top);
                f(V(xsimd::select(below, low, top))).store_unaligned(y.data + at);
                xsimd::select(below, xsimd::select(low_right, V(3), V(2)), xsimd::select(right, V(1), V(0)))
                    .store_unaligned(argmax + at);
            };
            // A window with a NaN, which wins as in max_pool_forward, has no sum; no other compares twice.
            if (xsimd::any(xsimd::isnan((sums[0] + sums[1]) + (sums[2] + sums[3])))) [[unlikely]]
                pool([](V v, V best) IKEBANA_INLINE { return (v > best) || xsimd::isnan(v); });
            else
                pool([](V v, V best) IKEBANA_INLINE { return v > best; });
        }
    });
}

/// to (filters, P, Q) ← dz where the place won, else 0, for `filters` filters.
template <class G, class T>
void spread_to_winners(T* to, const T* dz, const T* argmax, int filters) {
    using V = xsimd::batch<T>;
    constexpr int L = backend::lanes<T>, P = G::P / 2, Q = G::Q / 2;
    for (int k = 0; k < filters; ++k, to += G::P * G::Q * L) {
        for (int p = 0; p < P; ++p)
            for (int q = 0; q < Q; ++q)
                for (int lane = 0; lane < L; lane += width<T>, dz += width<T>, argmax += width<T>) {
                    const V d = V::load_unaligned(dz), place = V::load_unaligned(argmax);
                    unroll<4>([&](int j) IKEBANA_INLINE {
                        xsimd::select(place == V(static_cast<T>(j)), d, V(0))
                            .store_unaligned(to + ((2 * p + j / 2) * G::Q + 2 * q + j % 2) * L + lane);
                    });
                }
        if constexpr (G::Q % 2 != 0)
            for (int p = 0; p < G::P; ++p) std::fill_n(to + (p * G::Q + G::Q - 1) * L, L, T(0));
        if constexpr (G::P % 2 != 0) std::fill_n(to + (G::P - 1) * G::Q * L, G::Q * L, T(0));
    }
}

/// dw += …, dx = … by the direct method, through scratch.
template <class G, class DX, class DW, class DZ, class X, class Weights>
void direct_pool_backward(DX dx, DW dw, DZ dz, const number_of<X>* argmax, X x, Weights w, std::byte* scratch) {
    using T = number_of<X>;
    constexpr int L = X::lanes;
    const T* image = bordered<G>(static_cast<const T*>(x.data), scratch);
    T* spread = reinterpret_cast<T*>(scratch + bordered_bytes<G, T>);
    constexpr int pooled = (G::P / 2) * (G::Q / 2) * L, full = G::P * G::Q * L;
    // Whole blocks of the gradient of the weights.
    constexpr int filters_of_block = direct_weight_filters<G>;
    constexpr int BK = block_of(G::K, std::max(filters_of_block, 5 / filters_of_block * filters_of_block));
    // Without dx a block's dz is used while it is in the cache, and the next block takes its place.
    const auto filters = [&]<int M>(std::integral_constant<int, M>, int k) {
        T* block = is_nothing<DX> ? spread : spread + k * full;
        spread_to_winners<G>(block, static_cast<const T*>(dz.data) + k * pooled, argmax + k * pooled, M);
        direct_weight_gradient<G, M>(dw.data, static_cast<const T*>(block), image, k);
    };
    int k = 0;
    for (; k + BK <= G::K; k += BK) filters(std::integral_constant<int, BK>{}, k);
    if constexpr (G::K % BK != 0) filters(std::integral_constant<int, G::K % BK>{}, k);
    if constexpr (!is_nothing<DX>)
        direct_input_gradient<G>(dx.data, static_cast<const T*>(w.data), static_cast<const T*>(spread));
}

/// dw += …, dx = … from dz, the gradient of the pooled output before the activation.
template <class G, int W, class DX, class DW, class DZ, class X, class Weights>
void conv_pool_backward(backend, G, std::integral_constant<int, W>, DX dx, DW dw, DZ dz, const number_of<X>* argmax,
                        X x, Weights w, const number_of<X>* packed, std::byte* scratch) {
    using T = number_of<X>;
    if constexpr (W == 1) {
        conv_backward(backend{}, G{}, dx, dw, dz, x, w, packed, scratch);
    } else if constexpr (winograd_outputs<G> != 0) {
        using V = xsimd::batch<T>;
        using Method = WinogradOf<G, T>;
        constexpr int P = G::P / 2, Q = G::Q / 2, windows = Method::M / 2;
        winograd_backward<Method, G>(
            dx, dw, static_cast<const T*>(x.data), packed, scratch,
            [&](int k, int p, int q, int lane, T* y) IKEBANA_INLINE {
                IKEBANA_ROLLED
                for (int i = 0; i < windows * windows; ++i) {
                    const int row = p / 2 + i / windows, column = q / 2 + i % windows;
                    V d(0), place(0);
                    if (Method::whole || (row < P && column < Q)) {
                        const int at = ((k * P + row) * Q + column) * X::lanes + lane;
                        d = V::load_unaligned(static_cast<const T*>(dz.data) + at);
                        place = V::load_unaligned(argmax + at);
                        const int next = at + next_of<G::K, P * Q * X::lanes>(k);
                        __builtin_prefetch(dz.data + next, 0, 2);
                        __builtin_prefetch(argmax + next, 0, 2);
                    }
                    unroll<4>([&](int j) IKEBANA_INLINE {
                        const int to = (i / windows * 2 + j / 2) * Method::M + i % windows * 2 + j % 2;
                        xsimd::select(place == V(static_cast<T>(j)), d, V(0)).store_aligned(y + to * width<T>);
                    });
                }
            });
    } else if constexpr (is_pointwise<G>) {
        T* spread = reinterpret_cast<T*>(scratch + pointwise_scratch_bytes<G, T>());
        spread_to_winners<G>(spread, static_cast<const T*>(dz.data), argmax, G::K);
        pointwise_backward<G>(dx, dw, static_cast<const T*>(spread), static_cast<const T*>(x.data), packed, scratch);
    } else {
        direct_pool_backward<G>(dx, dw, dz, argmax, x, w, scratch);
    }
}

} // namespace ikebana::cpu
