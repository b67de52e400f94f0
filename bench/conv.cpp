// The two convolutions of LeNet-5, each direction alone, batch 64, one thread. FLOP are 2 × the multiply-adds of the
// direct method.
#include "peak.hpp"
#include <backends/cpu/cpu.hpp>
#include <ikebana/core/arena.hpp>
#include <ikebana/core/random.hpp>

using namespace ikebana;

namespace {

constexpr int L = cpu::backend::lanes<float>, tiles = 64 / L;

Arena<float> random_numbers(std::size_t n) {
    Random random(Seed{1}, Stream::test);
    Arena<float> a(n);
    for (float& x : a.span()) x = static_cast<float>(2 * random.uniform() - 1);
    return a;
}

/// Operands of one convolution, all tiles of a batch.
template <class G>
struct Operands {
    using X = typename G::input;
    using Y = typename G::output;
    using W = typename G::weights;
    Arena<float> x = random_numbers(tiles * X::size * L), y = random_numbers(tiles * Y::size * L),
                 w = random_numbers(W::size), b = random_numbers(Y::sizes[0]), dx{x.size()}, dw{w.size()};
    Arena<std::byte> scratch{conv_scratch_bytes(cpu::backend{}, G{}, 0.f) + 64};
    Arena<float> packed{conv_packed_size(cpu::backend{}, G{}, 0.f)};

    Operands() { conv_pack(cpu::backend{}, G{}, packed.data(), weights()); }

    auto x_tile(int t) { return Tile<float, X, L>{x.data() + static_cast<std::size_t>(t) * X::size * L}; }
    auto y_tile(int t) { return Tile<float, Y, L>{y.data() + static_cast<std::size_t>(t) * Y::size * L}; }
    auto dx_tile(int t) { return Tile<float, X, L>{dx.data() + static_cast<std::size_t>(t) * X::size * L}; }
    View<float, W> weights() { return {w.data()}; }
    View<float, W> gradient() { return {dw.data()}; }
    View<float, Shape<Y::sizes[0]>> bias() { return {b.data()}; }
};

template <class G>
constexpr double flop = 2.0 * tiles* L* static_cast<double>(G::output::size) * G::C* G::R* G::S;

template <class G>
void forward(benchmark::State& state) {
    Operands<G> o;
    for (auto _ : state) {
        for (int t = 0; t < tiles; ++t)
            conv_forward(cpu::backend{}, G{}, o.y_tile(t), o.x_tile(t), o.weights(), o.bias(), o.packed.data(),
                         o.scratch.data());
        benchmark::ClobberMemory();
    }
    bench::report_flop(state, flop<G>);
}

template <class G>
void backward_weight(benchmark::State& state) {
    Operands<G> o;
    for (auto _ : state) {
        for (int t = 0; t < tiles; ++t)
            conv_backward(cpu::backend{}, G{}, Nothing{}, o.gradient(), o.y_tile(t), o.x_tile(t), o.weights(),
                          o.packed.data(), o.scratch.data());
        benchmark::ClobberMemory();
    }
    bench::report_flop(state, flop<G>);
}

template <class G>
void backward_input(benchmark::State& state) {
    Operands<G> o;
    for (auto _ : state) {
        for (int t = 0; t < tiles; ++t)
            conv_backward(cpu::backend{}, G{}, o.dx_tile(t), Nothing{}, o.y_tile(t), o.x_tile(t), o.weights(),
                          o.packed.data(), o.scratch.data());
        benchmark::ClobberMemory();
    }
    bench::report_flop(state, flop<G>);
}

using First = ConvGeometry<Shape<1, 28, 28>, 20, 5, 5, 1, 0>;
using Second = ConvGeometry<Shape<20, 12, 12>, 50, 5, 5, 1, 0>;

BENCHMARK(forward<First>)->Name("conv 1→20 5×5 at 28×28, forward")->Unit(benchmark::kMicrosecond);
BENCHMARK(backward_weight<First>)->Name("conv 1→20 5×5 at 28×28, backward weight")->Unit(benchmark::kMicrosecond);
BENCHMARK(forward<Second>)->Name("conv 20→50 5×5 at 12×12, forward")->Unit(benchmark::kMicrosecond);
BENCHMARK(backward_weight<Second>)->Name("conv 20→50 5×5 at 12×12, backward weight")->Unit(benchmark::kMicrosecond);
BENCHMARK(backward_input<Second>)->Name("conv 20→50 5×5 at 12×12, backward input")->Unit(benchmark::kMicrosecond);

} // namespace

BENCHMARK_MAIN();
