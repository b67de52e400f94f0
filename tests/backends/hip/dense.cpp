// backends/hip/dense.hpp against the reference: the models' sizes, and sizes that no block divides.
#include "compare.hpp"

using namespace ikebana;
using namespace ikebana::hip;
using namespace ikebana::hip::test;

namespace {

template <class T, int O, int I, int N>
struct Operands {
    Memory<T, N> memory{2 * L * (O + I)};
    Tiles<T, N, Shape<I>> x{memory}, dx{memory};
    Tiles<T, N, Shape<O>> y{memory}, dy{memory};
    Views<T, Shape<O, I>> w, dw;
    Views<T, Shape<O>> b, db;

    explicit Operands(std::uint64_t seed) {
        Random random(Seed{seed}, Stream::test, static_cast<std::uint32_t>(O * 1000 + I));
        x.randomise(random), dx.randomise(random), y.randomise(random), w.randomise(random), b.randomise(random);
        dw.randomise(random), db.randomise(random); // are added to
        dy.randomise(random, N * L - O % L);
    }
};

template <class T, int O, int I, int N>
void compare_dense() {
    const OrdersCompared compared;
    Operands<T, O, I, N> operands(22);
    auto& [memory, x, dx, y, dy, w, dw, b, db] = operands;
    const hip::backend on = memory.on();
    const reference::backend exact;
    CAPTURE(O);
    CAPTURE(I);
    CAPTURE(N);
    dense_forward(on, y.tile(), x.tile(), w.view(), b.view());
    dense_forward(exact, y.exact_tile(), x.exact_tile(), w.exact_view(), b.exact_view());
    check_close(y, "forward");
    dense_forward(on, y.tile(), x.tile(), w.view(), Nothing{});
    dense_forward(exact, y.exact_tile(), x.exact_tile(), w.exact_view(), Nothing{});
    check_close(y, "forward without bias");
    dense_backward_weight(on, dw.view(), db.view(), dy.tile(), x.tile(), nullptr);
    dense_backward_weight(exact, dw.exact_view(), db.exact_view(), dy.exact_tile(), x.exact_tile(), nullptr);
    check_close(dw, "backward_weight, dw");
    check_close(db, "backward_weight, db");
    dense_backward_weight(on, dw.view(), Nothing{}, dy.tile(), x.tile(), nullptr);
    dense_backward_weight(exact, dw.exact_view(), Nothing{}, dy.exact_tile(), x.exact_tile(), nullptr);
    check_close(dw, "backward_weight without db, dw");
    dense_backward_input(on, dx.tile(), w.view(), dy.tile());
    dense_backward_input(exact, dx.exact_tile(), w.exact_view(), dy.exact_tile());
    check_close(dx, "backward_input");
    dx.clear();
    dense_backward(on, dx.tile(), dw.view(), db.view(), dy.tile(), x.tile(), w.view());
    dense_backward_weight(exact, dw.exact_view(), db.exact_view(), dy.exact_tile(), x.exact_tile(), nullptr);
    check_close(dx, "backward, dx");
    check_close(dw, "backward, dw");
    check_close(db, "backward, db");
    dense_backward(on, dx.tile(), dw.view(), Nothing{}, dy.tile(), x.tile(), w.view());
    dense_backward_weight(exact, dw.exact_view(), Nothing{}, dy.exact_tile(), x.exact_tile(), nullptr);
    check_close(dw, "backward without db, dw");
    check_close(db, "backward without db, db");
    check_close(dx, "backward without db, dx");
}

/// The way through an activation as one, against the reference's two.
template <class T, class F, int O, int I, int N>
void compare_dense_activation() {
    const OrdersCompared compared;
    Operands<T, O, I, N> operands(23);
    auto& [memory, x, dx, y, dy, w, dw, b, db] = operands;
    const hip::backend on = memory.on();
    const reference::backend exact;
    CAPTURE(O);
    CAPTURE(I);
    dense_activation_forward(on, F{}, y.tile(), x.tile(), w.view(), b.view());
    dense_forward(exact, y.exact_tile(), x.exact_tile(), w.exact_view(), b.exact_view());
    assign(exact, y.exact_tile(), map_with(F{}, y.exact_tile()));
    check_close(y, "forward");
    y.accept(); // its rounding may not decide on a side of ReLU's step
    const ActivationGradient<F, decltype(dy.tile()), decltype(y.tile())> dz{dy.tile(), y.tile()};
    assign(exact, dy.exact_tile(), dy.exact_tile() * map_with(functors::derivative_from_output<F>{}, y.exact_tile()));
    dense_backward(on, dx.tile(), dw.view(), db.view(), dz, x.tile(), w.view());
    dense_backward_weight(exact, dw.exact_view(), db.exact_view(), dy.exact_tile(), x.exact_tile(), nullptr);
    check_close(dw, "backward, dw");
    check_close(db, "backward, db");
    dense_backward_input(exact, dx.exact_tile(), w.exact_view(), dy.exact_tile());
    check_close(dx, "backward, dx");
    dense_backward_weight(on, dw.view(), Nothing{}, dz, x.tile(), nullptr); // as of a network's first layer
    dense_backward_weight(exact, dw.exact_view(), Nothing{}, dy.exact_tile(), x.exact_tile(), nullptr);
    check_close(dw, "backward_weight, dw");
}

} // namespace

