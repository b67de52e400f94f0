// What a trainer runs of a program, as functions and numbers that name no layer: tables of them are made in
// program.hpp.
#pragma once
#include <ikebana/tensor/view.hpp>

#include <cmath>
#include <cstddef>
#include <span>

namespace ikebana {

/// One region each way, on a tile; null where a tile has nothing to do, but for the first one forward.
template <class View>
struct Region {
    void (*forward)(const View&);
    void (*backward)(const View&);
};

/// What a layer does for the whole batch between two regions: one that meets finishes the tiles' shares, which are at
/// `partial`; one over the batch (tasks > 0) has tasks each way, given the first tile's view.
template <class View, class T>
struct Meeting {
    std::size_t partial = 0, partial_size = 0;
    void (*finish)(T* batch, std::span<const T> shares, std::span<const int> samples) = nullptr;
    void (*finish_backward)(T* batch, T* gradients, std::span<const T> shares, std::span<const int> samples) = nullptr;
    void (*update_state)(T* state, const T* batch, long samples) = nullptr;
    int tasks = 0, input_tasks = 0;
    void (*batch_forward)(const View& first, BatchRows<T> rows, int task) = nullptr;
    void (*batch_backward)(const View& first, int tiles, int task) = nullptr;
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
