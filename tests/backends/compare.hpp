// Tiles of random numbers for both backends, and their comparison: the cpu backend in T against the reference in double
// on the same 16 lanes. Errors are max |a − b| / max |b|; 1e-12 in double, 1e-5 in float. What need not know the sizes
// at compile time is compiled once: tests have hundreds of shapes.
#pragma once
#include <backends/cpu/cpu.hpp>
#include <backends/reference/reference.hpp>
#include <doctest/doctest.h>
#include <ikebana/ikebana.hpp>
#include <tests/support/findings.hpp>

#include <string>

namespace ikebana::test {

inline constexpr int L = cpu::backend::lanes<float>;

/// n numbers in T and, the same ones, in double. Exactly as long as it must be, so that a sanitizer sees every step
/// beyond.
template <class T>
struct Numbers {
    Arena<T> fast;
    Arena<double> exact;

    IKEBANA_ONCE explicit Numbers(std::size_t n) : fast(n), exact(n) {}

    IKEBANA_ONCE void randomise(Random& random) {
        for (std::size_t i = 0; i < fast.size(); ++i)
            exact.data()[i] = fast.data()[i] = static_cast<T>(static_cast<float>(2 * random.uniform() - 1));
    }
    IKEBANA_ONCE double error() const { return relative_error(fast.span(), exact.span()); }
    /// 0 in the lanes from `count` on, as a gradient is in the empty lanes of a last tile.
    IKEBANA_ONCE void clear_lanes(int count) {
        for (std::size_t i = 0; i < fast.size(); ++i)
            if (static_cast<int>(i % L) >= count) exact.data()[i] = fast.data()[i] = 0;
    }
};

template <class T, class S>
struct Tiles : Numbers<T> {
    Tiles() : Numbers<T>(S::size * L) {}
    Tile<T, S, L> tile() { return {this->fast.data()}; }
    Tile<double, S, L> exact_tile() { return {this->exact.data()}; }
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

/// A geometry of windows, in words.
inline std::string text_of_windows(const std::string& input, const std::string& output, int R, int S, int stride,
                                   int padding) {
    return input + " -> " + output + ", windows of " + std::to_string(R) + "x" + std::to_string(S) + ", stride " +
           std::to_string(stride) + ", padding " + std::to_string(padding);
}
template <class G>
std::string text_of() {
    return text_of_windows(G::input::text(), G::output::text(), G::R, G::S, G::stride, G::padding);
}
/// What fails in `checks` is reported with it.
inline void run_with(const std::string& geometry, void (*checks)()) {
    CAPTURE(geometry);
    checks();
}
template <class G>
void with_geometry(void (*checks)()) {
    run_with(text_of<G>(), checks);
}

template <class T>
IKEBANA_ONCE void check_close(const Numbers<T>& numbers, const char* what) {
    const std::string name = what;
    CAPTURE(name);
    const double error = numbers.error();
    CHECK(error <= bound<T>);
}

} // namespace ikebana::test
