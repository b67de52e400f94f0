// The edge to the user's tensors. Anything with shape() and a row-major begin() is accepted: xtensor containers,
// adaptors and unevaluated expressions, or a reader's image. Contiguous row-major containers of the right element type
// are read in place; others element by element. 8-bit grey levels are scaled, as readers scale them (scale.hpp).
#pragma once
#include <ikebana/core/error.hpp>
#include <ikebana/core/shape.hpp>
#include <ikebana/tensor/scale.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace ikebana {

template <class X>
concept HostTensor = requires(const X& x) {
    x.shape().size();
    x.begin();
};

/// The sizes of a tensor of whatever type.
struct HostSizes {
    static constexpr std::size_t most = 8; // axes that are kept
    std::array<std::size_t, most> sizes{};
    std::size_t rank = 0;

    template <HostTensor X>
    explicit HostSizes(const X& x) {
        for (const auto n : x.shape())
            if (++rank <= most) sizes[rank - 1] = static_cast<std::size_t>(n);
    }

    [[gnu::cold]] std::string text() const {
        std::string s;
        for (std::size_t i = 0; i < std::min(rank, most); ++i)
            s.append(i == 0 ? "" : "x").append(std::to_string(sizes[i]));
        return rank > most ? s + "x..." : s;
    }
};

/// Number of samples in a tensor of shape (N, sample…) or, for a single one, (sample…). Throws error for any other.
inline std::size_t check_samples(const HostSizes& given, std::span<const int> sample, const char* what) {
    const std::size_t skip = given.rank == sample.size() ? 0 : 1;
    if (given.rank != sample.size() + skip || given.rank > HostSizes::most ||
        !std::equal(sample.begin(), sample.end(), given.sizes.begin() + skip,
                    [](int a, std::size_t b) { return static_cast<std::size_t>(a) == b; }))
        throw error(std::string(what) + ": shape " + given.text() + " given, expected N samples of " +
                    numbers_text(sample, "x") + " (the network's input)");
    return skip ? given.sizes[0] : 1;
}

/// Where a container's elements begin; a view's lie within those of what it views.
template <class X>
auto first_element(const X& x) {
    if constexpr (requires { x.data_offset(); })
        return x.data() + x.data_offset();
    else
        return x.data();
}

/// A tensor's number as an input of a network.
template <class T, class U>
constexpr T input_number(const U& x) {
    if constexpr (std::is_same_v<U, std::uint8_t>)
        return static_cast<T>(scaled(x));
    else
        return static_cast<T>(x);
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
        return first_element(x);
    } else {
        return nullptr;
    }
}

/// The same, or else x's n elements in `staged`.
template <class T, HostTensor X>
const T* rows_of(const X& x, std::size_t n, std::vector<T>& staged) {
    if (const T* rows = rows_in_place<T>(x)) return rows;
    staged.resize(n);
    auto next = x.begin();
    for (T& value : staged) value = input_number<T>(*next), ++next;
    return staged.data();
}

} // namespace ikebana
