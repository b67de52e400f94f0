// backends/cpu/conv_pool.hpp against the reference's convolution, max pool and activation one after the other: rests
// that no window covers, padding, strides, filters that no block divides, and the gradients with dx and without.
#include "compare.hpp"

using namespace ikebana;
using namespace ikebana::test;

namespace {

template <class T, class G, int W, class F>
void compare_conv_pool(bool with_bias) {
    using Pooled = Shape<G::K, G::P / W, G::Q / W>;
    using PG = PoolGeometry<typename G::output, W, W, 0>;
    static_assert(typename PG::output{} == Pooled{});
    Random random(Seed{12}, Stream::test);
    Tiles<T, typename G::input> x, dx;
    Tiles<T, typename G::output> full; // of the reference alone: before pooling, then its gradient
    Tiles<T, Pooled> y, argmax, dz;
    Views<T, typename G::weights> w, dw;
    Views<T, Shape<G::K>> b;
    for (auto* numbers : {static_cast<Numbers<T>*>(&x), static_cast<Numbers<T>*>(&dz), static_cast<Numbers<T>*>(&w),
                          static_cast<Numbers<T>*>(&dw), static_cast<Numbers<T>*>(&b), static_cast<Numbers<T>*>(&dx)})
        numbers->randomise(random);
    dz.clear_lanes(5);
    const std::size_t bytes = conv_pool_scratch_bytes(cpu::backend{}, G{}, W, T{});
    Arena<std::byte> scratch = scratch_of(bytes);
    const Arena<T> packed = packed_weights<G>(w.view());
    const cpu::backend fast;
    const reference::backend exact;
    const std::integral_constant<int, W> window;
    CAPTURE(G::input::text());
    CAPTURE(G::weights::text());
    CAPTURE(W);

    const auto both = [&](auto bias, auto exact_bias) {
        conv_pool_forward(fast, G{}, window, F{}, y.tile(), argmax.fast.data(), x.tile(), w.view(), bias, packed.data(),
                          scratch.data());
        conv_forward(exact, G{}, full.exact_tile(), x.exact_tile(), w.exact_view(), exact_bias, nullptr, nullptr);
        max_pool_forward(exact, PG{}, y.exact_tile(), full.exact_tile(), argmax.exact.data());
        assign(exact, y.exact_tile(), map_with(F{}, y.exact_tile()));
    };
    if (with_bias)
        both(b.view(), b.exact_view());
    else
        both(Nothing{}, Nothing{});
    check_close(y, "forward");
    if (W > 1) CHECK(std::equal(argmax.exact.span().begin(), argmax.exact.span().end(), argmax.fast.span().begin()));

    max_pool_backward(exact, PG{}, full.exact_tile(), dz.exact_tile(), argmax.exact.data());
    conv_backward(exact, G{}, dx.exact_tile(), dw.exact_view(), full.exact_tile(), x.exact_tile(), w.exact_view(),
                  nullptr, nullptr);
    const Arena<T> before = dw.fast;
    conv_pool_backward(fast, G{}, window, dx.tile(), dw.view(), dz.tile(), argmax.fast.data(), x.tile(), w.view(),
                       packed.data(), scratch.data());
    check_close(dw, "backward, dw");
    check_close(dx, "backward, dx");
    scratch = scratch_of(bytes);
    std::copy(before.span().begin(), before.span().end(), dw.view().data);
    conv_pool_backward(fast, G{}, window, Nothing{}, dw.view(), dz.tile(), argmax.fast.data(), x.tile(), w.view(),
                       packed.data(), scratch.data());
    check_close(dw, "backward without dx, dw");
}

template <int C, int H, int W, int K, int R, int stride, int padding>
using Case = ConvGeometry<Shape<C, H, W>, K, R, R, stride, padding>;

} // namespace

TEST_CASE("convolution and pool of LeNet-5") {
    compare_conv_pool<float, Case<1, 28, 28, 20, 5, 1, 0>, 2, functors::relu>(true);
    compare_conv_pool<float, Case<20, 12, 12, 50, 5, 1, 0>, 2, functors::relu>(true);
}

TEST_CASE("convolution and pool of odd sizes") {
    compare_conv_pool<float, Case<2, 10, 9, 3, 3, 1, 0>, 2, functors::relu>(true);       // 8×7
    compare_conv_pool<float, Case<3, 7, 8, 7, 3, 1, 1>, 2, functors::tanh>(false);       // 7×8
    compare_conv_pool<float, Case<2, 13, 11, 11, 4, 2, 2>, 2, functors::identity>(true); // 7×6
    compare_conv_pool<float, Case<5, 4, 5, 1, 3, 1, 0>, 2, functors::sigmoid>(true);     // 2×3
    compare_conv_pool<float, Case<1, 2, 3, 13, 1, 1, 0>, 2, functors::identity>(false);
    compare_conv_pool<double, Case<3, 9, 7, 6, 2, 1, 1>, 2, functors::tanh>(true);
}

TEST_CASE("convolution of 1x1 and pool: rests of windows, panels of several terms, strides") {
    compare_conv_pool<float, Case<20, 6, 7, 33, 1, 1, 0>, 2, functors::relu>(true);
    compare_conv_pool<float, Case<105, 5, 4, 6, 1, 1, 0>, 2, functors::tanh>(false);
    compare_conv_pool<float, Case<7, 9, 12, 18, 1, 2, 0>, 2, functors::identity>(true);
    compare_conv_pool<float, Case<110, 3, 3, 17, 1, 1, 0>, 1, functors::relu>(true);
    compare_conv_pool<double, Case<9, 5, 7, 110, 1, 1, 0>, 2, functors::sigmoid>(true);
}

TEST_CASE("convolution and pool by Winograd's method, whole and cut off") {
    using Odd = Case<8, 9, 11, 9, 3, 1, 1>;
    static_assert(cpu::winograd_outputs<Odd> == 6);
    compare_conv_pool<float, Odd, 2, functors::relu>(true);
    compare_conv_pool<float, Odd, 1, functors::relu>(false); // a saturating one would divide by 1, not by the sums
    using Two = Case<10, 9, 8, 12, 7, 1, 3>;
    static_assert(cpu::winograd_outputs<Two> == 2);
    compare_conv_pool<float, Two, 2, functors::identity>(false);
    compare_conv_pool<double, Case<7, 7, 10, 13, 5, 1, 2>, 2, functors::sigmoid>(true);
}

TEST_CASE("convolution and activation without a pool") {
    compare_conv_pool<float, Case<2, 10, 9, 8, 3, 1, 2>, 1, functors::relu>(true);
    compare_conv_pool<float, Case<3, 11, 6, 7, 5, 3, 1>, 1, functors::sigmoid>(false);
    compare_conv_pool<float, Case<4, 3, 3, 9, 3, 1, 0>, 1, functors::tanh>(true);
    compare_conv_pool<double, Case<3, 8, 5, 2, 2, 2, 1>, 1, functors::sigmoid>(true);
}
