// core/: random numbers against published values and by their statistics; arenas as values.
#include <doctest/doctest.h>
#include <ikebana/core/arena.hpp>
#include <ikebana/core/random.hpp>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

using namespace ikebana;

namespace {

/// Philox4x32-10 with key (k0, k1) and counter (c0, c1, c2, c3).
std::array<std::uint32_t, 4> block(std::array<std::uint32_t, 2> k, std::array<std::uint32_t, 4> c) {
    return philox(Seed{k[0] | std::uint64_t{k[1]} << 32}, static_cast<Stream>(c[3]), c[2],
                  c[0] | std::uint64_t{c[1]} << 32);
}

} // namespace

TEST_CASE("Philox4x32-10 gives the numbers that its authors publish") {
    using Words = std::array<std::uint32_t, 4>;
    CHECK(block({0, 0}, {0, 0, 0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
    constexpr std::uint32_t f = 0xffffffff;
    CHECK(block({f, f}, {f, f, f, f}) == Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
    CHECK(block({0xa4093822, 0x299f31d0}, {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}) ==
          Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
    static_assert(philox(Seed{0}, Stream{}, 0, 0)[0] == 0x6627e8d5); // a constant, too
}

TEST_CASE("random streams: uniform, below and normal") {
    constexpr int n = 100000;
    Random random(Seed{1}, Stream::test);
    double sum = 0, squares = 0, third = 0;
    bool inside = true;
    for (int i = 0; i < n; ++i) {
        const double u = random.uniform();
        inside = inside && u >= 0 && u < 1;
        sum += u / n;
    }
    CHECK(inside);
    CHECK(std::abs(sum - 0.5) < 4 * std::sqrt(1.0 / 12 / n));
    sum = 0;
    for (int i = 0; i < n; ++i) {
        const double x = random.normal();
        sum += x / n, squares += x * x / n, third += x * x * x / n;
    }
    CHECK(std::abs(sum) < 4 / std::sqrt(n));
    CHECK(std::abs(squares - 1) < 4 * std::sqrt(2.0 / n));
    CHECK(std::abs(third) < 4 * std::sqrt(15.0 / n));
    std::array<int, 7> counts{};
    for (int i = 0; i < n; ++i) ++counts[random.below(7)];
    for (const int c : counts) CHECK(std::abs(c - n / 7.0) < 4 * std::sqrt(n / 7.0));
}

TEST_CASE("random streams: each name has its own numbers, the same every time") {
    const auto first = [](Seed seed, Stream stream, std::uint32_t key) {
        Random random(seed, stream, key);
        std::vector<std::uint32_t> bits;
        for (int i = 0; i < 9; ++i) bits.push_back(random.bits());
        return bits;
    };
    const auto one = first({1}, Stream::test, 0);
    CHECK(one == first({1}, Stream::test, 0));
    CHECK(one != first({2}, Stream::test, 0));
    CHECK(one != first({std::uint64_t{1} << 32 | 1}, Stream::test, 0));
    CHECK(one != first({1}, Stream::shuffle, 0));
    CHECK(one != first({1}, Stream::test, 1));
    auto sorted = one;
    std::sort(sorted.begin(), sorted.end());
    CHECK(std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end());
}

TEST_CASE("an arena is zeroed, aligned, and copied as a value") {
    Arena<float> a(37);
    CHECK(a.size() == 37);
    CHECK(reinterpret_cast<std::uintptr_t>(a.data()) % 64 == 0);
    CHECK(std::all_of(a.span().begin(), a.span().end(), [](float x) { return x == 0; }));
    std::iota(a.span().begin(), a.span().end(), 1.0f);
    Arena<float> b = a;
    b.data()[0] = 99;
    CHECK(a.data()[0] == 1);
    CHECK(b.data()[36] == 37);
    const float* where = b.data();
    a = std::move(b);
    CHECK(a.data() == where);
    CHECK(b.size() == 0);
    const Arena<double> none;
    CHECK(none.size() == 0);
    CHECK(none.span().empty());
}
