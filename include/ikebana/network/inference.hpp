// InferenceNetwork: the program of a network that only predicts. Its type is computed (inference_pass.hpp, fuse.hpp),
// its parameters are folded once, in double. Everything is const: threads may predict at once, each with its own
// workspace.
//   auto model = net.inference();
//   model.predict(image).argmax();                 // (C,H,W); allocates a workspace for the call
//   auto workspace = model.workspace();
//   model.predict(images, workspace)[n][k];        // (N,C,H,W); the rows live in the workspace until the next call
#pragma once
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
    using chain = decltype(inference_chain<Fold>(typename Net::chain{}));
    using program = decltype(fuse<backend>(chain{}));
    static constexpr auto parameter_offset = parameter_offsets(chain{});
    static constexpr int L = backend::template lanes<T>;
    using Row = Prediction<T, output::size>;

    /// All parameters 0, to be loaded from a file.
    InferenceNetwork() : parameters_(parameter_offset.back()) {}
    /// A snapshot of net, folded.
    explicit InferenceNetwork(const Net& net) : parameters_(parameter_offset.back()) {
        fold(net, typename Net::chain{});
    }

    std::span<const T> parameters() const { return parameters_.span(); }
    std::span<T> parameters() { return parameters_.span(); }

    /// Memory for predict(): two tiles of activations, one tile of rows, scratch. One thread may use it at a time.
    class Workspace {
      public:
        static constexpr std::size_t tile = largest_tile_bytes<backend, T>(program{});
        static constexpr std::size_t scratch = largest_scratch_bytes<backend, T>(program{});
        static constexpr std::size_t bytes = 2 * tile + scratch + input::size * L * sizeof(T);

      private:
        friend InferenceNetwork;
        Arena<std::byte> memory_{bytes};
        std::vector<Row> rows_;
    };
    Workspace workspace() const { return {}; }

    /// One sample (C,H,W).
    template <HostTensor X>
    Row predict(const X& x) const {
        Workspace w;
        if (x.shape().size() != static_cast<std::size_t>(input::rank))
            throw error("predict: shape " + shape_text(x) + " given, expected one sample of " + input::text() +
                        "; a batch is predicted with a workspace: predict(x, workspace)");
        return predict(x, w)[0];
    }

    /// A batch (N,C,H,W) or one sample; a row of outputs each, valid until the workspace is used again.
    template <HostTensor X>
    std::span<const Row> predict(const X& x, Workspace& w) const {
        const std::size_t n = check_samples<input>(x, "predict");
        w.rows_.resize(n);
        T* staged = reinterpret_cast<T*>(w.memory_.data() + 2 * Workspace::tile + Workspace::scratch);
        const T* rows = rows_in_place<T>(x);
        auto next = x.begin();
        for (std::size_t first = 0; first < n; first += L) {
            const int count = static_cast<int>(std::min<std::size_t>(L, n - first));
            if (!rows)
                for (std::size_t i = 0; i < static_cast<std::size_t>(count) * input::size; ++i, ++next)
                    staged[i] = static_cast<T>(*next);
            predict_tile(rows ? rows + first * input::size : staged, count, w.rows_[first].values.data(),
                         w.memory_.data());
        }
        return w.rows_;
    }

    /// One tile of up to L rows: input::size numbers a row in, output::size out; memory of Workspace::bytes.
    void predict_tile(const T* rows, int count, T* out, std::byte* memory) const {
        auto y = run(program{}, rows, count, memory);
        store_tile(backend{}, out, count, output::size, y.template as<Shape<static_cast<int>(output::size)>>());
    }

    /// The tile that leaves the layers of Chain (all of them, or all but a last Softmax), before it is stored.
    template <class... B>
    auto run(pack<B...>, const T* rows, int count, std::byte* memory) const {
        T* buffers[2] = {reinterpret_cast<T*>(memory), reinterpret_cast<T*>(memory + Workspace::tile)};
        LayerContext<T> context;
        context.scratch = memory + 2 * Workspace::tile;
        context.samples = count;
        load_tile(backend{}, Tile<T, input, L>{buffers[0]}, rows, count, input::size);
        int turn = 0;
        (one<B>(buffers, turn, context), ...);
        using last = typename decltype(item_of<sizeof...(B) - 1>(pack<B...>{}))::output;
        return Tile<const T, last, L>{buffers[turn]};
    }

  private:
    template <class B>
    void one(T* (&buffers)[2], int& turn, LayerContext<T>& context) const {
        context.cache = context.scratch + scratch_bytes_of<typename B::layer, typename B::input, backend, T>();
        const Tile<const T, typename B::input, L> x{buffers[turn]};
        const Tile<T, typename B::output, L> y{buffers[1 - turn]};
        B::layer::template forward<typename B::input>(backend{}, y, x, views_of<B>(), context);
        turn = 1 - turn;
    }

    template <class B>
    auto views_of() const {
        return views(typename B::parameters{}, parameters_.data() + offset_of<B>(chain{}));
    }
    template <class B, class... C>
    static constexpr std::size_t offset_of(pack<C...>) {
        std::size_t at = 0, i = 0;
        ((C::position == B::position ? void(at = parameter_offset[i]) : void(), ++i), ...);
        return at;
    }

    // ---- parameters: copied, then every folded batch norm is worked into its target

    template <class... B>
    void fold(const Net& net, pack<B...>) {
        using pass = InferencePass<Fold, B...>;
        (copy_layer<B, pass>(net), ...);
        (work_in<B, pass>(net), ...); // in the order of layers: a batch norm before a Dense sees its unscaled weights
    }

    template <class Pass, int Position>
    auto target_views() {
        constexpr int at = Pass::targets[Position];
        using C = decltype(item_of<at>(chain{}));
        return views(typename C::parameters{}, parameters_.data() + parameter_offset[at]);
    }

    template <class B, class Pass>
    void copy_layer(const Net& net) {
        if constexpr (Pass::fates[B::position] == Fate::keep) {
            const auto from =
                views(typename B::parameters{}, net.parameters().data() + Net::parameter_offset[B::position]);
            auto to = target_views<Pass, B::position>();
            [&]<std::size_t... K>(std::index_sequence<K...>) {
                (std::copy_n(std::get<K>(from).data, std::get<K>(from).size, std::get<K>(to).data), ...);
            }
            (std::make_index_sequence<std::tuple_size_v<decltype(from)>>{});
        }
    }

    template <class B, class Pass>
    void work_in(const Net& net) {
        constexpr Fate fate = Pass::fates[B::position];
        if constexpr (Pass::kinds[B::position] == Kind::batch_norm) {
            constexpr auto C = static_cast<std::size_t>(channels<typename B::input>);
            const auto [g, b] =
                views(typename B::parameters{}, net.parameters().data() + Net::parameter_offset[B::position]);
            const auto [mean, variance] =
                views(typename B::state{}, net.state().data() + Net::state_offset[B::position]);
            std::array<double, C> s, t;
            for (std::size_t c = 0; c < C; ++c) {
                s[c] = double(g[c]) / std::sqrt(double(variance[c]) + B::layer::epsilon);
                t[c] = double(b[c]) - s[c] * double(mean[c]);
            }
            auto to = target_views<Pass, B::position>();
            auto w = std::get<0>(to);
            auto shift = std::get<1>(to);
            const std::size_t outputs = shift.size, inner = w.size / outputs;
            for (std::size_t k = 0; k < outputs; ++k) {
                if constexpr (fate == Fate::affine) {
                    w[k] = static_cast<T>(s[k]);
                    shift[k] = static_cast<T>(t[k]);
                } else if constexpr (fate == Fate::fold_back) {
                    for (std::size_t j = 0; j < inner; ++j) w[k * inner + j] = static_cast<T>(s[k] * w[k * inner + j]);
                    shift[k] = static_cast<T>(s[k] * shift[k] + t[k]);
                } else {
                    double sum = shift[k];
                    for (std::size_t j = 0; j < inner; ++j) {
                        const std::size_t c = j / (inner / C);
                        sum += t[c] * w[k * inner + j];
                        w[k * inner + j] = static_cast<T>(s[c] * w[k * inner + j]);
                    }
                    shift[k] = static_cast<T>(sum);
                }
            }
        }
    }

    Arena<T> parameters_;
};

template <class In, class Layers, class Backend, std::floating_point Scalar>
InferenceNetwork<Network<In, Layers, Backend, Scalar>, true> Network<In, Layers, Backend, Scalar>::inference() const {
    return InferenceNetwork<Network, true>(*this);
}

} // namespace ikebana
