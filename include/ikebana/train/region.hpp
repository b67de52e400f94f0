// What a trainer runs of a program, as functions and numbers that name no layer: tables of them are made in
// program.hpp.
#pragma once
#include <cmath>
#include <cstddef>
#include <span>

namespace ikebana {

/// One region each way, on a tile.
template <class View>
struct Region {
    void (*forward)(const View&);
    void (*backward)(const View&);
};

/// What a meeting layer does for the whole batch between two regions, and where in a tile's partial its share is.
template <class T>
struct Meeting {
    std::size_t partial, partial_size;
    void (*finish)(T* batch, std::span<const T> shares, std::span<const int> samples);
    void (*finish_backward)(T* batch, T* gradients, std::span<const T> shares, std::span<const int> samples);
    void (*update_state)(T* state, const T* batch, long samples);
};

/// A layer's output in a tile's memory: where it begins, in bytes, and its features.
struct LayerOutput {
    int position;
    std::size_t begin, features;
};

/// Whether a tile's first `samples` lanes hold finite numbers only.
template <class T>
bool all_finite(const T* tile, std::size_t features, int lanes, int samples) {
    for (std::size_t f = 0; f < features; ++f)
        for (int lane = 0; lane < samples; ++lane)
            if (!std::isfinite(tile[f * static_cast<std::size_t>(lanes) + static_cast<std::size_t>(lane)]))
                return false;
    return true;
}

} // namespace ikebana
