// The edge to the user's tensors. Anything with shape() and a row-major begin() is accepted: xtensor containers,
// adaptors and unevaluated expressions, or a reader's image. Contiguous row-major containers of the right element type
// are read in place; others element by element.
#pragma once
#include <ikebana/core/error.hpp>
#include <ikebana/core/shape.hpp>

#include <concepts>
#include <cstddef>
#include <string>
#include <type_traits>

namespace ikebana {

template <class X>
concept HostTensor = requires(const X& x) {
    x.shape().size();
    x.begin();
};

template <class X>
std::string shape_text(const X& x) {
    std::string s;
    for (auto n : x.shape()) s.append(s.empty() ? "" : "x").append(std::to_string(n));
    return s;
}

/// Number of samples in x: x has shape (N, S…) or, for a single sample, (S…). Throws error where it has neither.
template <class S, HostTensor X>
std::size_t check_samples(const X& x, const char* what) {
    const auto& shape = x.shape();
    const std::size_t rank = shape.size();
    const std::size_t skip = rank == static_cast<std::size_t>(S::rank) ? 0 : 1;
    bool fits = rank == S::sizes.size() + skip;
    for (std::size_t i = 0; fits && i < S::sizes.size(); ++i)
        fits = static_cast<std::size_t>(*(shape.begin() + static_cast<std::ptrdiff_t>(i + skip))) ==
               static_cast<std::size_t>(S::sizes[i]);
    if (!fits)
        throw error(std::string(what) + ": shape " + shape_text(x) + " given, expected N samples of " + S::text() +
                    " (the network's input)");
    return skip ? static_cast<std::size_t>(*shape.begin()) : 1;
}

/// Pointer to the elements if x lies in memory as rows of T, else nullptr.
template <class T, HostTensor X>
const T* rows_in_place(const X& x) {
    if constexpr (requires {
                      { x.data() } -> std::same_as<const T*>;
                      x.strides();
                  }) {
        std::ptrdiff_t step = 1;
        const auto& shape = x.shape();
        const auto& strides = x.strides();
        for (std::size_t i = shape.size(); i-- > 0;) {
            const auto n = static_cast<std::ptrdiff_t>(*(shape.begin() + static_cast<std::ptrdiff_t>(i)));
            const auto stride = static_cast<std::ptrdiff_t>(*(strides.begin() + static_cast<std::ptrdiff_t>(i)));
            if (n != 1 && stride != step) return nullptr;
            step *= n;
        }
        return x.data();
    } else {
        return nullptr;
    }
}

} // namespace ikebana
