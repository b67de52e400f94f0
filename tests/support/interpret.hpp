// A network run layer by layer, sample by sample, in double on the reference backend, with every intermediate value at
// hand: the plain reading of a chain that the trainer's and the inference network's programs are tested against.
//   LayerRun<B>                one layer on N samples: x, y, dx, dy are (N, …) row-major
//   Interpreter<Net, Loss>     all layers of a Network<…, reference::backend, double>
// Kinks: pattern() tells on which side of every kink the values lie (which place won a max pool, which values a ReLU
// let through), margin() how far they are from the nearest one.
#pragma once
#include <backends/reference/reference.hpp>
#include <ikebana/ikebana.hpp>

#include "findings.hpp"

#include <cstring>
#include <tuple>

namespace ikebana::test {

template <class L>
concept KinksAtZero = std::is_base_of_v<Activation<functors::relu>, L> || requires {
    requires L::kinks_at_zero;
};
template <class L>
concept MaxPooling = requires {
    requires !L::average;
};
template <class L>
inline constexpr bool is_dropout = false;
template <int P>
inline constexpr bool is_dropout<Dropout<P>> = true;

inline void mix(std::uint64_t& hash, std::uint64_t value) { hash = (hash ^ value) * 0x100000001B3u; }

template <class B>
class LayerRun {
  public:
    using layer = typename B::layer;
    using In = typename B::input;
    using Out = typename B::output;
    static constexpr std::size_t xs = In::size, ys = Out::size;
    static constexpr bool meets = meets_of<layer>();

    explicit LayerRun(int samples)
        : x(n(samples) * xs), y(n(samples) * ys), dx(n(samples) * xs), dy(n(samples) * ys), samples_(samples),
          ones_(n(samples), 1), cache_(n(samples) * cache + 1), scratch_(scratch + 1) {
        if constexpr (meets) {
            partials_.resize(n(samples) * layer::template partial_size<In>);
            batch_.resize(layer::template batch_size<In>);
        }
    }

    std::vector<double> x, y, dx, dy;
    const double* p = nullptr; // the layer's parameters, as they lie in an arena
    bool dropout = true;       // false: a Dropout passes everything on, as in inference

    int samples() const { return samples_; }
    /// Mean and biased variance that a meeting layer found in the batch.
    std::span<const double> batch() const { return batch_; }

    void forward() {
        if (is_dropout<layer> && !dropout) {
            y = x;
            return;
        }
        if constexpr (meets) {
            constexpr std::size_t size = layer::template partial_size<In>;
            each([&](int i, auto& context) {
                layer::template collect<In>(reference::backend{}, partials_.data() + n(i) * size, input(i), context);
            });
            layer::template finish<In>(batch_.data(), std::span<const double>(partials_), std::span<const int>(ones_));
        }
        each([&](int i, auto& context) {
            const Tile<double, Out, 1> to{y.data() + n(i) * ys};
            if constexpr (meets)
                layer::template forward<In>(reference::backend{}, to, input(i), parameters(),
                                            static_cast<const double*>(batch_.data()), context);
            else
                layer::template forward<In>(reference::backend{}, to, input(i), parameters(), context);
        });
    }

    /// dx from dy; what the layer adds to its parameters' gradients is added to dp.
    void backward(double* dp) {
        const auto gradients = views(typename B::parameters{}, dp);
        if constexpr (meets) {
            constexpr std::size_t size = layer::template partial_size<In>;
            each([&](int i, auto& context) {
                layer::template collect_backward<In>(reference::backend{}, partials_.data() + n(i) * size, above(i),
                                                     input(i), static_cast<const double*>(batch_.data()), context);
            });
            layer::template finish_backward<In>(batch_.data(), gradients, std::span<const double>(partials_),
                                                std::span<const int>(ones_));
        }
        each([&](int i, auto& context) {
            const Tile<double, In, 1> to{dx.data() + n(i) * xs};
            if constexpr (meets)
                layer::template backward<In>(reference::backend{}, to, above(i), input(i), parameters(),
                                             static_cast<const double*>(batch_.data()), context);
            else
                layer::template backward<In>(reference::backend{}, to, gradients, above(i),
                                             Tile<const double, Out, 1>{y.data() + n(i) * ys}, input(i), parameters(),
                                             context);
        });
    }

    void add_pattern(std::uint64_t& hash) const {
        if constexpr (KinksAtZero<layer>)
            for (const double v : x) mix(hash, v > 0);
        if constexpr (MaxPooling<layer>)
            for (const std::byte b : cache_) mix(hash, std::to_integer<unsigned>(b));
    }

