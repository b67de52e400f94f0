// backends/hip/depthwise.hpp against the reference: kernels of 1 to 7, strides, paddings, sizes that no block divides,
// one tile and three.
#include "compare.hpp"

using namespace ikebana;
using namespace ikebana::hip;
using namespace ikebana::hip::test;

namespace {

template <class T, class G, int N>
void compare_depthwise() {
    const OrdersCompared compared;
    Random random(Seed{25}, Stream::test, static_cast<std::uint32_t>(G::C * N));
    Memory<T, N> memory(2 * L * (G::input::size + G::output::size) + G::weights::size);
    Tiles<T, N, typename G::input> x(memory), dx(memory);
    Tiles<T, N, typename G::output> y(memory), dy(memory);
    Views<T, typename G::weights> w, dw;
    Views<T, Shape<G::C>> b;
    x.randomise(random), dx.randomise(random), y.randomise(random), w.randomise(random), b.randomise(random);
    dw.randomise(random);               // is added to
    dy.randomise(random, N * L - G::C); // the last lanes are empty
    auto* scratch =
        reinterpret_cast<std::byte*>(memory.take(depthwise_scratch_bytes(hip::backend{}, G{}, T{}) / sizeof(T)));
    const hip::backend on = memory.on();
    const reference::backend exact;
    CAPTURE(G::input::text());
    CAPTURE(G::R);
    CAPTURE(G::stride);
    CAPTURE(G::padding);
    CAPTURE(N);

    depthwise_forward(on, G{}, y.tile(), x.tile(), w.view(), b.view(), nullptr);
    depthwise_forward(exact, G{}, y.exact_tile(), x.exact_tile(), w.exact_view(), b.exact_view(), nullptr);
    check_close(y, "forward");
    depthwise_forward(on, G{}, y.tile(), x.tile(), w.view(), Nothing{}, nullptr);
    depthwise_forward(exact, G{}, y.exact_tile(), x.exact_tile(), w.exact_view(), Nothing{}, nullptr);
    check_close(y, "forward without bias");
    depthwise_backward(on, G{}, dx.tile(), dw.view(), dy.tile(), x.tile(), w.view(), scratch);
    depthwise_backward(exact, G{}, dx.exact_tile(), dw.exact_view(), dy.exact_tile(), x.exact_tile(), w.exact_view(),
                       nullptr);
    check_close(dx, "dx");
    check_close(dw, "dw");
    const std::vector<T> before = dx.numbers();
    depthwise_backward(on, G{}, Nothing{}, dw.view(), dy.tile(), x.tile(), w.view(), scratch);
    depthwise_backward(exact, G{}, Nothing{}, dw.exact_view(), dy.exact_tile(), x.exact_tile(), w.exact_view(),
                       nullptr);
    check_close(dw, "dw without dx");
    CHECK(dx.numbers() == before);
    const std::vector<T> gradient = on_host(dw.device);
    dx.randomise(random);
    depthwise_backward(on, G{}, dx.tile(), Nothing{}, dy.tile(), x.tile(), w.view(), nullptr);
    CHECK(dx.numbers() == before);
    CHECK(on_host(dw.device) == gradient);
}

template <class T, int N, class... G>
void compare_all() {
    (compare_depthwise<T, G, N>(), ...);
}

template <int C, int H, int W, int R, int stride, int padding>
using Case = DepthwiseGeometry<Shape<C, H, W>, R, stride, padding>;

} // namespace

TEST_CASE("depthwise convolutions, on one tile and on three") {
    compare_all<float, 1, Case<1, 1, 1, 1, 1, 0>, Case<3, 9, 11, 3, 1, 1>, Case<5, 9, 10, 3, 2, 0>,
                Case<2, 4, 5, 3, 1, 2>, Case<2, 12, 9, 6, 3, 4>>();
    compare_all<float, 3, Case<16, 12, 13, 3, 1, 1>, Case<7, 8, 9, 3, 2, 1>, Case<3, 7, 20, 5, 1, 2>,
                Case<2, 9, 13, 7, 1, 3>, Case<4, 5, 5, 1, 2, 0>>();
}

TEST_CASE("depthwise convolutions in double") {
    compare_all<double, 2, Case<3, 7, 6, 3, 1, 1>, Case<2, 7, 6, 3, 2, 1>>();
}
