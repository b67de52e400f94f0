// What a trainer runs of a layer, as functions and numbers that name no type: program.hpp makes a table of them.
#pragma once
#include <ikebana/tensor/view.hpp>

#include <cmath>
#include <cstddef>
#include <span>

namespace ikebana {

/// What a task of a batch gradient wrote: of each parameter `size` numbers, from the arena's element `first` on.
template <class T>
struct BatchGradient {
    static constexpr int most = 4;
    struct Part {
        std::size_t first, size;
        T* to;
    };
    Part parts[most];
    int count = 0;
};

/// A layer's functions; null where it has nothing to do. Those given a view of a tile run on each tile.
template <class View, class T>
struct LayerProgram {
    int position; // in the network
    void (*pack)(const View&, T* packed) = nullptr;

    // Of a layer that needs the whole batch, collect is what a tile does for it before. If it meets, a tile's share is
    // at `partial`, and backward is that direction's collecting half.
    void (*collect)(const View&) = nullptr;
    void (*forward)(const View&) = nullptr;
    void (*backward)(const View&) = nullptr;
    void (*meeting_backward)(const View&) = nullptr;
    std::size_t partial = 0, partial_size = 0;
    void (*finish)(T* batch, std::span<const T> shares, std::span<const int> samples) = nullptr;
    void (*finish_backward)(T* batch, T* gradients, std::span<const T> shares, std::span<const int> samples) = nullptr;
    void (*update_state)(T* state, const T* batch, long samples) = nullptr;

    // Of one that runs over the batch, tasks each way, given the first tile's view.
    int tasks = 0, input_tasks = 0;
    void (*batch_forward)(const View& first, InputRows<T> input, int task) = nullptr;
    void (*batch_backward)(const View& first, int tiles, int task) = nullptr;
    void (*batch_gradient)(const View& first, InputRows<T> input, int task, T* arena, BatchGradient<T>&) = nullptr;
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
