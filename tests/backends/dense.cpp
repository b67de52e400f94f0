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
    Views<T, Shape<O>> b, db;
    for (auto* numbers : {static_cast<Numbers<T>*>(&x), static_cast<Numbers<T>*>(&dx), static_cast<Numbers<T>*>(&y),
                          static_cast<Numbers<T>*>(&dy), static_cast<Numbers<T>*>(&w), static_cast<Numbers<T>*>(&dw),
                          static_cast<Numbers<T>*>(&b), static_cast<Numbers<T>*>(&db)})
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
    dense_backward_weight(fast, dw.view(), db.view(), dy.tile(), x.tile(), scratch.data());
    dense_backward_weight(exact, dw.exact_view(), db.exact_view(), dy.exact_tile(), x.exact_tile(), nullptr);
    check_close(db, "backward_weight, db");
    check_close(dw, "backward_weight");
    dense_backward_input(fast, dx.tile(), w.view(), dy.tile());
    dense_backward_input(exact, dx.exact_tile(), w.exact_view(), dy.exact_tile());
    check_close(dx, "backward_input");
}

/// dW by pairs of samples (paired.hpp), which the backend takes only on machines where it is faster.
template <int O, int I, class T>
void gradient_in_pairs(T* dw, BatchTiles<const T, Shape<O>, L> dy, BatchRows<T> x) {
    constexpr std::size_t bytes = cpu::BatchPanels<T>::bytes(I);
    Arena<std::byte> panels = scratch_of(static_cast<std::size_t>(dy.count) * bytes);
    const BatchMemory memory{panels.data(), bytes};
    for (int task = 0; task < 3; ++task) cpu::make_panels<T>(x, I, memory, task, 3);
    using Tasks = cpu::BatchTasks<O, I, T>;
    for (int task = 0; task < Tasks::count; ++task)
        cpu::with_rows<Tasks>(task, [&]<int N>(std::integral_constant<int, N>) {
            const int o = Tasks::first(task);
            cpu::paired_gradient<N, I>(dw + static_cast<std::size_t>(o) * I, dy.read_from(o), x.samples, memory);
        });
}

