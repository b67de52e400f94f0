// Prediction: one sample's output row, by value.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>

namespace ikebana {

template <class T, std::size_t N>
struct Prediction {
    std::array<T, N> values{};

    T operator[](std::size_t k) const { return values[k]; }
    static constexpr std::size_t size() { return N; }
    auto begin() const { return values.begin(); }
    auto end() const { return values.end(); }
    /// Index of the largest value; the first of equals.
    int argmax() const { return static_cast<int>(std::max_element(values.begin(), values.end()) - values.begin()); }
};

} // namespace ikebana
