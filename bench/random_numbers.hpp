// Operands of benchmarks: uniform in [−1, 1), so that nothing is denormal, zero or infinite.
#pragma once
#include <ikebana/core/arena.hpp>
#include <ikebana/core/random.hpp>

namespace ikebana::bench {

inline Arena<float> random_numbers(std::size_t n) {
    Random random(Seed{1}, Stream::test);
    Arena<float> a(n);
    for (float& x : a.span()) x = static_cast<float>(2 * random.uniform() - 1);
    return a;
}

} // namespace ikebana::bench
