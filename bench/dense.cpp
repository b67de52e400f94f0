// Dense, each direction alone: a large layer over the whole batch in tasks of its outputs or inputs, a small one tile
// by tile, as training does.
#include "layers.hpp"
#include "shapes.hpp"

using namespace ikebana;

namespace {

using cpu::backend;

/// Operands of one layer, all tiles of a batch, and its two ways.
template <class S>
struct Operands {
    static constexpr int O = S::sizes[0], I = S::sizes[1];
    static constexpr int tasks = dense_batch_tasks(backend{}, S{}, 0.f);
    bench::Tiles<Shape<I>> x, dx;
    bench::Tiles<Shape<O>> y;
    Arena<float> w = bench::random_numbers(S::size), b = bench::random_numbers(O);
    bench::PerThread<float> dw{S::size};
    bench::PerThread<std::byte> scratch{dense_scratch_bytes(backend{}, S{}, 0.f)};

    View<float, S> weights() { return {w.data()}; }
    View<float, Shape<O>> bias() { return {b.data()}; }

    void forward(cpu::Workers& workers) {
        if constexpr (tasks > 0)
            workers.run(tasks, [&](int task, int) {
                dense_batch_forward(backend{}, y.all(), x.all(), weights(), bias(), task);
            });
        else
            workers.run(bench::tiles(), [&](int t, int) { dense_forward(backend{}, y[t], x[t], weights(), bias()); });
    }
    void weight_gradient(cpu::Workers& workers) {
        if constexpr (tasks > 0) {
            const BatchRows<float> rows{x.numbers.data(), I * bench::lanes, I, bench::layers.batch};
            workers.run(tasks, [&](int task, int) {
                dense_batch_gradient(backend{}, S{}, dw[0] + dense_batch_range(backend{}, S{}, task).first, y.all(),
                                     rows, task);
            });
        } else {
            workers.run(bench::tiles(), [&](int t, int worker) {
                dense_backward_weight(backend{}, View<float, S>{dw[worker]}, y[t], x[t], scratch[worker]);
            });
            dw.sum();
        }
    }
    void input_gradient(cpu::Workers& workers) {
        if constexpr (tasks > 0)
            workers.run(dense_batch_input_tasks(backend{}, S{}, 0.f), [&](int task, int) {
                dense_batch_backward_input(backend{}, dx.all(), weights(), y.all(), task);
            });
        else
            workers.run(bench::tiles(), [&](int t, int) { dense_backward_input(backend{}, dx[t], weights(), y[t]); });
    }
};

template <class S, class F>
void add_direction(const char* direction, F once) {
    bench::add_layer<Operands<S>>(bench::dense_name<S>(direction), bench::layers.batch * bench::dense_flop<S>, 1, once);
}

} // namespace

void bench::add_benchmarks() {
    each<DenseShapes>([]<class S>(S) {
        add_direction<S>("forward", [](auto& o, auto& workers) { o.forward(workers); });
        add_direction<S>("weight gradient", [](auto& o, auto& workers) { o.weight_gradient(workers); });
        add_direction<S>("input gradient", [](auto& o, auto& workers) { o.input_gradient(workers); });
    });
}
