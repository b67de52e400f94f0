// Readers: where samples and batches come from. A reader is a value with two functions:
//   void start(unsigned pass)   back to the first sample; the pass number (0, 1, …) gives each pass its own shuffle
//   bool next(x&)               the next sample or batch into x; false at the end, x then as it was
// and two constants: shape (of one sample, Shape<C,H,W>) and classes. A reader that was not started yet stands at pass
// 0. size(), where it has one, counts what a pass gives. Combinators take readers by value and return readers:
//   prefetch(batch(shuffle(map(reader, f), 500), 64))
// Read next: from_arrays.hpp (your own data), shuffle.hpp, map.hpp, batches.hpp, prefetch.hpp; io/mnist.hpp for files.
#pragma once
#include <concepts>
#include <cstddef>
#include <ikebana/core/shape.hpp>
#include <ikebana/data/batch.hpp>

namespace ikebana {

/// One labelled image: image[i] for i < shape::size, row-major (C,H,W), already scaled; label in 0 … classes−1.
template <class S>
concept Sample = std::default_initializable<S> && requires(const S& s, std::size_t i) {
    { s.image[i] } -> std::convertible_to<float>;
    { s.label } -> std::convertible_to<int>;
};

template <class R>
concept Reader = std::move_constructible<R> && requires(R& r) {
    typename R::shape;
    requires R::shape::rank == 3;
    { R::classes } -> std::convertible_to<int>;
    r.start(0u);
};

/// A reader that gives one sample after the other.
template <class R>
concept SampleReader = Reader<R> && Sample<typename R::sample> && requires(R& r, typename R::sample& s) {
    { r.next(s) } -> std::same_as<bool>;
};

/// A reader that gives batches, the last of a pass possibly short.
template <class R>
concept BatchReader = Reader<R> && requires(R& r, const R& constant, Batch& b) {
    { r.next(b) } -> std::same_as<bool>;
    { constant.batch_size() } -> std::convertible_to<std::size_t>;
};

/// A reader that knows how many samples or batches a pass has.
template <class R>
concept SizedReader = Reader<R> && requires(const R& r) {
    { r.size() } -> std::convertible_to<std::size_t>;
};

} // namespace ikebana