/// All three directions over a batch of `samples`, task by task, against the reference tile by tile. The gradient reads
/// x as rows, of which there are no more than samples. A share of x is the background; from 5/8 on, tiles of x are not
/// read.
template <class T, int O, int I>
void compare_over_batch(int samples, double share = 0, T background = 0) {
    constexpr Shape<O, I> shape;
    constexpr cpu::backend fast;
    constexpr reference::backend exact;
    constexpr int tasks = dense_batch_tasks(fast, shape, T{}, true),
                  input_tasks = dense_batch_input_tasks(fast, shape, T{});
    static_assert(tasks > 0 && dense_batch_tasks(exact, shape, T{}, true) == 0);
    const int count = (samples + L - 1) / L;
    const auto tiles = static_cast<std::size_t>(count);
    Random random(Seed{14}, Stream::test, static_cast<std::uint32_t>(O * 1000 + I));
    Numbers<T> x(tiles * I * L), dx(tiles * I * L), y(tiles * O * L), dy(tiles * O * L);
    Views<T, Shape<O, I>> w, dw;
    Views<T, Shape<O>> b, db;
    for (auto* numbers : {&x, &dx, &y, &dy, static_cast<Numbers<T>*>(&w), static_cast<Numbers<T>*>(&b)})
        numbers->randomise(random);
    for (std::size_t k = 0; k < tiles * I * L; ++k) {
        const std::size_t sample = k / (I * L) * L + k % L, first = k / L * L;
        if ((k == 0 && share > 0) || random.uniform() < share) x.fast.data()[k] = background;
        if (sample >= static_cast<std::size_t>(samples)) x.fast.data()[k] = x.fast.data()[first];
        x.exact.data()[k] = static_cast<double>(x.fast.data()[k]);
    }
    std::vector<T> rows(static_cast<std::size_t>(samples) * I);
    CAPTURE(O);
    CAPTURE(I);
    CAPTURE(samples);
    CAPTURE(share);
    for (int t = 0; t < count; ++t) {
        const auto at = static_cast<std::size_t>(t) * L;
        const int here = std::min(L, samples - t * L);
        for (std::size_t o = 0; o < O; ++o)
            for (std::size_t lane = static_cast<std::size_t>(here); lane < L; ++lane)
                dy.fast.data()[at * O + o * L + lane] = T(0), dy.exact.data()[at * O + o * L + lane] = 0;
        store_tile(exact, rows.data() + at * I, here, I, Tile<const T, Shape<I>, L>{x.fast.data() + at * I});
        const Tile<const double, Shape<I>, L> xt{x.exact.data() + at * I};
        const Tile<const double, Shape<O>, L> dyt{dy.exact.data() + at * O};
        dense_forward(exact, Tile<double, Shape<O>, L>{y.exact.data() + at * O}, xt, w.exact_view(), b.exact_view());
        dense_backward_input(exact, Tile<double, Shape<I>, L>{dx.exact.data() + at * I}, w.exact_view(), dyt);
        dense_backward_weight(exact, dw.exact_view(), db.exact_view(), dyt, xt, nullptr);
    }
    const BatchTiles<T, Shape<O>, L> ys{y.fast.data(), O * L, count};
    const BatchTiles<const T, Shape<O>, L> dys{dy.fast.data(), O * L, count};
    const BatchTiles<const T, Shape<I>, L> xs{x.fast.data(), I * L, count};
    const BatchTiles<T, Shape<I>, L> dxs{dx.fast.data(), I * L, count};
    const InputRows<T> x_rows = dense_batch_rows(fast, shape, BatchRows<T>{rows.data(), L * I, I, samples});
    REQUIRE(x_rows.sparse == (share > 0.7 && cpu::notes_differences<O>));
    const std::size_t bytes =
        std::max(dense_batch_prepared_bytes(fast, shape, T{}), dense_batch_list_bytes(fast, shape, T{}));
    const Arena<std::byte> tile_memory = scratch_of(tiles * bytes);
    const BatchMemory memory{const_cast<std::byte*>(tile_memory.data()), bytes};
    if (x_rows.sparse) {
        for (int t = 0; t < count; ++t) dense_batch_list(fast, shape, x_rows, memory, t);
        std::fill(x.fast.span().begin(), x.fast.span().end(), std::numeric_limits<T>::quiet_NaN());
    }
    for (int task = 0; task < dense_batch_prepare_tasks(fast, shape, T{}); ++task)
        dense_batch_prepare(fast, shape, x_rows, memory, task);
    const auto forget = [](auto& numbers) { // what is left out of the next result shows
        std::fill(numbers.fast.span().begin(), numbers.fast.span().end(), std::numeric_limits<T>::quiet_NaN());
    };
    forget(y), forget(dw), forget(db), forget(dx);
    std::vector<int> taken(O, 0);
    const auto take = [&](int first, int n) {
        REQUIRE((first >= 0 && n > 0 && first + n <= static_cast<int>(taken.size())));
        for (int k = first; k < first + n; ++k) ++taken[static_cast<std::size_t>(k)];
    };
    for (int task = 0; task < tasks; ++task) {
        const auto [first, n] = dense_batch_outputs(fast, shape, T{}, task);
        take(first, n);
        dense_batch_forward(fast, ys, xs, x_rows, memory, w.view(), b.view(), task);
        dense_batch_gradient(fast, shape, dw.fast.data() + static_cast<std::size_t>(first) * I, db.fast.data() + first,
                             dys, x_rows, memory, task);
    }
    CHECK(taken == std::vector<int>(O, 1));
    taken.assign(I, 0);
    for (int task = 0; task < input_tasks; ++task) {
        const auto [first, n] = dense_batch_inputs(fast, shape, T{}, task);
        take(first, n);
        dense_batch_backward_input(fast, dxs, w.view(), dys, task);
    }
    CHECK(taken == std::vector<int>(I, 1));
    check_close(y, "forward over a batch");
    check_close(dw, "weight gradient over a batch");
    check_close(db, "bias gradient over a batch");
    if (!x_rows.sparse) {
        forget(dw);
        gradient_in_pairs<O, I, T>(dw.fast.data(), dys, x_rows);
        check_close(dw, "weight gradient in pairs");
    }
    check_close(dx, "input gradient over a batch");
}

} // namespace

