// Central differences of a function of many numbers, for gradients.hpp. A coordinate whose step changes a kink's side
// (another place wins a max pool, a ReLU opens) gets a smaller step, and counts as not comparable if that doesn't help;
// there must be few of those. Nothing here depends on a network's type.
#pragma once
#include <ikebana/core/random.hpp>

#include "findings.hpp"

#include <functional>
#include <numeric>
#include <optional>

namespace ikebana::test {

inline constexpr double gradient_bound = 1e-6;

/// The function's values and the sides of all kinks (interpret.hpp).
struct Probe {
    std::vector<double> values;
    std::uint64_t pattern;
};

/// Numbers that the function depends on, and its gradient by them.
struct Variables {
    std::string name;
    std::span<double> at;
    std::span<const double> gradient;
};

/// Up to `limit` different numbers below n, at random.
inline std::vector<std::size_t> some_of(std::size_t n, std::size_t limit, Random& random) {
    std::vector<std::size_t> all(n);
    std::iota(all.begin(), all.end(), std::size_t{0});
    const std::size_t wanted = std::min(n, limit);
    for (std::size_t i = 0; i < wanted; ++i)
        std::swap(all[i], all[i + random.below(static_cast<std::uint32_t>(n - i))]);
    all.resize(wanted);
    return all;
}

/// d (Σ weights · values) / d at, or nothing if every step crosses a kink.
inline std::optional<double> central_difference(double& at, std::uint64_t pattern, std::span<const double> weights,
                                                const std::function<Probe()>& evaluate) {
    const double here = at;
    for (double step = 1e-5; step > 1e-7; step /= 8) {
        at = here + step;
        const double high = at;
        const Probe up = evaluate();
        at = here - step;
        const double low = at;
        const Probe down = evaluate();
        at = here;
        if (up.pattern != pattern || down.pattern != pattern) continue;
        double sum = 0;
        for (std::size_t i = 0; i < weights.size(); ++i) sum += weights[i] * (up.values[i] - down.values[i]);
        return sum / (high - low);
    }
    return std::nullopt;
}

/// Compares gradients of Σ weights · values with differences, at up to `limit` coordinates of each tensor. The error of
/// a tensor is max |a − b| / max |b|, the denominator at least a thousandth of the largest of all.
inline void compare_with_differences(Findings& findings, const std::string& what, const std::vector<Variables>& tensors,
                                     std::size_t limit, std::span<const double> weights, Random& random,
                                     const std::function<Probe()>& evaluate) {
    const std::uint64_t pattern = evaluate().pattern;
    std::vector<std::vector<double>> computed, expected;
    double most = 0;
    for (const Variables& t : tensors) {
        std::vector<double> a, b;
        std::size_t skipped = 0;
        for (const std::size_t i : some_of(t.at.size(), limit, random)) {
            const auto slope = central_difference(t.at[i], pattern, weights, evaluate);
            if (!slope) {
                ++skipped;
                continue;
            }
            a.push_back(t.gradient[i]);
            b.push_back(*slope);
        }
        findings.expect(what + t.name + ": kinks too near to compare", b.size() >= 3 * skipped);
        most = std::max(most, largest(span_of(b)));
        computed.push_back(std::move(a)), expected.push_back(std::move(b));
    }
    for (std::size_t k = 0; k < tensors.size(); ++k)
        findings.expect(what + tensors[k].name, relative_error(span_of(computed[k]), span_of(expected[k]), 1e-3 * most),
                        gradient_bound);
}

/// Coordinates of a tensor to try, when one evaluation takes `work` multiply-adds.
constexpr std::size_t coordinates(long work, std::size_t tensors) {
    const long most = 400'000'000 / (2 * (work + 1000) * static_cast<long>(tensors));
    return static_cast<std::size_t>(std::clamp(most, 4L, 60L));
}

/// Values in (−2, 2), all 4 / size apart and at least a quarter of that from 0, in random order: no kink is near.
inline void spread_values(std::span<double> x, Random& random) {
    const auto n = static_cast<double>(x.size());
    for (std::size_t i = 0; i < x.size(); ++i)
        x[i] = 4 * (static_cast<double>(i) + 0.5) / n - 2 + static_cast<double>(x.size() % 2) / n;
    for (std::size_t i = x.size(); i > 1; --i) std::swap(x[i - 1], x[random.below(static_cast<std::uint32_t>(i))]);
}

} // namespace ikebana::test
