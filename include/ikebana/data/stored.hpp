// Stored samples: a reader whose samples lie in memory, one after the other, can also say where, and in which order a
// pass gives them, for somebody who takes them from there (a GPU, which holds them all):
//   auto stored() const                                                 a Stored<U>
//   void order(unsigned pass, std::vector<std::uint32_t>& to) const     the number of every sample of that pass
// A converted number is what next() gives; it does not throw. A sample that next() gave stays as it is after further
// ones, and any thread may read it. Combinators that change no sample pass both on.
#pragma once
#include <cstdint>
#include <ikebana/data/reader.hpp>
#include <ikebana/tensor/scale.hpp>
#include <span>
#include <vector>

namespace ikebana {

/// An 8-bit grey level, which is its scaled value.
struct Grey {
    std::uint8_t level;
    constexpr operator float() const { return scaled(level); }
};

/// N samples: N · shape::size numbers, and labels. The reader owns the numbers.
template <class U>
struct Stored {
    using number = U;
    std::span<const U> images;
    std::vector<int> labels;
};

template <class R>
concept StoredReader = Reader<R> && requires(const R& r, std::vector<std::uint32_t>& to) {
    typename decltype(r.stored())::number;
    r.order(0u, to);
};

} // namespace ikebana
