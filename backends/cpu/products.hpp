// Matrix products, a block of results in registers while its sum runs: the convolutions by Winograd's method (one
// product a point) and those of 1×1 (pointwise.hpp) share them. The vectors of one operand, with samples or channels in
// the lanes, meet the broadcast numbers of the other.
#pragma once
#include <backends/cpu/backend.hpp>

namespace ikebana::cpu {

/// sums[k][j] += Σ_i w[k · k_step + i · i_step] · x[i][j] for i < terms; x[i][j] lies at x + i · x_step + j · j_step.
template <int BK, int N, class V, class T>
IKEBANA_INLINE inline void add_products(V (&sums)[BK][N], const T* x, int x_step, int j_step, const T* w, int k_step,
                                        int i_step, int terms) {
    for (int i = 0; i < terms; ++i, x += x_step, w += i_step) {
        V in[N];
        unroll<N>([&](int j) IKEBANA_INLINE { in[j] = V::load_unaligned(x + j * j_step); });
        unroll<BK>([&](int k) IKEBANA_INLINE {
            const V weight(w[k * k_step]);
            unroll<N>([&](int j) IKEBANA_INLINE { sums[k][j] = xsimd::fma(in[j], weight, sums[k][j]); });
        });
    }
}

/// f(std::integral_constant<int, B>, first, block) for whole blocks of N, then for what is left.
template <int N, int B, class F>
IKEBANA_INLINE inline void each_block(F f) {
    for (int b = 0; b < N / B; ++b) f(std::integral_constant<int, B>{}, b * B, b);
    if constexpr (N % B != 0) f(std::integral_constant<int, N % B>{}, N - N % B, N / B);
}

/// n numbers cut into as few blocks as at most `most` allows, of two sizes next to each other: no block is small. The
/// first `larger` blocks have size + 1 numbers, the others size.
struct EvenBlocks {
    int blocks, size, larger;
    constexpr EvenBlocks(int n, int most) : blocks((n + most - 1) / most), size(n / blocks), larger(n % blocks) {}
    constexpr int begin(int block) const { return block * size + std::min(block, larger); }
};

/// f(std::integral_constant<int, B>, first) for the even blocks of N.
template <int N, int Most, class F>
IKEBANA_INLINE inline void each_even_block(F f) {
    constexpr EvenBlocks by(N, Most);
    // Not by begin(): with AddressSanitizer clang++ 14 then gives a caller's loop a round too many.
    constexpr int blocks = by.blocks, size = by.size, larger = by.larger;
    if constexpr (larger > 0)
        for (int b = 0; b < larger; ++b) f(std::integral_constant<int, size + 1>{}, b * (size + 1));
    for (int b = larger; b < blocks; ++b) f(std::integral_constant<int, size>{}, larger + b * size);
}

} // namespace ikebana::cpu
