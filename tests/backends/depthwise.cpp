// backends/cpu/depthwise.hpp against backends/reference/depthwise.hpp: kernels, strides, paddings, odd sizes; one
// sample.
#include "compare.hpp"

using namespace ikebana;
using namespace ikebana::test;

namespace {

template <class T, class G>
void compare_depthwise() {
    Random random(Seed{14}, Stream::test);
    Tiles<T, typename G::input> x, dx;
    Tiles<T, typename G::output> y, dy;
    Views<T, typename G::weights> w, dw;
    Views<T, Shape<G::C>> b;
    for (auto* numbers : {static_cast<Numbers<T>*>(&x), static_cast<Numbers<T>*>(&dx), static_cast<Numbers<T>*>(&y),
                          static_cast<Numbers<T>*>(&dy), static_cast<Numbers<T>*>(&w), static_cast<Numbers<T>*>(&dw),
                          static_cast<Numbers<T>*>(&b)})
        numbers->randomise(random); // dw is added to, y and dx are overwritten
    const cpu::backend fast, from_memory{true};
    const reference::backend exact;
    const std::size_t bytes = depthwise_scratch_bytes(fast, G{}, T{});
    Arena<std::byte> scratch = scratch_of(bytes);
    depthwise_forward(exact, G{}, y.exact_tile(), x.exact_tile(), w.exact_view(), b.exact_view(), nullptr);
    depthwise_forward(fast, G{}, y.tile(), x.tile(), w.view(), b.view(), scratch.data());
    check_close(y, "forward");
    const Arena<T> y_near = y.fast;
    y.fast = Arena<T>(y.fast.size());
    depthwise_forward(from_memory, G{}, y.tile(), x.tile(), w.view(), b.view(), scratch.data());
    CHECK(std::equal(y_near.span().begin(), y_near.span().end(), y.fast.span().begin()));

    // sample 3 alone
    Numbers<T> image(G::input::size), row(G::output::size);
    for (std::size_t f = 0; f < G::input::size; ++f) image.fast.data()[f] = x.tile().row(static_cast<int>(f))[3];
    for (std::size_t f = 0; f < G::output::size; ++f) row.exact.data()[f] = y.exact_tile().row(static_cast<int>(f))[3];
    depthwise_forward(cpu::single{}, G{}, Tile<T, typename G::output, 1>{row.fast.data()},
                      Tile<T, typename G::input, 1>{image.fast.data()}, w.view(), b.view(), nullptr);
    check_close(row, "forward of one sample");

    const Arena<T> before = dw.fast;
    depthwise_backward(exact, G{}, dx.exact_tile(), dw.exact_view(), dy.exact_tile(), x.exact_tile(), w.exact_view(),
                       nullptr);
    scratch = scratch_of(bytes);
    depthwise_backward(fast, G{}, dx.tile(), dw.view(), dy.tile(), x.tile(), w.view(), scratch.data());
    check_close(dw, "backward, dw");
    check_close(dx, "backward, dx");
    std::copy(before.span().begin(), before.span().end(), dw.view().data);
    depthwise_backward(fast, G{}, Nothing{}, dw.view(), dy.tile(), x.tile(), w.view(), scratch.data());
    check_close(dw, "backward without dx, dw");
    const Arena<T> near = dw.fast;
    std::copy(before.span().begin(), before.span().end(), dw.view().data);
    depthwise_backward(from_memory, G{}, Nothing{}, dw.view(), dy.tile(), x.tile(), w.view(), scratch.data());
    CHECK(std::equal(near.span().begin(), near.span().end(), dw.fast.span().begin()));
    dx.fast = Arena<T>(dx.fast.size());
    depthwise_backward(fast, G{}, dx.tile(), Nothing{}, dy.tile(), x.tile(), w.view(), scratch.data());
    check_close(dx, "backward without dw, dx");
}

template <int C, int H, int W, int R, int stride, int padding>
using Case = DepthwiseGeometry<Shape<C, H, W>, R, stride, padding>;

template <class T, class... G>
void compare_all() {
    (with_geometry<G>(&compare_depthwise<T, G>), ...);
}

} // namespace

TEST_CASE("depthwise convolutions of 3x3, stride 1 and 2, every padding") {
    compare_all<float, Case<3, 9, 11, 3, 1, 0>, Case<3, 9, 11, 3, 1, 1>, Case<2, 4, 5, 3, 1, 2>,
                Case<3, 9, 10, 3, 2, 0>, Case<3, 9, 10, 3, 2, 1>, Case<2, 5, 4, 3, 2, 2>>();
    compare_all<double, Case<3, 7, 6, 3, 1, 1>, Case<2, 7, 6, 3, 2, 1>>();
}

TEST_CASE("depthwise convolutions of other sizes") {
    compare_all<float, Case<2, 3, 4, 1, 1, 0>, Case<2, 5, 5, 1, 2, 0>, Case<1, 2, 2, 2, 1, 0>, Case<3, 7, 20, 5, 1, 2>,
                Case<2, 9, 13, 7, 1, 3>, Case<2, 12, 9, 6, 3, 4>>();
}

TEST_CASE("depthwise convolutions whose rows are several blocks, the last one shorter") {
    compare_all<float, Case<2, 5, 17, 3, 1, 1>, Case<2, 4, 29, 3, 1, 0>, Case<2, 6, 33, 3, 2, 1>,
                Case<2, 5, 44, 5, 3, 2>, Case<1, 8, 19, 7, 1, 3>>();
    compare_all<double, Case<2, 5, 31, 3, 2, 1>>();
}
