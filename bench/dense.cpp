// Dense, each direction alone: a large layer over the whole batch in tasks of its outputs or inputs, a small one tile
// by tile, as training does.
#include "executed.hpp"
#include "layers.hpp"
#include "shapes.hpp"

using namespace ikebana;

namespace {

using cpu::backend;

/// Operands of one layer, all tiles of a batch, and its two ways. One number in `Every` of x is not the background.
template <class S, int Every = 1>
struct Operands {
    static constexpr int O = S::sizes[0], I = S::sizes[1];
    static constexpr int tasks = dense_batch_tasks(backend{}, S{}, 0.f);
    bench::Tiles<Shape<I>> x, dx;
    bench::Tiles<Shape<O>> y;
    Arena<float> w = bench::random_numbers(S::size), b = bench::random_numbers(O);
    bench::PerThread<float> dw{S::size};
    bench::PerThread<std::byte> scratch{dense_scratch_bytes(backend{}, S{}, 0.f)};
    static constexpr std::size_t prepared =
        std::max(dense_batch_prepared_bytes(backend{}, S{}, 0.f), dense_batch_list_bytes(backend{}, S{}, 0.f));
    Arena<std::byte> memory{static_cast<std::size_t>(bench::tiles()) * prepared};

    View<float, S> weights() { return {w.data()}; }
    View<float, Shape<O>> bias() { return {b.data()}; }

    Operands() {
        Random random(Seed{3}, Stream::test);
        for (std::size_t i = 0; i < x.numbers.size(); ++i)
            if (i == 0 || random.below(Every) > 0) x.numbers.data()[i] = Every > 1 ? -1.f : x.numbers.data()[i];
    }

    InputRows<float> rows() {
        return dense_batch_rows(backend{}, S{},
                                BatchRows<float>{x.numbers.data(), I * bench::lanes, I, bench::layers.batch});
    }
    BatchMemory memory_of_tiles() { return {memory.data(), prepared}; }

    /// Where x is sparse, part of either direction, though training does it once.
    void list(cpu::Workers& workers) {
        if (rows().sparse)
            workers.run(bench::tiles(),
                        [&](int t, int) { dense_batch_list(backend{}, S{}, rows(), memory_of_tiles(), t); });
    }
    /// Part of the weight gradient, though training does it beside the forward direction.
    void prepare(cpu::Workers& workers) {
        workers.run(dense_batch_prepare_tasks(backend{}, S{}, 0.f),
                    [&](int task, int) { dense_batch_prepare(backend{}, S{}, rows(), memory_of_tiles(), task); });
    }
    void forward(cpu::Workers& workers) {
        if constexpr (tasks > 0) {
            list(workers);
            workers.run(tasks, [&](int task, int) {
                dense_batch_forward(backend{}, y.all(), x.all(), rows(), memory_of_tiles(), weights(), bias(), task);
            });
        } else
            workers.run(bench::tiles(), [&](int t, int) { dense_forward(backend{}, y[t], x[t], weights(), bias()); });
    }
    void weight_gradient(cpu::Workers& workers) {
        if constexpr (tasks > 0) {
            list(workers);
            prepare(workers);
            workers.run(tasks, [&](int task, int) {
                dense_batch_gradient(backend{}, S{}, dw[0] + dense_batch_outputs(backend{}, S{}, 0.f, task).first * I,
                                     static_cast<float*>(nullptr), y.all(), rows(), memory_of_tiles(), task);
            });
        } else {
            workers.run(bench::tiles(), [&](int t, int worker) {
                dense_backward_weight(backend{}, View<float, S>{dw[worker]}, Nothing{}, y[t], x[t], scratch[worker]);
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
void add_direction(const char* direction, F once, double executed_share = 1) {
    bench::add_layer<Operands<S>>(bench::dense_name<S>(direction), bench::layers.batch * bench::dense_flop<S>,
                                  executed_share, once);
}

} // namespace

void bench::add_benchmarks() {
    each<DenseShapes>([]<class S>(S) {
        add_direction<S>("forward", [](auto& o, auto& workers) { o.forward(workers); });
        add_direction<S>(
            "weight gradient", [](auto& o, auto& workers) { o.weight_gradient(workers); },
            bench::executed_share_of_gradient<S>());
        add_direction<S>("input gradient", [](auto& o, auto& workers) { o.input_gradient(workers); });
    });
    // As the first layer meets digits: four of five pixels are background.
    using S = Shape<200, 784>;
    const auto add_sparse = [](const char* direction, auto once) {
        bench::add_layer<Operands<S, 5>>(bench::dense_name<S>(direction) + ", a fifth of the inputs",
                                         bench::layers.batch * bench::dense_flop<S>, 0.2, once);
    };
    add_sparse("forward", [](auto& o, auto& workers) { o.forward(workers); });
    add_sparse("weight gradient", [](auto& o, auto& workers) { o.weight_gradient(workers); });
}
