// Matrix products with 16 samples in the lanes, a block of results in registers while its sum runs. The convolutions by
// Winograd's method (one product a point) and those of 1×1 (pointwise.hpp) share them.
//   add_products         x is a tile: its vectors meet broadcast weights
//   add_outer_products   both operands are tiles and samples are summed over: one is transposed, the other broadcast
#pragma once
#include <backends/cpu/backend.hpp>

namespace ikebana::cpu {

/// sums[k][j] += Σ_i w[k · k_step + i · i_step] · x[i][j] for i < terms; x[i][j] lies at x + i · x_step + j · L.
template <int BK, int N, class V, class T>
IKEBANA_INLINE inline void add_products(V (&sums)[BK][N], const T* x, int x_step, const T* w, int k_step, int i_step,
                                        int terms) {
    constexpr int L = backend::lanes<T>;
    for (int i = 0; i < terms; ++i, x += x_step, w += i_step) {
        V in[N];
        unroll<N>([&](int j) IKEBANA_INLINE { in[j] = V::load_unaligned(x + j * L); });
        unroll<BK>([&](int k) IKEBANA_INLINE {
            const V weight(w[k * k_step]);
            unroll<N>([&](int j) IKEBANA_INLINE { sums[k][j] = xsimd::fma(in[j], weight, sums[k][j]); });
        });
    }
}

/// sums[r · sums_step + a] = (add ? itself : 0) + Σ_n rows[r · rows_step + n] · across[n · BV vectors + a] for n <
/// terms, BR rows and BV vectors of a.
template <int BR, int BV, class T>
void add_outer_products(T* sums, int sums_step, const T* rows, int rows_step, const T* across, int terms, bool add) {
    using V = xsimd::batch<T>;
    V sum[BR][BV];
    unroll<BR>([&](int r) IKEBANA_INLINE { unroll<BV>([&](int v) IKEBANA_INLINE { sum[r][v] = V(0); }); });
    for (int n = 0; n < terms; ++n, across += BV * width<T>) {
        V in[BV];
        unroll<BV>([&](int v) IKEBANA_INLINE { in[v] = V::load_unaligned(across + v * width<T>); });
        unroll<BR>([&](int r) IKEBANA_INLINE {
            const V row(rows[r * rows_step + n]);
            unroll<BV>([&](int v) IKEBANA_INLINE { sum[r][v] = xsimd::fma(in[v], row, sum[r][v]); });
        });
    }
    unroll<BR>([&](int r) IKEBANA_INLINE {
        unroll<BV>([&](int v) IKEBANA_INLINE {
            T* to = sums + r * sums_step + v * width<T>;
            (add ? V::load_unaligned(to) + sum[r][v] : sum[r][v]).store_unaligned(to);
        });
    });
}

/// f(std::integral_constant<int, B>, first, block) for whole blocks of N, then for what is left.
template <int N, int B, class F>
IKEBANA_INLINE inline void each_block(F f) {
    for (int b = 0; b < N / B; ++b) f(std::integral_constant<int, B>{}, b * B, b);
    if constexpr (N % B != 0) f(std::integral_constant<int, N % B>{}, N - N % B, N / B);
}

} // namespace ikebana::cpu
