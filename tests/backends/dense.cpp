// backends/cpu/dense.hpp against backends/reference/dense.hpp: outputs and inputs from 1 to 301, that blocks and
// vectors divide and don't.
#include "compare.hpp"

using namespace ikebana;
using namespace ikebana::test;

namespace {

template <class T, int O, int I>
void compare_dense() {
    Random random(Seed{13}, Stream::test, static_cast<std::uint32_t>(O * 1000 + I));
    Tiles<T, Shape<I>> x, dx;
    Tiles<T, Shape<O>> y, dy;
    Views<T, Shape<O, I>> w, dw;
    Views<T, Shape<O>> b;
    for (auto* numbers : {static_cast<Numbers<T>*>(&x), static_cast<Numbers<T>*>(&dx), static_cast<Numbers<T>*>(&y),
                          static_cast<Numbers<T>*>(&dy), static_cast<Numbers<T>*>(&w), static_cast<Numbers<T>*>(&dw),
                          static_cast<Numbers<T>*>(&b)})
        numbers->randomise(random);
    dy.clear_lanes(1 + O % L);
    Arena<std::byte> scratch = scratch_of(sizeof(T) * static_cast<std::size_t>(cpu::padded_inputs<T>(I)) * L);
    const cpu::backend fast;
    const reference::backend exact;
    CAPTURE(O);
    CAPTURE(I);
    dense_forward(fast, y.tile(), x.tile(), w.view(), b.view());
    dense_forward(exact, y.exact_tile(), x.exact_tile(), w.exact_view(), b.exact_view());
    check_close(y, "forward");
    dense_forward(fast, y.tile(), x.tile(), w.view(), Nothing{});
    dense_forward(exact, y.exact_tile(), x.exact_tile(), w.exact_view(), Nothing{});
    check_close(y, "forward without bias");
    dense_backward_weight(fast, dw.view(), dy.tile(), x.tile(), scratch.data());
    dense_backward_weight(exact, dw.exact_view(), dy.exact_tile(), x.exact_tile(), nullptr);
    check_close(dw, "backward_weight");
    dense_backward_input(fast, dx.tile(), w.view(), dy.tile());
    dense_backward_input(exact, dx.exact_tile(), w.exact_view(), dy.exact_tile());
    check_close(dx, "backward_input");
}

/// The gradient over a batch of `count` tiles, task by task, against the reference tile by tile.
template <class T, int O, int I>
void compare_batch_gradient(int count) {
    constexpr Shape<O, I> shape;
    constexpr int tasks = dense_batch_tasks(cpu::backend{}, shape, T{});
    static_assert(tasks > 0 && dense_batch_tasks(reference::backend{}, shape, T{}) == 0);
    constexpr std::size_t bytes = dense_cache_bytes(cpu::backend{}, shape, T{});
    Random random(Seed{14}, Stream::test, static_cast<std::uint32_t>(O * 1000 + I));
    Numbers<T> dys(static_cast<std::size_t>(count) * O * L);
    dys.randomise(random);
    Views<T, Shape<O, I>> dw;
    Arena<std::byte> caches = scratch_of(static_cast<std::size_t>(count) * bytes);
    CAPTURE(O);
    CAPTURE(I);
    CAPTURE(count);
    for (int t = 0; t < count; ++t) {
        const auto n = static_cast<std::size_t>(t);
        Tiles<T, Shape<I>> x;
        x.randomise(random);
        dense_keep_input(cpu::backend{}, x.tile(), caches.data() + n * bytes);
        dense_backward_weight(reference::backend{}, dw.exact_view(),
                              Tile<const double, Shape<O>, L>{dys.exact.data() + n * O * L}, x.exact_tile(), nullptr);
    }
    std::size_t next = 0;
    for (int task = 0; task < tasks; ++task) {
        const auto [first, n] = dense_batch_range(cpu::backend{}, shape, task);
        CHECK(first == next);
        next += n;
        dense_batch_gradient(cpu::backend{}, shape, dw.fast.data() + first,
                             BatchTiles<const T, Shape<O>, L>{dys.fast.data(), O * L, count},
                             BatchCache<T>{reinterpret_cast<const T*>(caches.data()), bytes / sizeof(T)}, task);
    }
    CHECK(next == static_cast<std::size_t>(O) * I);
    check_close(dw, "batch gradient");
}

} // namespace

TEST_CASE("gradients of Dense over a batch") {
    compare_batch_gradient<float, 200, 784>(4);
    compare_batch_gradient<float, 200, 200>(1);
    compare_batch_gradient<float, 127, 131>(3);
    compare_batch_gradient<float, 17, 1001>(2);
    compare_batch_gradient<double, 83, 101>(3);
}

TEST_CASE("Dense of the models") {
    compare_dense<float, 10, 784>();
    compare_dense<float, 10, 800>();
    compare_dense<float, 200, 784>();
    compare_dense<float, 200, 200>();
    compare_dense<double, 10, 200>();
}

TEST_CASE("Dense of odd sizes") {
    compare_dense<float, 1, 1>();
    compare_dense<float, 1, 300>();
    compare_dense<float, 300, 1>();
    compare_dense<float, 2, 3>();
    compare_dense<float, 16, 16>();
    compare_dense<float, 17, 15>();
    compare_dense<float, 31, 33>();
    compare_dense<float, 7, 127>();
    compare_dense<float, 65, 5>();
    compare_dense<float, 299, 301>();
    compare_dense<float, 9, 64>();
    compare_dense<double, 1, 1>();
    compare_dense<double, 5, 67>();
    compare_dense<double, 33, 9>();
}
