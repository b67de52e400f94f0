// InferenceNetwork: the program of a network that only predicts. Its type is computed (inference_pass.hpp, fuse.hpp),
// its parameters are folded once, in double. Everything is const: threads may predict at once, each with its own
// workspace. A tile with one sample, as a single image is, runs on Backend::single where there is one: its numbers
// equal those within a batch up to rounding.
//   auto model = net.inference();
//   model.predict(image).argmax();                 // (C,H,W); allocates a workspace for the call
//   auto workspace = model.workspace();
//   model.predict(images, workspace)[n][k];        // (N,C,H,W); the rows live in the workspace until the next call
#pragma once
#include <ikebana/network/device.hpp>
#include <ikebana/network/network.hpp>
#include <ikebana/network/prediction.hpp>
#include <ikebana/tensor/host.hpp>

#include <vector>

namespace ikebana {

/// Bytes of the largest tile of a chain, and of the largest scratch with a layer's cache behind it (inference writes
/// argmax too, and never reads it).
template <class Backend, class T, class... B>
constexpr std::size_t largest_tile_bytes(pack<B...>) {
    constexpr std::size_t each = Backend::template lanes<T> * sizeof(T);
    return (std::max({B::input::size..., B::output::size...}) * each + 63) / 64 * 64;
}
template <class Backend, class T, class... B>
constexpr std::size_t largest_scratch_bytes(pack<B...>) {
    return std::max({std::size_t{64}, (scratch_bytes_of<typename B::layer, typename B::input, Backend, T>() +
                                       cache_bytes_of<typename B::layer, typename B::input, Backend, T>())...});
}

/// Works a batch norm over n channels into `inner` = weights / biases weights for each of `biases` outputs, as its fate
/// says: w, b ← s w, s b + t (back), w s, b + w t (forward) or s, t themselves (affine).
template <class T>
[[gnu::cold]] void work_in_batch_norm(Fate fate, std::size_t n, const T* gamma, const T* beta, const T* mean,
                                      const T* variance, T* w, std::size_t weights, T* b, std::size_t biases) {
    const auto s = [&](std::size_t c) {
        return double(gamma[c]) / std::sqrt(double(variance[c]) + BatchNorm::epsilon);
    };
    const auto t = [&](std::size_t c) { return double(beta[c]) - s(c) * double(mean[c]); };
    const std::size_t inner = weights / biases;
    for (std::size_t k = 0; k < biases; ++k) {
        T* wk = w + k * inner;
        if (fate == Fate::affine) {
            wk[0] = static_cast<T>(s(k));
            b[k] = static_cast<T>(t(k));
        } else if (fate == Fate::fold_back) {
            for (std::size_t j = 0; j < inner; ++j) wk[j] = static_cast<T>(s(k) * wk[j]);
            b[k] = static_cast<T>(s(k) * b[k] + t(k));
        } else {
            double sum = b[k];
            for (std::size_t c = 0; c < n; ++c)
                for (std::size_t j = c * (inner / n); j < (c + 1) * (inner / n); ++j) {
                    sum += t(c) * wk[j];
                    wk[j] = static_cast<T>(s(c) * wk[j]);
                }
            b[k] = static_cast<T>(sum);
        }
    }
}

/// Elements of a layer's first two parameters, as weights and biases; 0 where it has none.
template <class... P>
constexpr std::array<std::size_t, 2> first_two_sizes(Parameters<P...>) {
    std::array<std::size_t, sizeof...(P) + 2> sizes{P::shape::size...};
    return {sizes[0], sizes[1]};
}

/// The chain of a network that only predicts, under the network's name: symbols then don't spell out its layers.
template <class Net, bool Fold>
struct InferenceChain {
    using chain = decltype(inference_chain<Fold>(typename Net::chain{}));
};

/// A network's inference chain as Backend runs it on a tile of samples: fused, its weights packed; calls are given its
/// parameters.
template <class Of, class Backend, class T>
class InferenceProgram {
  public:
    using chain = typename Of::chain;
    using program = decltype(fuse<Backend>(chain{}));
    static constexpr auto packed_offset = packed_offsets<Backend, T>(program{});
    static constexpr int L = Backend::template lanes<T>;
    template <int I>
    using bound = decltype(item_of<I>(program{}));
    using input = typename bound<0>::input;