TEST_CASE("Dense of the models") {
    compare_dense<float, 10, 784, 2>();
    compare_dense<float, 10, 800, 2>();
    compare_dense<float, 200, 200, 2>();
}

TEST_CASE("Dense and an activation as one") {
    compare_dense_activation<float, functors::relu, 200, 784, 2>();
    compare_dense_activation<float, functors::tanh, 17, 15, 3>();
    compare_dense_activation<float, functors::sigmoid, 65, 5, 1>();
    compare_dense_activation<double, functors::tanh, 33, 9, 2>();
}

TEST_CASE("both gradients of a small Dense are one launch") {
    const auto are_one = []<int O, int I>(Shape<O, I>, int tiles) {
        backend on;
        on.tiles = tiles;
        const Tile<float, Shape<I>, L> x{};
        const Tile<float, Shape<O>, L> y{};
        const View<float, Shape<O, I>> w{};
        return fit_one_launch(weight_gradient(on, w, Nothing{}, y, x), input_gradient(on, x, w, y));
    };
    CHECK(are_one(Shape<200, 200>{}, 2));
    CHECK(are_one(Shape<10, 200>{}, 2));
    CHECK(!are_one(Shape<1, 18000>{}, 2));
    CHECK(!are_one(Shape<200, 200>{}, 512));
}

TEST_CASE("Dense of odd sizes") {
    compare_dense<float, 1, 1, 1>();
    compare_dense<float, 1, 300, 2>();
    compare_dense<float, 300, 1, 1>();
    compare_dense<float, 17, 15, 3>();
    compare_dense<float, 31, 33, 1>();
    compare_dense<float, 65, 5, 2>();
    compare_dense<float, 129, 131, 1>(); // few blocks, several rounds of eight groups
    compare_dense<double, 5, 67, 2>();
    compare_dense<double, 33, 9, 1>();
    compare_dense<float, 1, 18000, 2>(); // many blocks
}

TEST_CASE("a block's tile is filled by 20 and 50 filters, and never larger than shared memory") {
    constexpr Blocking twenty = blocking_for(20, batch_columns), fifty = blocking_for(50, batch_columns);
    CHECK((20 + twenty.m() - 1) / twenty.m() * twenty.m() <= 24);
    CHECK((50 + fifty.m() - 1) / fifty.m() * fifty.m() <= 56);
    constexpr Blocking large = blocking_for(4096, 4096);
    CHECK(large.down * large.across == 64);
    using OfLarge = Sums<double, NoCore, large.rows, large.down, large.across>;
    CHECK(round_depth * (OfLarge::left_row + large.n() + OfLarge::padding) * sizeof(double) <= 48 * 1024);
    constexpr Blocking few = narrow_blocking_for<double>(4096, batch_columns, 1);
    using OfFew = Sums<double, NoCore, few.rows, few.down, few.across, groups_for<double>(1)>;
    CHECK(few.m() + few.n() <= 40);
    CHECK(OfFew::round * (OfFew::left_row + few.n() + OfFew::padding) * sizeof(double) <= 48 * 1024);
}
