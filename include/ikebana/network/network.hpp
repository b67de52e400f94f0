// Network: a list of layers bound to an input shape, a backend and a scalar type. It holds parameters and running
// statistics, nothing else, and is copied as a value. What it computes is in train/ (Trainer) and
// network/inference.hpp.
//   Network<Input<1,28,28>, LeNet5, cpu::backend> net(Seed{1});
//   static_assert(decltype(net)::output_shape<1> == Shape<20,12,12>{});
#pragma once
#include <ikebana/core/arena.hpp>
#include <ikebana/network/fuse.hpp>
#include <ikebana/network/inference_pass.hpp>
#include <ikebana/network/segments.hpp>

#include <concepts>
#include <span>

namespace ikebana {

template <class Net, bool Fold>
class InferenceNetwork;

template <class In, class Layers, class Backend, std::floating_point Scalar = float>
class Network {
    static_assert(
        requires { typename Backend::workers; }, "the third argument of Network must be a backend, as cpu::backend");

  public:
    using input = decltype(shape_of_input<In>());
    using layers = Layers;
    using backend = Backend;
    using scalar = Scalar;
    using folded = fold_of<input, decltype(list_of_layers<Layers>())>;
    using output = typename folded::output;
    /// pack<Bound…>, as written by the user.
    using chain = typename folded::chain;
    static constexpr int layer_count = chain::size;
    static constexpr bool is_inference = false;

    template <int I>
    using bound = decltype(item_of<I>(chain{}));
    /// Shape that leaves layer I, counted from 0.
    template <int I>
    static constexpr typename bound<I>::output output_shape{};

    static constexpr auto parameter_offset = parameter_offsets(chain{});
    static constexpr auto state_offset = state_offsets(chain{});
    /// Numbers that are trained.
    static constexpr std::size_t parameter_count = []<class... B>(pack<B...>) {
        return (std::size_t{0} + ... + ikebana::parameter_count<typename B::parameters>);
    }(chain{});
    /// Multiply-adds of one sample, forward.
    static constexpr long multiply_adds = []<class... B>(pack<B...>) {
        return (0L + ... + multiply_adds_of<typename B::layer, typename B::input>());
    }(chain{});

    /// Parameters begin as each layer says; the same seed gives the same numbers.
    explicit Network(Seed seed = {}) : Network(seed, AsTheLayerSays{}) {}

    /// The same, but every weight begins by one rule, as Network(Seed{1}, init::FanInUniform{}).
    template <class Rule>
    Network(Seed seed, Rule) : parameters_(parameter_offset.back()), state_(state_offset.back()) {
        each_layer([&]<class B>(B) {
            Random random(seed, Stream::initialise, static_cast<std::uint32_t>(B::position));
            initialise<Rule>(typename B::parameters{}, parameters_.data() + parameter_offset[B::position], random);
            initialise<Rule>(typename B::state{}, state_.data() + state_offset[B::position], random);
        });
    }

    /// All parameters, layer after layer in the order of Layer::parameters; each array is padded to 64 bytes with
    /// zeros.
    std::span<Scalar> parameters() { return parameters_.span(); }
    std::span<const Scalar> parameters() const { return parameters_.span(); }
    std::span<Scalar> state() { return state_.span(); }
    std::span<const Scalar> state() const { return state_.span(); }

    /// Layer I's parameters, in the order of Layer::parameters: auto [weight, bias] = net.layer_parameters<0>().
    template <int I>
    auto layer_parameters() {
        return views(typename bound<I>::parameters{}, parameters_.data() + parameter_offset[I]);
    }
    template <int I>
    auto layer_state() {
        return views(typename bound<I>::state{}, state_.data() + state_offset[I]);
    }

    /// The network that predicts: constant, folded, without dropout. A snapshot: later training doesn't change it.
    InferenceNetwork<Network, true> inference() const;

    /// f(Bound<I, L, In>{}) for each layer in order. (By index: a symbol then carries numbers, not the whole chain.)
    template <class F>
    static void each_layer(F f) {
        [&]<int... I>(std::integer_sequence<int, I...>) { (f(bound<I>{}), ...); }
        (std::make_integer_sequence<int, layer_count>{});
    }

  private:
    struct AsTheLayerSays {};

    template <class Rule, class... P>
    static void initialise(Parameters<P...>, [[maybe_unused]] Scalar* at, Random& random) {
        (fill<Rule, P>(at, random), ...);
    }
    template <class Rule, class P>
    static void fill(Scalar*& at, Random& random) {
        if constexpr (std::is_same_v<typename P::name, weight> && !std::is_same_v<Rule, AsTheLayerSays>)
            Rule::fill(at, typename P::shape{}, random);
        else
            P::initial::fill(at, typename P::shape{}, random);
        at += padded(P::shape::size);
    }

    Arena<Scalar> parameters_, state_;
};

} // namespace ikebana