    /// Memory for run(): two tiles of activations, scratch; on a device also the rows that go in and out.
    static constexpr std::size_t tile = largest_tile_bytes<Backend, T>(program{});
    static constexpr std::size_t scratch = largest_scratch_bytes<Backend, T>(program{});
    static constexpr std::size_t rows_at = 2 * tile + scratch;
    static constexpr std::size_t bytes = rows_at + (DeviceBackend<Backend> ? tile : 0);

    InferenceProgram() : packed_(packed_offset.back()) {}

    /// Brings the parameters into the form that the kernels want.
    void pack_parameters(const T* parameters) {
        parameters_.take(parameters, parameter_offsets(chain{}).back());
        parameters = parameters_.of(parameters);
        [&]<int... I>(std::integer_sequence<int, I...>) { (pack_layer<I>(parameters), ...); }
        (std::make_integer_sequence<int, program::size>{});
    }

    /// The tile that leaves the first Count layers; count rows of input::size numbers go in.
    template <int Count>
    auto run(const T* parameters, const T* rows, int count, std::byte* memory) const {
        if constexpr (DeviceBackend<Backend>) {
            T* copy = reinterpret_cast<T*>(memory + rows_at);
            to_device(Backend{}, copy, rows, static_cast<std::size_t>(count) * input::size);
            rows = copy;
        }
        load_tile(Backend{}, Tile<T, input, L>{reinterpret_cast<T*>(memory)}, rows, count, input::size);
        return run_loaded<Count>(Backend{}, parameters, count, memory);
    }
    /// The same, of the tile that memory begins with; on a device of all tiles of `on`.
    template <int Count>
    auto run_loaded(Backend on, const T* parameters, int samples, std::byte* memory) const {
        return Tile<const T, typename bound<Count - 1>::output, L>{run_layers(on, Count, parameters, samples, memory)};
    }
    /// The rows that leave the last layer.
    template <std::size_t Size>
    void run_all(const T* parameters, const T* rows, int count, T* out, std::byte* memory) const {
        store_rows<Size>(run<program::size>(parameters, rows, count, memory), count, out, memory);
    }
    /// The rows of a tile that run() returned.
    template <std::size_t Size, class Y>
    static void store_rows(Y y, int count, T* out, [[maybe_unused]] std::byte* memory) {
        const auto flat = y.template as<Shape<static_cast<int>(Size)>>();
        if constexpr (DeviceBackend<Backend>) {
            T* copy = reinterpret_cast<T*>(memory + rows_at);
            store_tile(Backend{}, copy, count, Size, flat);
            to_host(Backend{}, out, copy, static_cast<std::size_t>(count) * Size);
        } else {
            store_tile(Backend{}, out, count, Size, flat);
        }
    }

  private:
    const T* run_layers(Backend on, int layers, const T* parameters, int samples, std::byte* memory) const {
        static constexpr auto forwards = []<int... I>(std::integer_sequence<int, I...>) {
            return std::array{&InferenceProgram::forward<I>...};
        }
        (std::make_integer_sequence<int, program::size>{});
        T* buffers[2] = {reinterpret_cast<T*>(memory), reinterpret_cast<T*>(memory + tile)};
        LayerContext<T> context;
        context.scratch = memory + 2 * tile;
        context.samples = samples;
        parameters = parameters_.of(parameters);
        for (int i = 0; i < layers; ++i)
            (this->*forwards[static_cast<std::size_t>(i)])(on, parameters, buffers[i % 2], buffers[(i + 1) % 2],
                                                           context);
        return buffers[layers % 2];
    }

    /// Where the parameters of a layer begin, by its position in the training chain. Fused layers have that of the
    /// first.
    static constexpr auto offset_at_position = []<class... B>(pack<B...>) {
        constexpr auto offsets = parameter_offsets(chain{});
        std::array<std::size_t, std::max({B::position...}) + 1> at{};
        std::size_t i = 0;
        ((at[B::position] = offsets[i++]), ...);
        return at;
    }(chain{});

