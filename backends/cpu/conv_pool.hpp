// Convolution, W×W max pool (W = 1 or 2) and activation in one kernel: the block of conv.hpp covers whole pooling
// windows, so the maximum is taken in registers and the convolution's output (4 times the pooled one) never reaches
// memory.
//   forward   y = f(max over the window); argmax keeps which of the four places won (0 … 3, row-major)
//   backward  dz is spread to the places that won, a block of filters at a time (all filters where dx is wanted, since
//   dx
//             sums over them), and goes through conv.hpp's gradients
// Rows and columns beyond the last whole window are never computed; their gradient is 0.
#pragma once
#include <backends/cpu/conv.hpp>

namespace ikebana::cpu {

template <class G>
inline constexpr int filters_a_block = block_of(G::K, 5);

/// The bordered image, then dz before pooling.
template <class G, class T>
constexpr std::size_t conv_pool_scratch_bytes(backend, G, int W, T) {
    return bordered_bytes<G, T> + (W == 1 ? 0 : sizeof(T) * G::output::size * backend::lanes<T>);
}

template <class G, int W, class F, class Y, class X, class Weights, class B>
void conv_pool_forward(backend, G, std::integral_constant<int, W>, F f, Y y, typename Y::element* argmax, X x,
                       Weights w, B b, std::byte* scratch) {
    using T = typename Y::element;
    using V = xsimd::batch<T>;
    constexpr int L = Y::lanes, filter = G::C * G::R * G::S;
    constexpr int P = G::P / W, Q = G::Q / W;
    // 5 × 2×2 accumulators with 32 registers, 2 × 2×2 with 16; without pooling as in conv_forward
    constexpr int BK = W == 1 ? block_of(G::K, 5) : block_of(G::K, registers == 32 ? 5 : 2);
    constexpr int BQ = W == 1 ? block_of(Q, registers == 32 ? 4 : 2) : 1;
    const T* from = bordered<G>(static_cast<const T*>(x.data), scratch);
    for (int p = 0; p < P; ++p)
        for (int k0 = 0; k0 < G::K; k0 += BK)
            for (int q0 = 0; q0 < Q; q0 += BQ)
                for (int lane = 0; lane < L; lane += width<T>) {
                    const int k = std::min(k0, G::K - BK), q = std::min(q0, Q - BQ);
                    V sums[BK][W * W * BQ];
                    start_sums(sums, b, k);
                    conv_block<G, BK, W, W * BQ>(sums, from + lane, w.data + k * filter, p * W, q * W);
                    unroll<BK>([&](int i) IKEBANA_INLINE {
                        const int at = (((k + i) * P + p) * Q + q) * L + lane;
                        if constexpr (W == 1) {
                            unroll<BQ>([&](int j)
                                           IKEBANA_INLINE { f(sums[i][j]).store_unaligned(y.data + at + j * L); });
                        } else {
                            const auto right = sums[i][1] > sums[i][0], low_right = sums[i][3] > sums[i][2];
                            const V top = xsimd::select(right, sums[i][1], sums[i][0]),
                                    low = xsimd::select(low_right, sums[i][3], sums[i][2]);
                            const auto below = low > top;
                            f(V(xsimd::select(below, low, top))).store_unaligned(y.data + at);
                            xsimd::select(below, xsimd::select(low_right, V(3), V(2)), xsimd::select(right, V(1), V(0)))
                                .store_unaligned(argmax + at);
                        }
                    });
                }
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

/// dw += …, dx = … from dz, the gradient of the pooled output before the activation.
template <class G, int W, class DX, class DW, class DZ, class X, class Weights>
void conv_pool_backward(backend, G, std::integral_constant<int, W>, DX dx, DW dw, DZ dz,
                        const typename DZ::element* argmax, X x, Weights w, std::byte* scratch) {
    using T = typename DW::element;
    constexpr int L = X::lanes;
    const T* image = bordered<G>(static_cast<const T*>(x.data), scratch);
    if constexpr (W == 1) {
        conv_weight_filters<G, G::K>(dw.data, static_cast<const T*>(dz.data), image, 0);
        if constexpr (!is_nothing<DX>) conv_backward_input(backend{}, G{}, dx, w, dz, nullptr);
    } else {
        T* spread = reinterpret_cast<T*>(scratch + bordered_bytes<G, T>);
        constexpr int pooled = (G::P / 2) * (G::Q / 2) * L, full = G::P * G::Q * L;
        constexpr int BK = filters_a_block<G>;
        // Without dx a block's dz is used while it is in the cache, and the next block takes its place.
        const auto filters = [&]<int M>(std::integral_constant<int, M>, int k) {
            T* block = is_nothing<DX> ? spread : spread + k * full;
            spread_to_winners<G>(block, static_cast<const T*>(dz.data) + k * pooled, argmax + k * pooled, M);
            conv_weight_filters<G, M>(dw.data, static_cast<const T*>(block), image, k);
        };
        int k = 0;
        for (; k + BK <= G::K; k += BK) filters(std::integral_constant<int, BK>{}, k);
        if constexpr (G::K % BK != 0) filters(std::integral_constant<int, G::K % BK>{}, k);
        if constexpr (!is_nothing<DX>)
            conv_backward_input(backend{}, G{}, dx, w, Tile<const T, typename G::output, L>{spread}, nullptr);
    }
}

} // namespace ikebana::cpu
