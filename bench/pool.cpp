// Layers without products, batch 64, one thread: pools of LeNet-5's first image (20,24,24), and batch norm's passes
// over what the pool leaves (20,12,12). Bytes are those of the arrays read and written; the share is of a triad over
// as many.
#include "random_numbers.hpp"
#include "report.hpp"
#include "shapes.hpp"
#include <backends/cpu/cpu.hpp>

using namespace ikebana;

namespace {

constexpr int L = cpu::backend::lanes<float>, tiles = bench::batch / L;
using G = PoolGeometry<Shape<20, 24, 24>, 2, 2, 0>;
using X = G::input;
using Y = G::output;

/// All tiles of a batch of one shape.
template <class S>
struct Tiles {
    Arena<float> numbers = bench::random_numbers(tiles * S::size * L);
    Tile<float, S, L> operator[](int t) { return {numbers.data() + static_cast<std::size_t>(t) * S::size * L}; }
};

struct Operands {
    Tiles<X> x, dx;
    Tiles<Y> y, dy, argmax;
    Arena<float> zeros{Y::sizes[0]}, ones{Y::sizes[0]}, mean{Y::sizes[0]}, squares{Y::sizes[0]};

    Operands() {
        std::fill_n(ones.data(), ones.size(), 1.0f);
        for (int t = 0; t < tiles; ++t) max_pool_forward(cpu::backend{}, G{}, y[t], x[t], argmax[t].data);
    }
};

/// pass(operands, tile) over a batch, which reads and writes `numbers` of each sample.
template <class F>
void add_pass(const char* name, std::size_t numbers, F pass) {
    bench::add(name, [=](benchmark::State& state) {
        Operands o;
        for (auto _ : state) {
            for (int t = 0; t < tiles; ++t) pass(o, t);
            benchmark::ClobberMemory();
        }
        const std::size_t bytes = sizeof(float) * bench::batch * numbers;
        bench::report_bytes(state, static_cast<double>(bytes), bytes);
    });
}

} // namespace

void bench::add_benchmarks() {
    constexpr std::size_t in = X::size, out = Y::size;
    add_pass("max pool 20×24×24, forward", in + 2 * out,
             [](auto& o, int t) { max_pool_forward(cpu::backend{}, G{}, o.y[t], o.x[t], o.argmax[t].data); });
    add_pass("max pool 20×24×24, input gradient", in + 2 * out,
             [](auto& o, int t) { max_pool_backward(cpu::backend{}, G{}, o.dx[t], o.dy[t], o.argmax[t].data); });
    add_pass("average pool 20×24×24, forward", in + out,
             [](auto& o, int t) { average_pool_forward(cpu::backend{}, G{}, o.y[t], o.x[t]); });
    add_pass("average pool 20×24×24, input gradient", in + out,
             [](auto& o, int t) { average_pool_backward(cpu::backend{}, G{}, o.dx[t], o.dy[t]); });
    add_pass("batch norm 20×12×12, moments", out, [](auto& o, int t) {
        channel_moments(cpu::backend{}, o.mean.data(), o.squares.data(), o.y[t], o.ones.data(), L);
    });
    add_pass("batch norm 20×12×12, normalise in place", 2 * out, [](auto& o, int t) {
        const PerChannel<float> mean{o.zeros.data()}, rstd{o.ones.data()}, gamma{o.ones.data()}, beta{o.zeros.data()};
        assign(cpu::backend{}, o.dy[t], (o.dy[t] - mean) * rstd * gamma + beta);
    });
}
