// Findings: what a check found wrong, as sentences. Checks return them instead of failing a test at once, so that a
// test can also ask that planted errors are found (tests/layers/planted.cpp).
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace ikebana::test {

struct Findings {
    std::vector<std::string> list;
    long comparisons = 0;

    /// `error` must be at most `bound`; NaN is not.
    void expect(const std::string& what, double error, double bound) {
        ++comparisons;
        if (error <= bound) return;
        char numbers[80];
        std::snprintf(numbers, sizeof numbers, ": error %.3g, at most %.3g allowed", error, bound);
        list.push_back(what + numbers);
    }
    void expect(const std::string& what, bool holds) {
        ++comparisons;
        if (!holds) list.push_back(what);
    }
};

/// max |a|; infinite if any is not a number.
template <class T>
double largest(std::span<const T> a) {
    double most = 0;
    for (const T v : a)
        most = std::isnan(v) ? std::numeric_limits<double>::infinity() : std::max(most, std::abs(double(v)));
    return most;
}

/// max |a − b|; infinite where one of them is not a number.
template <class A, class B>
double largest_difference(std::span<const A> a, std::span<const B> b) {
    if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
    double most = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const double d = std::abs(double(a[i]) - double(b[i]));
        most = std::isnan(d) ? std::numeric_limits<double>::infinity() : std::max(most, d);
    }
    return most;
}

/// max |a − b| / max |b|, the denominator at least `floor`; 0 if both are 0 everywhere.
template <class A, class B>
double relative_error(std::span<const A> a, std::span<const B> b, double floor = 0) {
    const double difference = largest_difference(a, b);
    return difference == 0 ? 0 : difference / std::max(largest(b), floor);
}

template <class T>
std::span<const T> span_of(const std::vector<T>& v) {
    return v;
}

} // namespace ikebana::test
