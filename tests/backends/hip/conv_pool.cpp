// Convolution, max pool and activation of backends/hip/conv.hpp as one, against the reference's one after the other:
// rests that no window covers, padding, strides, filters that no block divides, one tile and three.
#include "compare.hpp"

using namespace ikebana;
using namespace ikebana::hip;
using namespace ikebana::hip::test;

namespace {

template <class T, class G, int W, class F, int N>
void compare_conv_pool(bool with_bias) {
    using Pooled = Shape<G::K, G::P / W, G::Q / W>;
    using PG = PoolGeometry<typename G::output, W, W, 0>;
    const OrdersCompared compared;
    Random random(Seed{26}, Stream::test, static_cast<std::uint32_t>(G::K * N));
    constexpr std::size_t scratch_size = conv_scratch_bytes(hip::backend{}, G{}, T{}) / sizeof(T);
    Memory<T, N> memory(2 * L * G::input::size + 3 * L * Pooled::size + scratch_size);
    Tiles<T, N, typename G::input> x(memory), dx(memory);
    Tiles<T, N, Pooled> y(memory), argmax(memory), dz(memory);
    std::vector<double> full_numbers(G::output::size * N * L); // of the reference alone: y, then its gradient
    const Tile<double, typename G::output, N * L> full{full_numbers.data()};
    Views<T, typename G::weights> w, dw;
    Views<T, Shape<G::K>> b;
    x.randomise(random), dx.randomise(random), y.randomise(random), w.randomise(random), b.randomise(random);
    dw.randomise(random);                   // is added to
    dz.randomise(random, N * L - G::K % L); // the last lanes are empty
    auto* scratch =
        reinterpret_cast<std::byte*>(memory.take(conv_pool_scratch_bytes(hip::backend{}, G{}, W, T{}) / sizeof(T)));
    const hip::backend on = memory.on();
    const reference::backend exact;
    const std::integral_constant<int, W> window;
    CAPTURE(G::input::text());
    CAPTURE(G::weights::text());
    CAPTURE(W);
    CAPTURE(N);

    const auto both = [&](auto bias, auto exact_bias) {
        conv_pool_forward(on, G{}, window, F{}, y.tile(), argmax.data, x.tile(), w.view(), bias, nullptr, nullptr);
        conv_forward(exact, G{}, full, x.exact_tile(), w.exact_view(), exact_bias, nullptr, nullptr);
        max_pool_forward(exact, PG{}, y.exact_tile(), full, argmax.exact.data());
        assign(exact, y.exact_tile(), map_with(F{}, y.exact_tile()));
    };
    if (with_bias)
        both(b.view(), b.exact_view());
    else
        both(Nothing{}, Nothing{});
    check_close(y, "forward");
    if (W > 1) {
        const std::vector<T> chosen = argmax.numbers();
        std::size_t moved = 0;
        for (std::size_t i = 0; i < chosen.size(); ++i) moved += chosen[i] != argmax.exact[i];
        // Rounded operands may let a neighbour win: what follows is checked for the winners that were chosen.
        CHECK(100 * moved <= (core_of<T>::rounding > 0 ? chosen.size() : 0));
        argmax.exact.assign(chosen.begin(), chosen.end());
    }

    max_pool_backward(exact, PG{}, full, dz.exact_tile(), argmax.exact.data());
    conv_backward(exact, G{}, dx.exact_tile(), dw.exact_view(), full, x.exact_tile(), w.exact_view(), nullptr, nullptr);
    conv_pool_backward(on, G{}, window, dx.tile(), dw.view(), dz.tile(), argmax.data, x.tile(), w.view(), nullptr,
                       scratch);
    check_close(dx, "dx");
    check_close(dw, "dw");
    conv_backward(exact, G{}, Nothing{}, dw.exact_view(), full, x.exact_tile(), w.exact_view(), nullptr, nullptr);
    conv_pool_backward(on, G{}, window, Nothing{}, dw.view(), dz.tile(), argmax.data, x.tile(), w.view(), nullptr,
                       scratch);
    check_close(dw, "dw without dx");
}

template <int C, int H, int W, int K, int R, int stride, int padding>
using Case = ConvGeometry<Shape<C, H, W>, K, R, R, stride, padding>;

} // namespace

TEST_CASE("convolution, pool and activation of LeNet-5") {
    compare_conv_pool<float, Case<1, 28, 28, 20, 5, 1, 0>, 2, functors::relu, 2>(true);
    compare_conv_pool<float, Case<20, 12, 12, 50, 5, 1, 0>, 2, functors::relu, 2>(true);
}

TEST_CASE("convolution, pool and activation of odd sizes") {
    compare_conv_pool<float, Case<2, 10, 9, 3, 3, 1, 0>, 2, functors::relu, 3>(true);       // 8×7
    compare_conv_pool<float, Case<3, 7, 8, 7, 3, 1, 1>, 2, functors::tanh, 1>(false);       // 7×8
    compare_conv_pool<float, Case<2, 13, 11, 11, 4, 2, 2>, 2, functors::identity, 3>(true); // 7×6
    compare_conv_pool<float, Case<5, 4, 5, 1, 3, 1, 0>, 2, functors::sigmoid, 1>(true);     // 2×3
    compare_conv_pool<float, Case<1, 2, 3, 65, 1, 1, 0>, 2, functors::identity, 1>(false);
    compare_conv_pool<double, Case<3, 9, 7, 6, 2, 1, 1>, 2, functors::tanh, 2>(true);
}

TEST_CASE("convolution and activation without a pool") {
    compare_conv_pool<float, Case<2, 10, 9, 8, 3, 1, 2>, 1, functors::relu, 3>(true);
    compare_conv_pool<float, Case<3, 11, 6, 7, 5, 3, 1>, 1, functors::sigmoid, 1>(false);
    compare_conv_pool<double, Case<3, 8, 5, 2, 2, 2, 1>, 1, functors::sigmoid, 2>(true);
}

TEST_CASE("the first of equals wins in a window, and NaN over numbers") {
    using G = Case<1, 2, 2, 1, 1, 1, 0>;
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const float windows[][4] = {{1, 1, 1, 1}, {0, 3, 3, 0}, {-2, -1, -5, -1}, {1, nan, 9, 2}};
    const int places[] = {0, 1, 1, 1};
    Memory<float, 1> memory(6 * L);
    Tiles<float, 1, G::input> x(memory);
    Tiles<float, 1, Shape<1, 1, 1>> y(memory), argmax(memory);
    const DeviceArray<float> one = on_device(std::vector<float>{1});
    const View<const float, G::weights> w{one.data()};
    for (int i = 0; i < 4; ++i) {
        std::vector<float> numbers;
        for (int f = 0; f < 4; ++f) numbers.insert(numbers.end(), L, windows[i][f]);
        to_device(hip::backend{}, x.data, numbers.data(), numbers.size());
        conv_pool_forward(memory.on(), G{}, std::integral_constant<int, 2>{}, functors::identity{}, y.tile(),
                          argmax.data, x.tile(), w, Nothing{}, nullptr, nullptr);
        CHECK(argmax.numbers() == std::vector<float>(L, static_cast<float>(places[i])));
    }
}
