// Dense, each direction alone, batch 64, one thread: a large layer over the whole batch, a small one tile by tile, as
// training does.
#include "random_numbers.hpp"
#include "report.hpp"
#include "shapes.hpp"
#include <backends/cpu/cpu.hpp>

using namespace ikebana;

namespace {

constexpr int L = cpu::backend::lanes<float>, tiles = bench::batch / L;

/// Operands of one layer, all tiles of a batch.
template <class S>
struct Operands {
    static constexpr int O = S::sizes[0], I = S::sizes[1];
    static constexpr int tasks = dense_batch_tasks(cpu::backend{}, S{}, 0.f);
    Arena<float> x = bench::random_numbers(tiles * I * L), y = bench::random_numbers(tiles * O * L),
                 w = bench::random_numbers(S::size), b = bench::random_numbers(O), dx{x.size()}, dw{w.size()};
    Arena<std::byte> scratch{dense_scratch_bytes(cpu::backend{}, S{}, 0.f)};

    auto x_tile(int t) { return Tile<float, Shape<I>, L>{x.data() + t * I * L}; }
    auto y_tile(int t) { return Tile<float, Shape<O>, L>{y.data() + t * O * L}; }
    auto dx_tile(int t) { return Tile<float, Shape<I>, L>{dx.data() + t * I * L}; }
    auto xs() { return BatchTiles<float, Shape<I>, L>{x.data(), I * L, tiles}; }
    auto ys() { return BatchTiles<float, Shape<O>, L>{y.data(), O * L, tiles}; }
    auto dxs() { return BatchTiles<float, Shape<I>, L>{dx.data(), I * L, tiles}; }
    View<float, S> weights() { return {w.data()}; }
    View<float, S> gradient() { return {dw.data()}; }
    View<float, Shape<O>> bias() { return {b.data()}; }
};

/// f(task) for a layer over the batch, f(tile) for one that is run tile by tile.
template <int Tasks, class OverBatch, class OnTile>
void in_either_way(int tasks, OverBatch over_batch, OnTile on_tile) {
    if constexpr (Tasks > 0)
        for (int task = 0; task < tasks; ++task) over_batch(task);
    else
        for (int t = 0; t < tiles; ++t) on_tile(t);
}

template <class S>
void forward(Operands<S>& o) {
    in_either_way<o.tasks>(
        o.tasks, [&](int task) { dense_batch_forward(cpu::backend{}, o.ys(), o.xs(), o.weights(), o.bias(), task); },
        [&](int t) { dense_forward(cpu::backend{}, o.y_tile(t), o.x_tile(t), o.weights(), o.bias()); });
}
template <class S>
void weight_gradient(Operands<S>& o) {
    const BatchRows<float> rows{o.x.data(), o.I * L, o.I, bench::batch};
    in_either_way<o.tasks>(
        o.tasks,
        [&](int task) {
            dense_batch_gradient(cpu::backend{}, S{}, o.dw.data() + dense_batch_range(cpu::backend{}, S{}, task).first,
                                 o.ys(), rows, task);
        },
        [&](int t) {
            dense_backward_weight(cpu::backend{}, o.gradient(), o.y_tile(t), o.x_tile(t), o.scratch.data());
        });
}
template <class S>
void input_gradient(Operands<S>& o) {
    in_either_way<o.tasks>(
        dense_batch_input_tasks(cpu::backend{}, S{}, 0.f),
        [&](int task) { dense_batch_backward_input(cpu::backend{}, o.dxs(), o.weights(), o.ys(), task); },
        [&](int t) { dense_backward_input(cpu::backend{}, o.dx_tile(t), o.weights(), o.y_tile(t)); });
}

template <class S, class F>
void add_direction(const char* name, F direction) {
    bench::add(bench::dense_name<S>(name), [direction](benchmark::State& state) {
        Operands<S> o;
        for (auto _ : state) {
            direction(o);
            benchmark::ClobberMemory();
        }
        bench::report_flop(state, bench::dense_flop<S>);
    });
}

} // namespace

void bench::add_benchmarks() {
    each<DenseShapes>([]<class S>(S) {
        add_direction<S>("forward", [](auto& o) { forward(o); });
        add_direction<S>("weight gradient", [](auto& o) { weight_gradient(o); });
        add_direction<S>("input gradient", [](auto& o) { input_gradient(o); });
    });
}
