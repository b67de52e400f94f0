// Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2,
// 3", SC 2011). A number is a pure function of (seed, stream, counter), so it does not depend on threads, batch splits
// or the order of calls. Streams keep users apart: initialisation, shuffling, dropout.
#pragma once
#include <array>
#include <cmath>
#include <cstdint>

namespace ikebana {

struct Seed {
    std::uint64_t value = 1;
};

enum class Stream : std::uint32_t { initialise = 1, shuffle = 2, dropout = 3, test = 4 };

/// Four random words for counter (a, b) of a stream.
constexpr std::array<std::uint32_t, 4> philox(Seed seed, Stream stream, std::uint32_t a, std::uint64_t b) {
    std::array<std::uint32_t, 4> c{static_cast<std::uint32_t>(b), static_cast<std::uint32_t>(b >> 32), a,
                                   static_cast<std::uint32_t>(stream)};
    auto k0 = static_cast<std::uint32_t>(seed.value), k1 = static_cast<std::uint32_t>(seed.value >> 32);
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * c[0], p1 = std::uint64_t{0xCD9E8D57u} * c[2];
        c = {static_cast<std::uint32_t>(p1 >> 32) ^ c[1] ^ k0, static_cast<std::uint32_t>(p1),
             static_cast<std::uint32_t>(p0 >> 32) ^ c[3] ^ k1, static_cast<std::uint32_t>(p0)};
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return c;
}

/// A random stream read one number after the other; (seed, stream, key) names it.
class Random {
  public:
    constexpr Random(Seed seed, Stream stream, std::uint32_t key = 0) : seed_(seed), stream_(stream), key_(key) {}

    constexpr std::uint32_t bits() {
        if (used_ == 4) {
            words_ = philox(seed_, stream_, key_, counter_++);
            used_ = 0;
        }
        return words_[used_++];
    }

    /// Uniform in [0, 1), 32 bits of it.
    constexpr double uniform() { return bits() * (1.0 / 4294967296.0); }

    /// Uniform in 0 … n−1 (n > 0), by multiplication (Lemire 2019, without the rejection: the bias is below n / 2^32).
    constexpr std::uint32_t below(std::uint32_t n) {
        return static_cast<std::uint32_t>((std::uint64_t{bits()} * n) >> 32);
    }

    /// Normal with mean 0 and deviation 1 (Box and Muller, 1958).
    double normal() {
        const double u = (bits() + 1.0) * (1.0 / 4294967296.0), v = uniform();
        return std::sqrt(-2.0 * std::log(u)) * std::cos(6.283185307179586 * v);
    }

  private:
    Seed seed_;
    Stream stream_;
    std::uint32_t key_;
    std::uint64_t counter_ = 0;
    std::array<std::uint32_t, 4> words_{};
    std::size_t used_ = 4;
};

} // namespace ikebana
