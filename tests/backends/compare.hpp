// Tiles of random numbers for both backends, and their comparison: the cpu backend in T against the reference in double
// on the same 16 lanes. Errors are max |a − b| / max |b|; 1e-12 in double, 1e-5 in float.
#pragma once
#include <backends/cpu/cpu.hpp>
#include <backends/reference/reference.hpp>
#include <doctest/doctest.h>
#include <ikebana/ikebana.hpp>
#include <tests/support/findings.hpp>

namespace ikebana::test {

inline constexpr int L = cpu::backend::lanes<float>;

/// n numbers in T and, the same ones, in double. Exactly as long as it must be, so that a sanitizer sees every step
/// beyond.
template <class T>
struct Numbers {
    Arena<T> fast;
    Arena<double> exact;

    explicit Numbers(std::size_t n) : fast(n), exact(n) {}

    void randomise(Random& random) {
        for (std::size_t i = 0; i < fast.size(); ++i)
            exact.data()[i] = fast.data()[i] = static_cast<T>(static_cast<float>(2 * random.uniform() - 1));
    }
    double error() const { return relative_error(fast.span(), exact.span()); }
};

template <class T, class S>
struct Tiles : Numbers<T> {
    Tiles() : Numbers<T>(S::size * L) {}
    Tile<T, S, L> tile() { return {this->fast.data()}; }
    Tile<double, S, L> exact_tile() { return {this->exact.data()}; }
    /// 0 in the lanes from `count` on, as a gradient is in the empty lanes of a last tile.
    void clear_lanes(int count) {
        for (std::size_t f = 0; f < S::size; ++f)
            for (int lane = count; lane < L; ++lane)
                tile().row(static_cast<int>(f))[lane] = 0, exact_tile().row(static_cast<int>(f))[lane] = 0;
    }
};

template <class T, class S>
struct Views : Numbers<T> {
    Views() : Numbers<T>(S::size) {}
    View<T, S> view() { return {this->fast.data()}; }
    View<double, S> exact_view() { return {this->exact.data()}; }
};

/// Scratch full of NaN: what a kernel reads of it, it must have written.
inline Arena<std::byte> scratch_of(std::size_t bytes) {
    Arena<std::byte> scratch(bytes);
    std::fill(scratch.span().begin(), scratch.span().end(), std::byte{0xFF});
    return scratch;
}

/// A convolution's weights as the cpu backend's kernels want them.
template <class G, class T>
Arena<T> packed_weights(View<T, typename G::weights> w) {
    Arena<T> packed(conv_packed_size(cpu::backend{}, G{}, T{}));
    conv_pack(cpu::backend{}, G{}, packed.data(), w);
    return packed;
}

template <class T>
inline constexpr double bound = sizeof(T) == 8 ? 1e-12 : 1e-5;

template <class T>
void check_close(const Numbers<T>& numbers, const char* what) {
    const std::string name = what;
    CAPTURE(name);
    const double error = numbers.error();
    CHECK(error <= bound<T>);
}

} // namespace ikebana::test
