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
    Arena<std::byte> scratch = scratch_of(dense_scratch_bytes(cpu::backend{}, Shape<O, I>{}, T{}));
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

} // namespace

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