TEST_CASE("Of two threads that take turns, each trains one half of the rows of W and makes their gradients") {
    using Rows = cpu::BatchTasks<200, 784, float>;
    using Columns = cpu::BatchInputTasks<200, 200, float>; // of the layer behind
    const auto half = [](int task) { return Rows::first(task) < 100; };
    for (int task = 0; task < Rows::count; ++task) {
        CHECK(half(task) == (task % 2 == 0));
        CHECK((Rows::rows(task) == 48 || Rows::rows(task) == 52));
    }
    for (int task = 0; task < Columns::count; ++task) {
        const int first = Columns::first(task), last = first + Columns::rows(task) - 1;
        CHECK((first < 100) == (task % 2 == 0));
        CHECK((last < 100) == (task % 2 == 0));
    }
}

TEST_CASE("Dense over a batch") {
    compare_over_batch<float, 200, 784>(64);
    compare_over_batch<float, 200, 200>(1);
    compare_over_batch<float, 127, 131>(48);
    compare_over_batch<float, 17, 1031>(70);
    compare_over_batch<float, 37, 1031>(70);
    compare_over_batch<float, 301, 401>(70);
    compare_over_batch<float, 1040, 17>(33);
    compare_over_batch<float, 127, 131>(150);
    compare_over_batch<float, 128, 160>(256);
    compare_over_batch<double, 83, 101>(37);
    compare_over_batch<double, 83, 101>(139);
    compare_over_batch<double, 33, 517>(139);
}

TEST_CASE_TEMPLATE("Lanes as bits, and bits turned", T, float, double) {
    using V = xsimd::batch<T>;
    for (std::uint32_t wanted = 0; wanted < 1u << V::size; wanted = 3 * wanted + 1) {
        alignas(64) T x[L];
        for (std::size_t i = 0; i < V::size; ++i) x[i] = static_cast<T>(wanted >> i & 1);
        const auto lanes = V::load_aligned(x) == V(1);
        CHECK(cpu::bits_of_lanes<V>(lanes) == wanted);
        CHECK(cpu::bits_by_sum<V>(lanes) == wanted);
    }
    for (int bit = 0; bit < 64; ++bit)
        CHECK(cpu::turned_bits(std::uint64_t{1} << bit) == std::uint64_t{1} << (bit % 8 * 8 + bit / 8));
}

TEST_CASE("Dense over a batch that is mostly background") {
    compare_over_batch<float, 200, 784>(64, 0.8, -1);
    compare_over_batch<float, 200, 784>(64, 0.3, -1);
    compare_over_batch<float, 32, 784>(1, 0.9, 0.5);
    compare_over_batch<float, 127, 131>(48, 1, 0.25);
    compare_over_batch<float, 37, 1031>(70, 0.75, -1);
    compare_over_batch<float, 10, 784>(64, 0.8, -1); // not listed
    compare_over_batch<float, 301, 401>(39, 0.9, 0);
    compare_over_batch<float, 1040, 17>(33, 0.8, -1);
    compare_over_batch<float, 64, 256>(70, 0.8, 0);
    compare_over_batch<double, 700, 19>(139, 0.9, 0);
    compare_over_batch<float, 127, 131>(151, 0.8, 1);
    compare_over_batch<float, 128, 160>(400, 0.8, -0.5);
    compare_over_batch<double, 83, 101>(37, 0.8, -1);
    compare_over_batch<double, 83, 211>(139, 0.9, 0);
}

// What is not a number stays with its sample and its input; a background whose differences overflow is none.
TEST_CASE("A NaN in a sparse batch") {
    constexpr int O = 48, I = 400, samples = 24;
    constexpr Shape<O, I> shape;
    constexpr cpu::backend fast;
    std::vector<float> rows(samples * I);
    rows[5 * I + 77] = std::numeric_limits<float>::quiet_NaN();
    const BatchRows<float> plain{rows.data(), L * I, I, samples};
    const InputRows<float> x = dense_batch_rows(fast, shape, plain);
    REQUIRE(x.sparse);
    constexpr std::size_t bytes = dense_batch_list_bytes(fast, shape, 0.f);
    Arena<std::byte> tile_memory = scratch_of(2 * bytes);
    const BatchMemory memory{tile_memory.data(), bytes};
    for (int t = 0; t < 2; ++t) dense_batch_list(fast, shape, x, memory, t);
    Arena<float> w(O * I), y(2 * O * L), dy(2 * O * L), dw(O * I);
    for (float& number : w.span()) number = 1;
    for (float& number : dy.span()) number = 1;
    const BatchTiles<const float, Shape<I>, L> xs{nullptr, 0, 2};
    for (int task = 0; task < dense_batch_tasks(fast, shape, 0.f); ++task) {
        dense_batch_forward(fast, BatchTiles<float, Shape<O>, L>{y.data(), O * L, 2}, xs, x, memory,
                            View<const float, Shape<O, I>>{w.data()}, Nothing{}, task);
        dense_batch_gradient(fast, shape, dw.data() + dense_batch_outputs(fast, shape, 0.f, task).first * I,
                             static_cast<float*>(nullptr), BatchTiles<const float, Shape<O>, L>{dy.data(), O * L, 2}, x,
                             memory, task);
    }
    for (int o = 0; o < O; ++o) {
        for (int n = 0; n < samples; ++n) CHECK(std::isnan(y.data()[(n / L * O + o) * L + n % L]) == (n == 5));
        for (int i = 0; i < I; ++i) CHECK(std::isnan(dw.data()[o * I + i]) == (i == 77));
    }
    std::fill(rows.begin(), rows.end(), std::numeric_limits<float>::infinity());
    CHECK_FALSE(dense_batch_rows(fast, shape, plain).sparse);
    std::fill(rows.begin(), rows.end(), -3e38f);
    CHECK_FALSE(dense_batch_rows(fast, shape, plain).sparse);
}

