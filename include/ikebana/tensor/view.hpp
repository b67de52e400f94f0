// View and Tile: what primitives receive. Neither owns memory, both know their shape from the type.
//   View<T, S>      a parameter: row-major, S::size elements
//   Tile<T, S, L>   L samples of shape S, lanes last: [feature][lane], feature row-major in S
// Both are leaves of expressions.
#pragma once
#include <ikebana/core/shape.hpp>
#include <ikebana/tensor/expression.hpp>

#include <algorithm>
#include <cstddef>

namespace ikebana {

template <class T, class S>
struct View {
    using expression_tag = void;
    using shape = S;
    using element = T;
    static constexpr std::size_t size = S::size;

    T* data;

    constexpr T& operator[](std::size_t i) const { return data[i]; }
    constexpr Elements<std::remove_const_t<T>> elements() const { return {data}; }
    template <class V>
    constexpr V load(Position p) const {
        return ikebana::load<V>(data + p.index);
    }
    void fill(std::remove_const_t<T> x) const { std::fill(data, data + size, x); }
    operator View<const T, S>() const { return {data}; }
};

template <class T, class S, int L>
struct Tile {
    using expression_tag = void;
    using shape = S;
    using element = T;
    static constexpr int lanes = L;
    static constexpr std::size_t size = S::size * L; // elements

    T* data;

    constexpr T* row(int feature) const { return data + static_cast<std::size_t>(feature) * L; }
    constexpr Elements<std::remove_const_t<T>> elements() const { return {data}; }
    template <class V>
    constexpr V load(Position p) const {
        return ikebana::load<V>(data + p.index);
    }
    operator Tile<const T, S, L>() const { return {data}; }
    /// The same memory under another shape of the same size.
    template <class Other>
    Tile<T, Other, L> as() const {
        static_assert(Other::size == S::size);
        return {data};
    }
};

/// Rows of L numbers, from one of a tile on, in all tiles of a batch, `step` elements apart.
template <class T>
struct TileRows {
    T* first;
    std::size_t step;
    int count;

    T* operator[](int t) const { return first + static_cast<std::size_t>(t) * step; }
};

/// The tiles of a batch at one place of a network, `step` elements apart.
template <class T, class S, int L>
struct BatchTiles {
    using shape = S;
    using element = T;
    static constexpr int lanes = L;

    T* first;
    std::size_t step;
    int count;

    Tile<T, S, L> operator[](int t) const { return {first + static_cast<std::size_t>(t) * step}; }
    /// The rows from one on, to be read or written.
    TileRows<const std::remove_const_t<T>> read_from(int row) const { return {(*this)[0].row(row), step, count}; }
    TileRows<T> write_from(int row) const { return {(*this)[0].row(row), step, count}; }
};

/// The samples of a batch as rows: `step` elements from one to the next within a tile, tiles `tile_step` apart.
template <class T>
struct BatchRows {
    using element = T;

    const T* first;
    std::size_t tile_step, step;
    int samples;

    const T* tile(int t) const { return first + static_cast<std::size_t>(t) * tile_step; }
};

/// Those of the network's input. If they are sparse, most elements are `background`.
template <class T>
struct InputRows : BatchRows<T> {
    bool sparse = false;
    T background = 0;
};
template <class Rows>
inline constexpr bool may_be_sparse = std::is_same_v<Rows, InputRows<typename Rows::element>>;

/// A stretch of each tile's memory, `step` bytes apart: for what a layer over the batch prepares.
struct BatchMemory {
    std::byte* first;
    std::size_t step;

    std::byte* tile(int t) const { return first + static_cast<std::size_t>(t) * step; }
};

/// The number type of a View or Tile.
template <class X>
using number_of = std::remove_const_t<typename X::element>;

/// Stands where a gradient is not wanted: the first layer's input has none.
struct Nothing {};
template <class X>
inline constexpr bool is_nothing = std::is_same_v<X, Nothing>;

} // namespace ikebana
