// What the training program of a network and a loss is made of, all constants of the type: its chain, the cut into
// segments, and where everything that a step needs beside the parameters lies.
// Next to read: train/program.hpp, which holds what is done with it.
#pragma once
#include <ikebana/loss/loss.hpp>
#include <ikebana/network/network.hpp>

namespace ikebana {

/// Numbers that a tile, and the whole batch, share at a meeting layer; 0 for other layers.
template <class B>
constexpr std::size_t partial_size_of() {
    if constexpr (meets_of<typename B::layer>())
        return padded(B::layer::template partial_size<typename B::input>);
    else
        return 0;
}
template <class B>
constexpr std::size_t batch_size_of() {
    if constexpr (meets_of<typename B::layer>())
        return padded(B::layer::template batch_size<typename B::input>);
    else
        return 0;
}

/// Elements that a number of outputs have of each parameter of a layer over the batch.
template <class Output, class... P>
constexpr auto elements_of_outputs(Parameters<P...>, int outputs) {
    static_assert(((P::shape::size % Output::size == 0) && ...), "every parameter belongs to outputs");
    return std::array<std::size_t, sizeof...(P)>{P::shape::size / Output::size * static_cast<std::size_t>(outputs)...};
}

/// Elements of the largest task of a layer's batch gradient.
template <class B, class Backend, class T>
constexpr std::size_t batch_task_size_of() {
    using layer = typename B::layer;
    using In = typename B::input;
    std::size_t size = 0;
    if constexpr (over_batch<B, Backend, T>) {
        int outputs = 0;
        for (int task = 0; task < batch_tasks<B, Backend, T>; ++task)
            outputs = std::max(outputs, layer::template batch_outputs<In, T>(Backend{}, task).second);
        for (const std::size_t n : elements_of_outputs<typename B::output>(typename B::parameters{}, outputs))
            size += padded(n);
    }
    return size;
}

template <class Net, class Loss>
struct ProgramLayout {
    using backend = typename Net::backend;
    using T = typename Net::scalar;
    using input = typename Net::input;
    static constexpr int L = backend::template lanes<T>;

    using chain = decltype(fuse<backend>(typename Loss::template program<typename Net::chain>{}));
    using layout = TileLayout<chain, backend, T>;
    static constexpr int count = chain::size;
    static constexpr auto cut = segments_of<backend, T>(chain{});
    static constexpr int segments = static_cast<int>(cut.count);

    template <int I>
    using bound = decltype(item_of<I>(chain{}));
    /// Shape of what enters layer I; I = count is what leaves the last.
    template <int I>
    static auto shape_at() {
        if constexpr (I < count)
            return typename bound<I>::input{};
        else
            return typename bound<count - 1>::output{};
    }

    template <int I>
    static constexpr bool is_over_batch = over_batch<bound<I>, backend, T>;

    /// The first layer that trains anything: gradients are not carried below it.
    static constexpr int first_trained = []<class... B>(pack<B...>) {
        int at = 0;
        bool found = false;
        ((found = found || B::parameters::count > 0, at += !found), ...);
        return at;
    }(chain{});

    /// Which layers go in the tasks of a layer over the batch, each way: that layer itself; forward, an elementwise one
    /// behind it, on the task's outputs; and back, one before it, on the task's inputs.
    struct Directions {
        bool forward = false, backward = false;
    };
    static constexpr auto in_tasks = []<class... B>(pack<B...>) {
        constexpr std::array whole{over_batch<B, backend, T>...},
            elementwise{is_elementwise<typename B::layer> && B::parameters::count == 0 ...};
        std::array<Directions, count> in{};
        for (std::size_t i = 0; i < in.size(); ++i) {
            in[i].forward = whole[i] || (elementwise[i] && i > 0 && whole[i - 1]);
            in[i].backward = whole[i] || (elementwise[i] && i > first_trained && i + 1 < count && whole[i + 1]);
        }
        return in;
    }(chain{});

    /// Numbers that meeting layers share: of each tile, and of the batch.
    static constexpr auto partial_offset = []<class... B>(pack<B...>) {
        return offsets_of(hana::make_tuple(partial_size_of<B>()...));
    }(chain{});
    static constexpr auto batch_offset = []<class... B>(pack<B...>) {
        return offsets_of(hana::make_tuple(batch_size_of<B>()...));
    }(chain{});

    /// Elements that the largest task of a batch gradient writes.
    static constexpr std::size_t batch_task_size = []<class... B>(pack<B...>) {
        return std::max({batch_task_size_of<B, backend, T>()...});
    }(chain{});

    /// One tile's memory, with its labels, mask and costs behind the layout.
    static constexpr std::size_t tile_bytes = layout::bytes + 3 * ((L * sizeof(T) + 63) / 64 * 64);
    static constexpr std::size_t scratch_bytes =
        std::max({layout::scratch, 4 * ((L * sizeof(T) + 63) / 64 * 64), (batch_task_size * sizeof(T) + 63) / 64 * 64});

    static constexpr auto packed_offset = packed_offsets<backend, T>(chain{});

    /// Stretches of the parameter arena whose gradients are taken alike: tile by tile into slots, or over the batch.
    struct Stretch {
        std::size_t begin = 0, end = 0;
        bool batch_wide = false;
    };
    static constexpr auto stretches = []<class... B>(pack<B...>) {
        std::array<Stretch, sizeof...(B)> all{};
        std::size_t n = 0;
        const auto add = [&](std::size_t begin, std::size_t end, bool batch_wide) {
            if (begin == end) return;
            if (n > 0 && all[n - 1].batch_wide == batch_wide)
                all[n - 1].end = end;
            else
                all[n++] = {begin, end, batch_wide};
        };
        (add(Net::parameter_offset[B::position],
             Net::parameter_offset[B::position] + parameter_extent<typename B::parameters>, over_batch<B, backend, T>),
         ...);
        return std::pair{all, n};
    }(chain{});

    /// Tasks of batch gradients, layer after layer.
    static constexpr auto batch_tasks = []<class... B>(pack<B...>) {
        return offsets_of(hana::make_tuple(
            std::size_t(B::position >= bound<first_trained>::position ? ikebana::batch_tasks<B, backend, T> : 0)...));
    }(chain{});
};

} // namespace ikebana