/// dW (O,I) of a batch whose input i has magnitude in[i] and whose output o has out[o], in pairs and exactly.
template <int O, int I>
struct ScaledGradient {
    static constexpr int samples = 64, tiles = samples / L;
    std::vector<float> dw = std::vector<float>(O * I);
    std::vector<double> exact = std::vector<double>(O * I);

    ScaledGradient(const std::array<float, O>& out, const std::array<float, I>& in) {
        Random random(Seed{15}, Stream::test, 0);
        const auto number = [&] { return static_cast<float>(2 * random.uniform() - 1); };
        std::vector<float> rows(samples * I), dy(samples * O);
        for (std::size_t n = 0; n < samples; ++n)
            for (std::size_t i = 0; i < I; ++i) rows[n * I + i] = in[i] * number();
        for (std::size_t t = 0; t < tiles; ++t)
            for (std::size_t o = 0; o < O; ++o)
                for (std::size_t lane = 0; lane < L; ++lane) dy[(t * O + o) * L + lane] = out[o] * number();
        for (std::size_t n = 0; n < samples; ++n)
            for (std::size_t o = 0; o < O; ++o)
                for (std::size_t i = 0; i < I; ++i)
                    exact[o * I + i] += double(dy[(n / L * O + o) * L + n % L]) * double(rows[n * I + i]);
        gradient_in_pairs<O, I, float>(dw.data(), BatchTiles<const float, Shape<O>, L>{dy.data(), O * L, tiles},
                                       BatchRows<float>{rows.data(), L * I, I, samples});
    }
};

// Inputs and outputs in units of their own: each number of the gradient is as exact as those of its row and column.
TEST_CASE("Dense's gradient in pairs at any scale") {
    constexpr int O = 128, I = 160;
    std::array<float, O> out{};
    std::array<float, I> in{};
    constexpr std::array scales{1.f, 1e-12f, 1e12f, 3e-5f, 0.f, 700.f, 2e-30f};
    for (std::size_t o = 0; o < O; ++o) out[o] = scales[o % 5];
    for (std::size_t i = 0; i < I; ++i) in[i] = scales[i % 7];
    const ScaledGradient<O, I> gradient(out, in);
    for (std::size_t o = 0; o < O; ++o)
        for (std::size_t i = 0; i < I; ++i) {
            const auto at = o * I + i;
            CAPTURE(o);
            CAPTURE(i);
            const double unit = double(out[o]) * double(in[i]), least = std::numeric_limits<float>::denorm_min();
            REQUIRE(std::abs(double(gradient.dw[at]) - gradient.exact[at]) <=
                    (unit > 0 ? 2e-5 * unit + 64 * least : 0));
        }
}

TEST_CASE("Dense's gradient in pairs is not finite where an input or a gradient is not") {
    constexpr int O = 128, I = 160;
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        std::array<float, O> out;
        std::array<float, I> in;
        out.fill(1), in.fill(1);
        out[3] = bad, in[5] = bad;
        const ScaledGradient<O, I> gradient(out, in);
        for (std::size_t o = 0; o < O; ++o)
            for (std::size_t i = 0; i < I; ++i) REQUIRE(std::isfinite(gradient.dw[o * I + i]) == (o != 3 && i != 5));
    }
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
