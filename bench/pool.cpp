// Layers without products, batch 64, one thread: pools of LeNet-5's first image (20,24,24), batch norm's passes over
// what the pool leaves (20,12,12), dropout's mask of as much, digits to tiles, and the loss. Bytes are those of the
// arrays read and written; the share is of a triad over as many.
#include "random_numbers.hpp"
#include "report.hpp"
#include "shapes.hpp"
#include <backends/cpu/cpu.hpp>
#include <ikebana/ikebana.hpp>

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
    static constexpr std::size_t digit = 28 * 28, classes = 10;
    Arena<float> rows = bench::random_numbers(bench::batch * digit), sums{2 * Y::sizes[0]};
    Arena<float> batch = bench::random_numbers(BatchNorm::batch_size<Y>), labels{L}, costs{L}, scratch{4 * L};
    Tiles<Shape<digit>> digits;
    Tiles<Shape<classes>> z, dz;
    LayerContext<float> context{};

    Operands() {
        std::fill_n(ones.data(), ones.size(), 1.0f);
        context.mask = ones.data(); // as long as there are lanes
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
    add_pass("batch norm 20×12×12, parameter gradients", 2 * out, [](auto& o, int t) {
        BatchNorm::collect_backward<Y>(cpu::backend{}, o.sums.data(), o.dy[t], o.y[t],
                                       static_cast<const float*>(o.batch.data()), o.context);
    });
    add_pass("batch norm 20×12×12, input gradient", 3 * out, [](auto& o, int t) {
        BatchNorm::backward<Y>(cpu::backend{}, o.argmax[t], o.dy[t], o.y[t],
                               views(BatchNorm::parameters<Y>{}, o.batch.data()),
                               static_cast<const float*>(o.batch.data()), o.context);
    });
    add_pass("dropout mask 20×12×12", out, [](auto& o, int t) { dropout_mask(cpu::backend{}, o.y[t], 50, o.context); });
    add_pass("64 digits to tiles", 2 * Operands::digit, [](auto& o, int t) {
        load_tile(cpu::backend{}, o.digits[t], o.rows.data() + t * L * Operands::digit, L, Operands::digit);
    });
    add_pass("cross entropy of 10 classes, cost and gradient", 2 * Operands::classes, [](auto& o, int t) {
        CrossEntropy::evaluate(cpu::backend{}, o.costs.data(), o.dz[t], o.z[t],
                               static_cast<const float*>(o.labels.data()), static_cast<const float*>(o.ones.data()),
                               1.0f / bench::batch, o.scratch.data());
    });
}