    template <int I>
    static auto layer_parameters(const T* parameters) {
        return views(typename bound<I>::parameters{}, parameters + offset_at_position[bound<I>::position]);
    }

    template <int I>
    void forward(Backend on, const T* parameters, const T* from, T* to, LayerContext<T>& context) const {
        using B = bound<I>;
        context.packed = packed_.data() + packed_offset[I];
        context.cache = context.scratch + scratch_bytes_of<typename B::layer, typename B::input, Backend, T>();
        B::layer::template forward<typename B::input>(on, Tile<T, typename B::output, L>{to},
                                                      Tile<const T, typename B::input, L>{from},
                                                      layer_parameters<I>(parameters), context);
    }

    template <int I>
    void pack_layer(const T* parameters) {
        using B = bound<I>;
        if constexpr (packed_offset[I + 1] > packed_offset[I])
            B::layer::template pack<typename B::input>(Backend{}, packed_.data() + packed_offset[I],
                                                       layer_parameters<I>(parameters));
    }

    Memory<Backend, T> packed_;
    Mirror<Backend, T> parameters_;
};

/// What a backend runs one sample on: its tag for that, or itself.
template <class Backend>
struct single_of {
    using type = Backend;
};
template <class Backend>
requires requires { typename Backend::single; }
struct single_of<Backend> {
    using type = typename Backend::single;
};

template <class Net, bool Fold = true>
class InferenceNetwork {
  public:
    using network = Net;
    using input = typename Net::input;
    using output = typename Net::output;
    using backend = typename Net::backend;
    using scalar = typename Net::scalar;
    using T = scalar;
    static constexpr bool is_inference = true;

    /// The layers as they remain, and as the backend runs them.
    using chain = typename InferenceChain<Net, Fold>::chain;
    using program = decltype(fuse<backend>(chain{}));
    static constexpr auto parameter_offset = parameter_offsets(chain{});
    using Tiles = InferenceProgram<InferenceChain<Net, Fold>, backend, T>;
    using One = InferenceProgram<InferenceChain<Net, Fold>, typename single_of<backend>::type, T>;
    static constexpr bool has_single = !std::is_same_v<Tiles, One>;
    static constexpr int L = backend::template lanes<T>;
    using Row = Prediction<T, output::size>;

    /// All parameters 0, to be loaded from a file.
    InferenceNetwork() : parameters_(parameter_offset.back()) {}
    /// A snapshot of net, folded.
    explicit InferenceNetwork(const Net& net) : InferenceNetwork() {
        fold(net);
        pack_parameters();
    }

    std::span<const T> parameters() const { return parameters_.span(); }
    /// Whoever writes here calls pack_parameters() before predicting.
    std::span<T> parameters() { return parameters_.span(); }
    /// Brings the parameters into the form that the kernels want.
    void pack_parameters() {
        tiles_.pack_parameters(parameters_.data());
        if constexpr (has_single) one_.pack_parameters(parameters_.data());
    }

    /// Memory for predict(): what the programs need, and a tile of rows. One thread may use it at a time.
    class Workspace {
      public:
        static constexpr std::size_t bytes = std::max(Tiles::bytes, One::bytes);

      private:
        friend InferenceNetwork;
        Memory<backend, std::byte> memory_{bytes};
        Arena<T> staged_{input::size * L};
        std::vector<Row> rows_;
    };
    Workspace workspace() const { return {}; }

    /// One sample (C,H,W).
    template <HostTensor X>
    Row predict(const X& x) const {
        Workspace w;
        if (x.shape().size() != static_cast<std::size_t>(input::rank))
            throw error("predict: shape " + HostSizes(x).text() + " given, expected one sample of " + input::text() +
                        "; a batch is predicted with a workspace: predict(x, workspace)");
        return predict(x, w)[0];
    }

