// The tag of the CPU backend: 16 samples of the batch in the vector lanes, so that every layer is vertical vector code
// without shuffles and without remainders in rows, columns or channels; tiles are spread over threads.
#pragma once
#include <backends/cpu/parallel.hpp>
#include <ikebana/core/math.hpp>
#include <ikebana/core/once.hpp>
#include <xsimd/xsimd.hpp>

#include <cstddef>
#include <utility>

namespace ikebana::cpu {

/// One sample, the vectors over its places and filters: what a single prediction runs on (single.hpp).
struct single {
    static constexpr const char* name = "cpu, one sample";
    static constexpr bool fuses = true;
    template <class T>
    static constexpr int lanes = 1;
    template <class T>
    static constexpr int vector_width = static_cast<int>(xsimd::batch<T>::size);
};

struct backend {
    static constexpr const char* name = "cpu";
    static constexpr bool fuses = true;
    /// Samples in a tile: one AVX-512 register of floats, two of AVX, four of SSE.
    template <class T>
    static constexpr int lanes = 16;
    /// Numbers of type T in a vector register.
    template <class T>
    static constexpr int vector_width = static_cast<int>(xsimd::batch<T>::size);

    using workers = Workers;
    using single = cpu::single;

    /// Whether what a layer meets may have left the caches since it was written.
    bool from_memory = false;

    /// For sweeps over `bytes` of memory. A last cache of 32 MB (Zen 4) keeps 16 MB of one but not 32; sizes that the
    /// system tells are wrong on virtual machines.
    static constexpr backend sweeping(std::size_t bytes) { return {bytes > (std::size_t{24} << 20)}; }
};

/// Numbers in a vector of T, and how many vectors make a row of lanes.
template <class T>
inline constexpr int width = static_cast<int>(xsimd::batch<T>::size);
template <class T>
inline constexpr int parts = backend::lanes<T> / width<T>;
static_assert(parts<float> * width<float> == backend::lanes<float> &&
              parts<double> * width<double> == backend::lanes<double>);

/// Vector registers that the instruction set names: they bound the accumulators of a kernel.
inline constexpr int registers = xsimd::default_arch::alignment() == 64 ? 32 : 16;

/// Vectors of a place that a matrix product takes at once: with few registers two neighbours, which share a line, where
/// with many there are several places.
inline constexpr int neighbours = registers == 32 ? 1 : 2;

/// The largest block ≤ most that divides n, if it is not much smaller than most; else the smaller of most and n.
constexpr int block_of(int n, int most) {
    for (int b = most; 2 * b > most; --b)
        if (n % b == 0) return b;
    return n < most ? n : most;
}
/// The size of n's blocks, alike and of at most `most`: the last may be too long by less than their number.
constexpr int even_block(int n, int most) {
    const int blocks = (n + most - 1) / most;
    return (n + blocks - 1) / blocks;
}

#define IKEBANA_INLINE __attribute__((always_inline))

/// Asks for n numbers that this thread will write. The other threads read parameters all through a step, so each line
/// of them is shared, and a write to a shared line waits for the other cores' answer: asked for in time, nobody waits.
template <class T>
void prefetch_to_write(backend, const T* p, std::size_t n) {
    for (std::size_t i = 0; i < n; i += 64 / sizeof(T)) __builtin_prefetch(p + i, 1, 2);
}

// Before a loop of constant bounds: written out, so that arrays indexed by its variable are registers; or never.
#ifdef __clang__
#define IKEBANA_UNROLL _Pragma("clang loop unroll(full)")
#define IKEBANA_ROLLED _Pragma("clang loop unroll(disable)")
#else
#define IKEBANA_UNROLL _Pragma("GCC unroll 64")
#define IKEBANA_ROLLED _Pragma("GCC unroll 1")
#endif

/// Keeps x in its register: g++ would load it again for each sum, one load an instruction.
template <class T, class A>
IKEBANA_INLINE inline void keep(xsimd::batch<T, A>& x) {
    asm("" : "+v"(x.data));
}

/// f(0), f(1), … f(N−1), written out.
template <int N, class F>
IKEBANA_INLINE inline void unroll(F f) {
    IKEBANA_UNROLL
    for (int i = 0; i < N; ++i) f(i);
}

} // namespace ikebana::cpu

namespace ikebana {

/// By the instruction set's estimate of 1/b and Newton's y ← y + y (1 − b y), once from 14 bits, twice from fewer. An
/// infinite b would make 0 · ∞ of it.
template <class A>
struct QuickQuotient<xsimd::batch<float, A>> {
    using V = xsimd::batch<float, A>;
    IKEBANA_INLINE static V of(V a, V b) {
        constexpr int steps = V::size == 16 ? 1 : 2;
        const V x = xsimd::min(V(0x1p126f), b); // NaN where b is
        V y = xsimd::reciprocal(x);
        IKEBANA_UNROLL
        for (int k = 0; k < steps; ++k) y = xsimd::fma(y, xsimd::fnma(x, y, V(1)), y);
        return a * y;
    }
};

} // namespace ikebana