    /// Distance of sample i's x from the nearest kink. Equal zeros in a window are none: a ReLU before made them, and
    /// its slope is 0 there.
    double margin(int i) const {
        double nearest = std::numeric_limits<double>::infinity();
        const double* xi = x.data() + n(i) * xs;
        if constexpr (KinksAtZero<layer>)
            for (std::size_t k = 0; k < xs; ++k) nearest = std::min(nearest, std::abs(xi[k]));
        if constexpr (MaxPooling<layer>) {
            constexpr double none = -std::numeric_limits<double>::infinity();
            using G = typename layer::template geometry<In>;
            std::vector<double> best(ys, none), second(ys, none);
            reference::windows_of<G>.each_in_channel([&](int yi, int, int at) {
                const double v = xi[n(at)];
                double &a = best[n(yi)], &b = second[n(yi)];
                if (v > a)
                    b = a, a = v;
                else if (v > b)
                    b = v;
            });
            for (std::size_t k = 0; k < ys; ++k)
                if (best[k] != 0 || second[k] != 0) nearest = std::min(nearest, best[k] - second[k]);
        }
        return nearest;
    }

  private:
    static constexpr std::size_t cache = cache_bytes_of<layer, In, reference::backend, double>();
    static constexpr std::size_t scratch = scratch_bytes_of<layer, In, reference::backend, double>();

    static constexpr std::size_t n(int i) { return static_cast<std::size_t>(i); }
    Tile<const double, In, 1> input(int i) const { return {x.data() + n(i) * xs}; }
    Tile<double, Out, 1> above(int i) { return {dy.data() + n(i) * ys}; }
    auto parameters() const { return views(typename B::parameters{}, p); }

    /// f(i, context) for each sample, as a tile of its own.
    template <class F>
    void each(F f) {
        for (int i = 0; i < samples_; ++i) {
            LayerContext<double> context;
            context.mask = &one_;
            context.cache = cache_.data() + n(i) * cache;
            context.scratch = scratch_.data();
            context.seed = Seed{};
            context.layer = static_cast<std::uint32_t>(B::position);
            context.sample = static_cast<std::uint32_t>(i);
            context.samples = 1;
            f(i, context);
        }
    }

    int samples_;
    double one_ = 1;
    std::vector<int> ones_;
    std::vector<std::byte> cache_, scratch_;
    std::vector<double> partials_, batch_;
};

template <class Net, class Loss>
class Interpreter {
    template <class Chain>
    struct runs_of;
    template <class... B>
    struct runs_of<pack<B...>> {
        using type = std::tuple<LayerRun<B>...>;
        static type make(int samples) { return type{LayerRun<B>(samples)...}; }
    };

  public:
    static constexpr int count = Net::layer_count;
    /// Layers that run before the loss: all, or all but a last Softmax.
    static constexpr int scored = Loss::template program<typename Net::chain>::size;

    Interpreter(const Net& net, int samples) : runs_(runs_of<typename Net::chain>::make(samples)), samples_(samples) {
        each<count>([&](auto i) { run<i>().p = net.parameters().data() + Net::parameter_offset[i]; });
    }

    template <int I>
    auto& run() {
        return std::get<static_cast<std::size_t>(I)>(runs_);
    }

    /// Runs all layers on rows (N, …); false for `dropout` as in inference.
    void forward(const double* rows, bool dropout = true) {
        std::copy_n(rows, run<0>().x.size(), run<0>().x.data());
        each<count>([&](auto i) {
            if constexpr (i > 0) run<i>().x = run<i - 1>().y;
            run<i>().dropout = dropout;
            run<i>().forward();
        });
    }
    const std::vector<double>& output() { return run<count - 1>().y; }

    /// Cost of each sample.
    std::vector<double> costs(const double* rows, const int* labels) {
        forward(rows);
        auto& last = run<scored - 1>();
        using Out = typename std::remove_reference_t<decltype(last)>::Out;
        std::vector<double> costs(static_cast<std::size_t>(samples_));
        for (std::size_t i = 0; i < costs.size(); ++i) {
            const double label = labels[i], mask = 1;
            double scratch[4];
            Loss::evaluate(reference::backend{}, &costs[i], Nothing{},
                           Tile<const double, Out, 1>{last.y.data() + i * Out::size}, &label, &mask, 1.0, scratch);
        }
        return costs;
    }

    std::uint64_t pattern() {
        std::uint64_t hash = 0xCBF29CE484222325u;
        each<scored>([&](auto i) { run<i>().add_pattern(hash); });
        return hash;
    }
    double margin(int i) {
        double nearest = std::numeric_limits<double>::infinity();
        each<scored>([&](auto layer) { nearest = std::min(nearest, run<layer>().margin(i)); });
        return nearest;
    }

    /// f(std::integral_constant<int, I>) for I = 0 … N−1.
    template <int N, class F>
    static void each(F f) {
        [&]<int... I>(std::integer_sequence<int, I...>) { (f(std::integral_constant<int, I>{}), ...); }
        (std::make_integer_sequence<int, N>{});
    }

  private:
    typename runs_of<typename Net::chain>::type runs_;
    int samples_;
};

} // namespace ikebana::test
