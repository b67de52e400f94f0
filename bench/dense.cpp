// Dense, each direction alone, batch 64, one thread. The weights' gradient of a large layer is taken over the whole
// batch (dense_batch_gradient), of a small one tile by tile, as training does.
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
    static constexpr std::size_t cached = dense_cache_bytes(cpu::backend{}, S{}, 0.f);
    Arena<float> x = bench::random_numbers(tiles * I * L), y = bench::random_numbers(tiles * O * L),
                 w = bench::random_numbers(S::size), b = bench::random_numbers(O), dx{x.size()}, dw{w.size()};
    Arena<std::byte> scratch{dense_scratch_bytes(cpu::backend{}, S{}, 0.f)}, caches{tiles * cached};

    auto x_tile(int t) { return Tile<float, Shape<I>, L>{x.data() + t * I * L}; }
    auto y_tile(int t) { return Tile<float, Shape<O>, L>{y.data() + t * O * L}; }
    auto dx_tile(int t) { return Tile<float, Shape<I>, L>{dx.data() + t * I * L}; }
    std::byte* cache(int t) { return caches.data() + static_cast<std::size_t>(t) * cached; }
    View<float, S> weights() { return {w.data()}; }
    View<float, S> gradient() { return {dw.data()}; }
    View<float, Shape<O>> bias() { return {b.data()}; }
};

template <class S>
void weight_gradient(Operands<S>& o) {
    using Of = Operands<S>;
    constexpr int tasks = dense_batch_tasks(cpu::backend{}, S{}, 0.f);
    if constexpr (tasks == 0) {
        for (int t = 0; t < tiles; ++t)
            dense_backward_weight(cpu::backend{}, o.gradient(), o.y_tile(t), o.x_tile(t), o.scratch.data());
    } else {
        for (int t = 0; t < tiles; ++t) dense_keep_input(cpu::backend{}, o.x_tile(t), o.cache(t));
        const BatchTiles<const float, Shape<Of::O>, L> dys{o.y.data(), Of::O * L, tiles};
        const BatchCache<float> xs{reinterpret_cast<const float*>(o.caches.data()), Of::cached / sizeof(float)};
        for (int task = 0; task < tasks; ++task)
            dense_batch_gradient(cpu::backend{}, S{}, o.dw.data() + dense_batch_range(cpu::backend{}, S{}, task).first,
                                 dys, xs, task);
    }
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
        add_direction<S>("forward", [](auto& o) {
            for (int t = 0; t < tiles; ++t)
                dense_forward(cpu::backend{}, o.y_tile(t), o.x_tile(t), o.weights(), o.bias());
        });
        add_direction<S>("weight gradient", [](auto& o) { weight_gradient(o); });
        add_direction<S>("input gradient", [](auto& o) {
            for (int t = 0; t < tiles; ++t)
                dense_backward_input(cpu::backend{}, o.dx_tile(t), o.weights(), o.y_tile(t));
        });
    });
}
