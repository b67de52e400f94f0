// Tiles of random numbers on the device and, the same ones, in double on the host; the HIP backend on the former is
// compared with the reference on the latter. Kernels run in three orders of their threads (OrdersCompared).
// The reference takes all N tiles as one of N · 32 lanes: [feature][N · 32]. On the device a tile follows the other,
// and what belongs to one lies in one stretch of memory: [tile][array][feature][32].
#pragma once
#include "device.hpp"

#include <backends/hip/hip.hpp>
#include <backends/reference/reference.hpp>
#include <doctest/doctest.h>
#include <ikebana/core/arena.hpp>
#include <ikebana/core/random.hpp>
#include <tests/support/findings.hpp>

#include <limits>

namespace ikebana::hip::test {

using ikebana::test::relative_error;

/// As long as it lives, and where the host runs kernels, each launch runs in three orders; not where a sanitizer, which
/// sees what it looks for in any order, slows everything.
struct OrdersCompared {
#if defined(__HIP__) || defined(__CUDACC__) || defined(IKEBANA_ADDRESS_SANITIZER)
    OrdersCompared() {}
#else
    host::Options before = host::options;
    OrdersCompared() { host::options.compare_orders = true; }
    ~OrdersCompared() { host::options = before; }
#endif
};

/// Whether streams do what they are asked for as late as they may.
struct Late {
#if defined(__HIP__) || defined(__CUDACC__)
    explicit Late(bool) {}
#else
    explicit Late(bool late) { host::Stream::late = late; }
    ~Late() { host::Stream::late = false; }
#endif
};

/// Memory of N tiles; arrays are taken from it one after the other. What nobody writes is NaN.
template <class T, int N>
class Memory {
  public:
    /// Room for `numbers` of each tile.
    explicit Memory(std::size_t numbers)
        : step_((numbers + 63) / 64 * 64 + 64 * 16),
          numbers_(on_device(std::vector<T>(N * step_, std::numeric_limits<T>::quiet_NaN()))) {}

    backend on() const { return {N, step_ * sizeof(T), nullptr}; }
    /// n numbers of each tile: where tile 0's are.
    T* take(std::size_t n) {
        T* at = numbers_.data() + used_;
        used_ += (n + 63) / 64 * 64;
        REQUIRE(used_ <= step_);
        return at;
    }

  private:
    std::size_t step_, used_ = 0;
    DeviceArray<T> numbers_;
};

template <class T, int N, class S>
struct Tiles {
    using element = T;
    static constexpr int lanes = N * L;
    T* data;
    std::vector<double> exact = std::vector<double>(S::size * lanes);

    std::ptrdiff_t step;

    explicit Tiles(Memory<T, N>& memory) : data(memory.take(S::size * L)), step(memory.on().template step_of<T>()) {}

    Tile<T, S, L> tile() const { return {data}; }
    Tile<double, S, lanes> exact_tile() { return {exact.data()}; }

    /// Numbers in (−1, 1); lanes from `count` on are 0, as a gradient is in the empty lanes of a last tile.
    void randomise(Random& random, int count = lanes) {
        set([&](int lane) { return lane < count ? static_cast<float>(2 * random.uniform() - 1) : 0; });
    }
    /// f(lane) for every feature.
    template <class F>
    void set(F f) {
        for (std::size_t i = 0; i < exact.size(); ++i) exact[i] = f(static_cast<int>(i % lanes));
        std::vector<T> rows(S::size * L);
        for (int t = 0; t < N; ++t) {
            for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<T>(exact[place(t, i)]);
            to_device(backend{}, data + t * step, rows.data(), rows.size());
        }
    }
    /// The device's numbers alone.
    void clear() {
        const std::vector<T> rows(S::size * L);
        for (int t = 0; t < N; ++t) to_device(backend{}, data + t * step, rows.data(), rows.size());
    }
    /// The exact numbers are the device's from here on.
    void accept() {
        const std::vector<T> all = numbers();
        exact.assign(all.begin(), all.end());
    }
    std::vector<T> numbers() const {
        std::vector<T> all(exact.size()), rows(S::size * L);
        for (int t = 0; t < N; ++t) {
            to_host(backend{}, rows.data(), data + t * step, rows.size());
            for (std::size_t i = 0; i < rows.size(); ++i) all[place(t, i)] = rows[i];
        }
        return all;
    }
    double error() const {
        const std::vector<T> all = numbers();
        return relative_error(std::span<const T>(all), std::span<const double>(exact));
    }

  private:
    static constexpr std::size_t place(int t, std::size_t i) {
        return i / L * lanes + static_cast<std::size_t>(t) * L + i % L;
    }
};

template <class T, class S>
struct Views {
    using element = T;
    DeviceArray<T> device{S::size};
    std::vector<double> exact = std::vector<double>(S::size);

    View<T, S> view() { return {device.data()}; }
    View<double, S> exact_view() { return {exact.data()}; }
    void randomise(Random& random) {
        std::vector<T> numbers;
        for (double& v : exact) v = static_cast<float>(2 * random.uniform() - 1), numbers.push_back(static_cast<T>(v));
        to_device(backend{}, device.data(), numbers.data(), numbers.size());
    }
    double error() const {
        const std::vector<T> numbers = on_host(device);
        return relative_error(std::span<const T>(numbers), std::span<const double>(exact));
    }
};

/// Of a result, relative to the largest. The terms of a sum may be larger than any sum.
template <class T>
inline constexpr double bound = sizeof(T) == 8 ? 1e-12 : std::max(2 * core_of<T>::rounding, 1e-5);

template <class X>
void check_close(const X& x, const char* what) {
    const std::string name = what;
    CAPTURE(name);
    const double error = x.error();
    CHECK(error <= bound<typename X::element>);
}

} // namespace ikebana::hip::test