    /// A batch (N,C,H,W) or one sample; a row of outputs each, valid until the workspace is used again.
    template <HostTensor X>
    std::span<const Row> predict(const X& x, Workspace& w) const {
        const std::size_t n = check_samples(HostSizes(x), input::sizes, "predict");
        w.rows_.resize(n);
        T* staged = w.staged_.data();
        const T* rows = rows_in_place<T>(x);
        auto next = x.begin();
        for (std::size_t first = 0; first < n; first += L) {
            const int count = static_cast<int>(std::min<std::size_t>(L, n - first));
            if (!rows)
                for (std::size_t i = 0; i < static_cast<std::size_t>(count) * input::size; ++i, ++next)
                    staged[i] = input_number<T>(*next);
            predict_tile(rows ? rows + first * input::size : staged, count, w.rows_[first].values.data(),
                         w.memory_.data());
        }
        return w.rows_;
    }

    /// One tile of up to L rows: input::size numbers a row in, output::size out; memory of Workspace::bytes. One row
    /// alone goes its own way where the backend has one: numbers are the same up to rounding.
    void predict_tile(const T* rows, int count, T* out, std::byte* memory) const {
        if constexpr (has_single)
            if (count == 1) return one_.template run_all<output::size>(parameters_.data(), rows, count, out, memory);
        tiles_.template run_all<output::size>(parameters_.data(), rows, count, out, memory);
    }

    /// The tile that leaves the first Count layers of `program`: all, or all but a last Softmax.
    template <int Count>
    auto run(const T* rows, int count, std::byte* memory) const {
        return tiles_.template run<Count>(parameters_.data(), rows, count, memory);
    }
    /// On a device, the tiles that leave them when the tiles of `on` went in, each at the beginning of its memory.
    template <int Count>
    auto run_loaded(backend on, int samples, std::byte* memory) const {
        return tiles_.template run_loaded<Count>(on, parameters_.data(), samples, memory);
    }

  private:
    // ---- parameters: copied, then every batch norm is worked into its target

    using pass = decltype(inference_pass<Fold>(typename Net::chain{}));

    [[gnu::cold]] void fold(const Net& net) {
        constexpr auto count = static_cast<std::size_t>(Net::layer_count);
        // Elements of each layer's parameters, channels of its input, and sizes of the first two arrays that remain.
        static constexpr auto extents = []<class... B>(pack<B...>) {
            return std::array{parameter_extent<typename B::parameters>...};
        }(typename Net::chain{});
        static constexpr auto channels_in = []<class... B>(pack<B...>) {
            return std::array{static_cast<std::size_t>(channels<typename B::input>)...};
        }(typename Net::chain{});
        static constexpr auto sizes = []<class... B>(pack<B...>) {
            return std::array<std::array<std::size_t, 2>, sizeof...(B)>{first_two_sizes(typename B::parameters{})...};
        }(chain{});
        static constexpr auto kinds = pass::kinds; // under this function's name, which doesn't spell out the layers
        static constexpr auto fates = pass::fates;
        static constexpr auto targets = pass::targets;
        const auto target = [](std::size_t i) { return static_cast<std::size_t>(targets[i]); };
        for (std::size_t i = 0; i < count; ++i)
            if (fates[i] == Fate::keep) // weights come first on both sides; a bias may be new here
                std::copy_n(net.parameters().data() + Net::parameter_offset[i], extents[i],
                            parameters_.data() + parameter_offset[target(i)]);
        for (std::size_t i = 0; i < count; ++i) { // in order: a batch norm before a Dense sees its unscaled weights
            if (kinds[i] != Kind::batch_norm) continue;
            const auto [weights, biases] = sizes[target(i)];
            const std::size_t n = channels_in[i];
            const T* learned = net.parameters().data() + Net::parameter_offset[i];
            const T* kept = net.state().data() + Net::state_offset[i];
            T* to = parameters_.data() + parameter_offset[target(i)];
            work_in_batch_norm(fates[i], n, learned, learned + padded(n), kept, kept + padded(n), to, weights,
                               to + padded(weights), biases);
        }
    }

    Arena<T> parameters_;
    Tiles tiles_;
    std::conditional_t<has_single, One, Nothing> one_;
};

template <class In, class Layers, class Backend, std::floating_point Scalar>
InferenceNetwork<Network<In, Layers, Backend, Scalar>, true> Network<In, Layers, Backend, Scalar>::inference() const {
    return InferenceNetwork<Network, true>(*this);
}

} // namespace ikebana
