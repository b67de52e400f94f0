// backends/cpu/conv_pool.hpp against the reference's convolution, max pool and activation one after the other: rests
// that no window covers, padding, strides, filters that no block divides, and the gradients with dx and without.
#include "compare.hpp"

#include <cmath>
#include <limits>

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
    const std::string text = text_of<G>() + ", pool " + std::to_string(W);
    CAPTURE(text);

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

/// Windows of −1, 0, 1 and NaN, of which many are equal: the first of the largest wins, and the last NaN before all
/// others, as in the reference.
template <class T, class G>
void compare_ties_and_nan() {
    static_assert(G::C == 1 && cpu::winograd_outputs<G> == 0); // Winograd's sums spread a NaN over the whole tile
    using Pooled = Shape<G::K, G::P / 2, G::Q / 2>;
    constexpr double numbers[] = {-1, 0, 1, std::numeric_limits<double>::quiet_NaN()};
    Random random(Seed{31}, Stream::test);
    Tiles<T, typename G::input> x;
    Tiles<T, typename G::output> full;
    Tiles<T, Pooled> y, argmax;
    Views<T, typename G::weights> w;
    for (std::size_t i = 0; i < x.fast.size(); ++i) {
        x.exact.data()[i] = numbers[static_cast<int>(random.uniform() * 4)];
        x.fast.data()[i] = static_cast<T>(x.exact.data()[i]);
    }
    for (int k = 0; k < G::K; ++k) // one tap, of weight 1 or −1
        w.exact.data()[k * G::R * G::R] = w.fast.data()[k * G::R * G::R] = static_cast<T>(1 - k % 2 * 2);
    Arena<std::byte> scratch = scratch_of(conv_pool_scratch_bytes(cpu::backend{}, G{}, 2, T{}));
    const Arena<T> packed = packed_weights<G>(w.view());
    const std::integral_constant<int, 2> window;
    conv_pool_forward(cpu::backend{}, G{}, window, functors::identity{}, y.tile(), argmax.fast.data(), x.tile(),
                      w.view(), Nothing{}, packed.data(), scratch.data());
    const reference::backend exact;
    conv_forward(exact, G{}, full.exact_tile(), x.exact_tile(), w.exact_view(), Nothing{}, nullptr, nullptr);
    max_pool_forward(exact, PoolGeometry<typename G::output, 2, 2, 0>{}, y.exact_tile(), full.exact_tile(),
                     argmax.exact.data());
    CAPTURE(G::weights::text());
    int none = 0;
    bool places = true, maxima = true;
    for (std::size_t i = 0; i < y.fast.size(); ++i) {
        const double best = y.exact.data()[i], given = y.fast.data()[i];
        none += std::isnan(best);
        places = places && argmax.fast.data()[i] == argmax.exact.data()[i];
        maxima = maxima && (std::isnan(best) ? std::isnan(given) : given == best);
    }
    CHECK(none > 0);
    CHECK(none < static_cast<int>(y.fast.size()));
    CHECK(places);
    CHECK(maxima);
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
    compare_conv_pool<float, Case<60, 5, 4, 63, 1, 1, 0>, 2, functors::tanh>(false);
    compare_conv_pool<float, Case<125, 5, 6, 130, 1, 1, 0>, 2, functors::relu>(true);
    compare_conv_pool<float, Case<7, 9, 12, 18, 1, 2, 0>, 2, functors::identity>(true);
    compare_conv_pool<float, Case<110, 3, 3, 17, 1, 1, 0>, 1, functors::relu>(true);
    compare_conv_pool<double, Case<121, 5, 7, 129, 1, 1, 0>, 2, functors::sigmoid>(true);
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

TEST_CASE("equal places of a window and NaN: the reference's place wins") {
    compare_ties_and_nan<float, Case<1, 40, 40, 3, 1, 1, 0>>();
    compare_ties_and_nan<float, Case<1, 21, 20, 3, 2, 1, 0>>();
    compare_ties_and_nan<double, Case<1, 20, 22, 2, 1, 1, 0>>();
    compare_ties_and_nan<double, Case<1, 21, 20, 6, 2, 1, 0>>();
}

TEST_CASE("convolution and activation without a pool") {
    compare_conv_pool<float, Case<2, 10, 9, 8, 3, 1, 2>, 1, functors::relu>(true);
    compare_conv_pool<float, Case<3, 11, 6, 7, 5, 3, 1>, 1, functors::sigmoid>(false);
    compare_conv_pool<float, Case<4, 3, 3, 9, 3, 1, 0>, 1, functors::tanh>(true);
    compare_conv_pool<double, Case<3, 8, 5, 2, 2, 2, 1>, 1, functors::sigmoid>(true);
}
