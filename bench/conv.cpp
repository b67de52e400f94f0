// Convolutions and depthwise ones, each direction alone, batch 64, one thread. Weights are packed beforehand, as once a
// step.
#include "executed.hpp"
#include "random_numbers.hpp"
#include "report.hpp"
#include "shapes.hpp"
#include <backends/cpu/cpu.hpp>

using namespace ikebana;

namespace {

constexpr int L = cpu::backend::lanes<float>, tiles = bench::batch / L;

/// Operands of one convolution, all tiles of a batch.
template <class G>
struct Operands {
    using X = typename G::input;
    using Y = typename G::output;
    using W = typename G::weights;
    Arena<float> x = bench::random_numbers(tiles * X::size * L), y = bench::random_numbers(tiles * Y::size * L),
                 w = bench::random_numbers(W::size), b = bench::random_numbers(G::K), dx{x.size()}, dw{w.size()};
    Arena<std::byte> scratch{conv_scratch_bytes(cpu::backend{}, G{}, 0.f) + 64};
    Arena<float> packed{conv_packed_size(cpu::backend{}, G{}, 0.f)};

    Operands() { conv_pack(cpu::backend{}, G{}, packed.data(), weights()); }

    auto x_tile(int t) { return Tile<float, X, L>{x.data() + static_cast<std::size_t>(t) * X::size * L}; }
    auto y_tile(int t) { return Tile<float, Y, L>{y.data() + static_cast<std::size_t>(t) * Y::size * L}; }
    auto dx_tile(int t) { return Tile<float, X, L>{dx.data() + static_cast<std::size_t>(t) * X::size * L}; }
    View<float, W> weights() { return {w.data()}; }
    View<float, W> gradient() { return {dw.data()}; }
    View<float, Shape<G::K>> bias() { return {b.data()}; }
};

/// direction(operands, tile) over a batch.
template <class G, class F>
void add_direction(const char* name, F direction) {
    bench::add(bench::conv_name<G>(name), [direction](benchmark::State& state) {
        Operands<G> o;
        for (auto _ : state) {
            for (int t = 0; t < tiles; ++t) direction(o, t);
            benchmark::ClobberMemory();
        }
        bench::report_flop(state, bench::conv_flop<G>, bench::conv_flop<G> * bench::executed_share<G>());
    });
}

/// Operands of a depthwise convolution.
template <class G>
struct DepthwiseOperands {
    using X = typename G::input;
    using Y = typename G::output;
    using W = typename G::weights;
    Arena<float> x = bench::random_numbers(tiles * X::size * L), y = bench::random_numbers(tiles * Y::size * L),
                 w = bench::random_numbers(W::size), b = bench::random_numbers(G::C), dx{x.size()}, dw{w.size()};
    Arena<std::byte> scratch{depthwise_scratch_bytes(cpu::backend{}, G{}, 0.f) + 64};

    auto x_tile(int t) { return Tile<float, X, L>{x.data() + static_cast<std::size_t>(t) * X::size * L}; }
    auto y_tile(int t) { return Tile<float, Y, L>{y.data() + static_cast<std::size_t>(t) * Y::size * L}; }
    auto dx_tile(int t) { return Tile<float, X, L>{dx.data() + static_cast<std::size_t>(t) * X::size * L}; }
    View<float, W> weights() { return {w.data()}; }
    View<float, W> gradient() { return {dw.data()}; }
    View<float, Shape<G::C>> bias() { return {b.data()}; }
};

template <class G, class F>
void add_depthwise(const char* name, F direction) {
    bench::add(bench::depthwise_name<G>(name), [direction](benchmark::State& state) {
        DepthwiseOperands<G> o;
        for (auto _ : state) {
            for (int t = 0; t < tiles; ++t) direction(o, t);
            benchmark::ClobberMemory();
        }
        bench::report_flop(state, bench::depthwise_flop<G>, bench::depthwise_flop<G> * bench::inside_share<G>());
    });
}

} // namespace

void bench::add_benchmarks() {
    each<DepthwiseShapes>([]<class G>(G) {
        add_depthwise<G>("forward", [](auto& o, int t) {
            depthwise_forward(cpu::backend{}, G{}, o.y_tile(t), o.x_tile(t), o.weights(), o.bias(), o.scratch.data());
        });
        add_depthwise<G>("weight gradient", [](auto& o, int t) {
            depthwise_backward(cpu::backend{}, G{}, Nothing{}, o.gradient(), o.y_tile(t), o.x_tile(t), o.weights(),
                               o.scratch.data());
        });
        add_depthwise<G>("input gradient", [](auto& o, int t) {
            depthwise_backward(cpu::backend{}, G{}, o.dx_tile(t), Nothing{}, o.y_tile(t), o.x_tile(t), o.weights(),
                               o.scratch.data());
        });
    });
    each<ConvShapes>([]<class G>(G) {
        add_direction<G>("forward", [](auto& o, int t) {
            conv_forward(cpu::backend{}, G{}, o.y_tile(t), o.x_tile(t), o.weights(), o.bias(), o.packed.data(),
                         o.scratch.data());
        });
        add_direction<G>("weight gradient", [](auto& o, int t) {
            conv_backward(cpu::backend{}, G{}, Nothing{}, o.gradient(), o.y_tile(t), o.x_tile(t), o.weights(),
                          o.packed.data(), o.scratch.data());
        });
        if constexpr (G::C > 1) // an image has no gradient
            add_direction<G>("input gradient", [](auto& o, int t) {
                conv_backward(cpu::backend{}, G{}, o.dx_tile(t), Nothing{}, o.y_tile(t), o.x_tile(t), o.weights(),
                              o.packed.data(), o.scratch.data());
            });
    });
}
