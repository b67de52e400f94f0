// backends/hip/conv.hpp against the reference: LeNet-5's convolutions, kernels of 1 to 7, strides, paddings, channels
// and filters that no block divides, one and three tiles.
#include "compare.hpp"

using namespace ikebana;
using namespace ikebana::hip;
using namespace ikebana::hip::test;

namespace {

template <class T, class G, int N>
void compare_conv() {
    const OrdersCompared compared;
    Random random(Seed{21}, Stream::test, static_cast<std::uint32_t>(G::K * N));
    constexpr std::size_t scratch_size = conv_scratch_bytes(hip::backend{}, G{}, T{}) / sizeof(T);
    Memory<T, N> memory(2 * L * (G::input::size + G::output::size) + scratch_size);
    Tiles<T, N, typename G::input> x(memory), dx(memory);
    Tiles<T, N, typename G::output> y(memory), dy(memory);
    Views<T, typename G::weights> w, dw;
    Views<T, Shape<G::K>> b;
    x.randomise(random), dx.randomise(random), y.randomise(random), w.randomise(random), b.randomise(random);
    dw.randomise(random);                   // is added to
    dy.randomise(random, N * L - G::K % L); // the last lanes are empty
    auto* scratch = reinterpret_cast<std::byte*>(memory.take(conv_scratch_bytes(hip::backend{}, G{}, T{}) / sizeof(T)));
    const hip::backend on = memory.on();
    const reference::backend exact;
    CAPTURE(G::input::text());
    CAPTURE(G::weights::text());
    CAPTURE(G::stride);
    CAPTURE(G::padding);
    CAPTURE(N);

    conv_forward(on, G{}, y.tile(), x.tile(), w.view(), b.view(), nullptr, nullptr);
    conv_forward(exact, G{}, y.exact_tile(), x.exact_tile(), w.exact_view(), b.exact_view(), nullptr, nullptr);
    check_close(y, "forward");
    conv_forward(on, G{}, y.tile(), x.tile(), w.view(), Nothing{}, nullptr, nullptr);
    conv_forward(exact, G{}, y.exact_tile(), x.exact_tile(), w.exact_view(), Nothing{}, nullptr, nullptr);
    check_close(y, "forward without bias");
    conv_backward(on, G{}, dx.tile(), dw.view(), dy.tile(), x.tile(), w.view(), nullptr, scratch);
    conv_backward(exact, G{}, dx.exact_tile(), dw.exact_view(), dy.exact_tile(), x.exact_tile(), w.exact_view(),
                  nullptr, nullptr);
    check_close(dx, "dx");
    check_close(dw, "dw");
    const std::vector<T> before = dx.numbers();
    conv_backward(on, G{}, Nothing{}, dw.view(), dy.tile(), x.tile(), w.view(), nullptr, scratch);
    conv_backward(exact, G{}, Nothing{}, dw.exact_view(), dy.exact_tile(), x.exact_tile(), w.exact_view(), nullptr,
                  nullptr);
    check_close(dw, "dw without dx");
    CHECK(dx.numbers() == before);
    const std::vector<T> gradient = on_host(dw.device);
    dx.randomise(random);
    conv_backward(on, G{}, dx.tile(), Nothing{}, dy.tile(), x.tile(), w.view(), nullptr, nullptr);
    CHECK(dx.numbers() == before);
    CHECK(on_host(dw.device) == gradient);
}

template <class T, int N, class... G>
void compare_all() {
    (compare_conv<T, G, N>(), ...);
}

template <int C, int H, int W, int K, int R, int S, int stride, int padding>
using Case = ConvGeometry<Shape<C, H, W>, K, R, S, stride, padding>;

} // namespace

TEST_CASE("convolutions of LeNet-5") {
    compare_all<float, 2, Case<1, 28, 28, 20, 5, 5, 1, 0>, Case<20, 12, 12, 50, 5, 5, 1, 0>>();
}

TEST_CASE("kernels, strides and paddings, on one tile and on three") {
    compare_all<float, 1, Case<1, 1, 1, 1, 1, 1, 1, 0>, Case<5, 9, 4, 3, 1, 1, 3, 0>, Case<3, 8, 7, 7, 2, 2, 2, 1>,
                Case<4, 9, 9, 13, 2, 2, 3, 1>, Case<2, 11, 12, 7, 5, 5, 2, 2>, Case<2, 9, 11, 5, 3, 5, 1, 1>>();
    compare_all<float, 3, Case<7, 6, 5, 11, 1, 1, 1, 0>, Case<3, 11, 6, 5, 3, 3, 1, 1>, Case<1, 10, 9, 40, 3, 3, 2, 0>,
                Case<5, 9, 10, 8, 3, 3, 3, 2>, Case<3, 6, 7, 19, 5, 5, 1, 4>, Case<1, 7, 7, 2, 7, 7, 1, 0>>();
}

TEST_CASE("convolutions in double") {
    compare_all<double, 2, Case<3, 11, 6, 5, 3, 3, 1, 1>, Case<5, 9, 10, 8, 3, 3, 3, 2>>();
}
