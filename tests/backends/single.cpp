// cpu::single, the kernels for one sample, against the reference in double: sizes, channels and filters that no vector
// divides, padding, strides; and one image through whole networks against the same image within a batch, and against
// the reference.
#include "compare.hpp"

#include <models/lenet5.hpp>
#include <models/mlp.hpp>
#include <tests/support/samples.hpp>

#include <limits>

using namespace ikebana;
using namespace ikebana::test;

namespace {

const cpu::single fast;
const reference::backend exact;

template <class T, class S>
struct Single : Numbers<T> {
    Single() : Numbers<T>(S::size) {}
    explicit Single(Random& random) : Single() { this->randomise(random); }
    Tile<T, S, 1> tile() { return {this->fast.data()}; }
    Tile<double, S, 1> exact_tile() { return {this->exact.data()}; }
    View<T, S> view() { return {this->fast.data()}; }
    View<double, S> exact_view() { return {this->exact.data()}; }
};

// ---- convolutions

template <class T, class G, int W, class F>
void compare_conv(F f) {
    using Pooled = Shape<G::K, G::P / W, G::Q / W>;
    using PG = PoolGeometry<typename G::output, W, W, 0>;
    Random random(Seed{21}, Stream::test);
    Single<T, typename G::input> x(random);
    Single<T, typename G::weights> w(random);
    Single<T, Shape<G::K>> b(random);
    Single<T, typename G::output> full;
    Single<T, Pooled> y(random);
    const std::string text = text_of<G>() + ", pool " + std::to_string(W);
    CAPTURE(text);
    Arena<T> packed(conv_packed_size(fast, G{}, T{}));
    conv_pack(fast, G{}, packed.data(), View<const T, typename G::weights>{w.fast.data()});

    const auto check = [&](auto bias, auto exact_bias, const char* what) {
        Arena<std::byte> scratch = scratch_of(conv_pool_scratch_bytes(fast, G{}, W, T{}));
        conv_pool_forward(fast, G{}, std::integral_constant<int, W>{}, f, y.tile(), static_cast<T*>(nullptr), x.tile(),
                          w.view(), bias, packed.data(), scratch.data());
        conv_forward(exact, G{}, full.exact_tile(), x.exact_tile(), w.exact_view(), exact_bias, nullptr, nullptr);
        Arena<double> argmax(Pooled::size);
        max_pool_forward(exact, PG{}, y.exact_tile(), full.exact_tile(), argmax.data());
        assign(exact, y.exact_tile(), map_with(f, y.exact_tile()));
        check_close(y, what);
    };
    check(b.view(), b.exact_view(), "convolution, pool and activation");
    check(Nothing{}, Nothing{}, "without bias");

    Single<T, typename G::output> plain;
    Arena<std::byte> scratch = scratch_of(conv_scratch_bytes(fast, G{}, T{}));
    conv_forward(fast, G{}, plain.tile(), x.tile(), w.view(), b.view(), packed.data(), scratch.data());
    conv_forward(exact, G{}, plain.exact_tile(), x.exact_tile(), w.exact_view(), b.exact_view(), nullptr, nullptr);
    check_close(plain, "convolution alone");
}

/// A NaN in any place of the first channel, windows of 2×2: where the reference has NaN, so has one sample.
template <class T, class G>
void keep_nan() {
    using Pooled = Shape<G::K, G::P / 2, G::Q / 2>;
    using PG = PoolGeometry<typename G::output, 2, 2, 0>;
    Random random(Seed{25}, Stream::test);
    Single<T, typename G::input> x(random);
    Single<T, typename G::weights> w(random);
    Single<T, typename G::output> full;
    Single<T, Pooled> y;
    Arena<T> packed(conv_packed_size(fast, G{}, T{}));
    conv_pack(fast, G{}, packed.data(), View<const T, typename G::weights>{w.fast.data()});
    Arena<std::byte> scratch = scratch_of(conv_pool_scratch_bytes(fast, G{}, 2, T{}));
    Arena<double> argmax(Pooled::size);
    std::size_t kept = 0, lost = 0;
    for (std::size_t place = 0; place < static_cast<std::size_t>(G::H) * G::W; ++place) {
        const T number = x.fast.data()[place];
        x.fast.data()[place] = std::numeric_limits<T>::quiet_NaN();
        x.exact.data()[place] = std::numeric_limits<double>::quiet_NaN();
        conv_pool_forward(fast, G{}, std::integral_constant<int, 2>{}, functors::identity{}, y.tile(),
                          static_cast<T*>(nullptr), x.tile(), w.view(), Nothing{}, packed.data(), scratch.data());
        conv_forward(exact, G{}, full.exact_tile(), x.exact_tile(), w.exact_view(), Nothing{}, nullptr, nullptr);
        max_pool_forward(exact, PG{}, y.exact_tile(), full.exact_tile(), argmax.data());
        for (std::size_t i = 0; i < Pooled::size; ++i)
            if (std::isnan(y.exact.data()[i])) ++(std::isnan(y.fast.data()[i]) ? kept : lost);
        x.exact.data()[place] = static_cast<double>(x.fast.data()[place] = number);
    }
    CAPTURE(G::input::text());
    CAPTURE(G::weights::text());
    CHECK(kept != 0);
    CHECK(lost == 0);
}

template <int C, int H, int W, int K, int R, int S, int stride, int padding>
using Case = ConvGeometry<Shape<C, H, W>, K, R, S, stride, padding>;

template <class T, class... G>
void compare_all() {
    (compare_conv<T, G, 1>(functors::identity{}), ...);
}

// ---- the rest

template <class T, int O, int I>
void compare_dense() {
    Random random(Seed{22}, Stream::test);
    Single<T, Shape<I>> x(random);
    Single<T, Shape<O, I>> w(random);
    Single<T, Shape<O>> b(random), y(random);
    CAPTURE(O);
    CAPTURE(I);
    dense_forward(fast, y.tile(), x.tile(), w.view(), b.view());
    dense_forward(exact, y.exact_tile(), x.exact_tile(), w.exact_view(), b.exact_view());
    check_close(y, "dense");
    dense_forward(fast, y.tile(), x.tile(), w.view(), Nothing{});
    dense_forward(exact, y.exact_tile(), x.exact_tile(), w.exact_view(), Nothing{});
    check_close(y, "dense without bias");
}

template <class T, int C, int H, int W, int R, int stride, int padding>
void compare_pool() {
    using G = PoolGeometry<Shape<C, H, W>, R, stride, padding>;
    Random random(Seed{23}, Stream::test);
    Single<T, typename G::input> x(random);
    Single<T, typename G::output> y(random);
    Arena<double> argmax(G::output::size);
    const std::string text = text_of<G>();
    CAPTURE(text);
    max_pool_forward(fast, G{}, y.tile(), x.tile(), static_cast<T*>(nullptr));
    max_pool_forward(exact, G{}, y.exact_tile(), x.exact_tile(), argmax.data());
    CHECK(y.error() == 0);
    average_pool_forward(fast, G{}, y.tile(), x.tile());
    average_pool_forward(exact, G{}, y.exact_tile(), x.exact_tile());
    check_close(y, "average_pool_forward");
}

template <class T, class S>
void compare_elements() {
    Random random(Seed{24}, Stream::test);
    constexpr auto C = static_cast<std::size_t>(channels<S>);
    Single<T, S> x(random), y(random), feature(random);
    Single<T, Shape<1>> lane(random), most, sum, label;
    Single<T, Shape<static_cast<int>(C)>> channel(random);
    label.fast.data()[0] = static_cast<T>(label.exact.data()[0] = static_cast<double>(S::size / 2));
    CAPTURE(S::text());

    const auto compare = [&](auto expression, const char* what) {
        const auto one = [&]<class U>(U*, auto backend, auto from, auto to, auto member, U* total) {
            const auto e = expression(from, PerLane<U>{member(lane)}, PerFeature<U>{member(feature)},
                                      PerChannel<U>{member(channel)}, OneHot<U>{member(label)});
            per_lane_sum(backend, total, from, e);
            assign(backend, to, e);
        };
        one(
            static_cast<T*>(nullptr), fast, x.tile(), y.tile(), [](auto& n) { return n.fast.data(); }, sum.fast.data());
        one(
            static_cast<double*>(nullptr), exact, x.exact_tile(), y.exact_tile(),
            [](auto& n) { return n.exact.data(); }, sum.exact.data());
        check_close(y, what);
        CAPTURE(what);
        CHECK(std::abs(double(sum.fast.data()[0]) - sum.exact.data()[0]) <=
              bound<T> * double(S::size) * largest<double>(y.exact.span()));
    };
    compare([](auto x, auto, auto, auto, auto) { return relu(x) * 3.0f; }, "elements alone");
    compare([](auto x, auto lane, auto feature, auto, auto) { return exp(x - lane) * feature; }, "lanes and features");
    compare([](auto x, auto lane, auto, auto channel, auto) { return tanh(x * channel) + lane; }, "channels");
    compare([](auto x, auto lane, auto feature, auto channel,
               auto label) { return (label - x * lane) / (2.0f + tanh(feature)) + sigmoid(channel) * exp(-x); },
            "every leaf");

    per_lane_max(fast, most.fast.data(), x.tile());
    per_lane_max(exact, most.exact.data(), x.exact_tile());
    CHECK(most.error() == 0);

    assign(fast, x.tile(), x.tile() / PerLane<T>{lane.fast.data()}); // in place: each element once
    assign(exact, x.exact_tile(), x.exact_tile() / PerLane<double>{lane.exact.data()});
    check_close(x, "in place");
    Arena<T> row(S::size);
    store_tile(fast, row.data(), 1, S::size, Tile<const T, S, 1>{x.fast.data()});
    load_tile(fast, y.tile(), row.data(), 1, S::size);
    CHECK(std::equal(row.span().begin(), row.span().end(), y.fast.span().begin()));
}

// ---- whole networks

template <class In, class Layers>
void compare_predictions(const char* name) {
    CAPTURE(name);
    using Fast = Network<In, Layers, cpu::backend, float>;
    using Exact = Network<In, Layers, reference::backend, double>;
    Fast net(Seed{5});
    randomise_vectors(net, 6);
    Exact exact_net(Seed{5});
    std::copy(net.parameters().begin(), net.parameters().end(), exact_net.parameters().begin());
    std::copy(net.state().begin(), net.state().end(), exact_net.state().begin());
    const auto model = net.inference();
    const auto exact_model = exact_net.inference();
    auto workspace = model.workspace(), own = model.workspace();
    auto exact_workspace = exact_model.workspace();
    constexpr std::size_t n = 18;
    const auto samples = random_samples<float, typename Fast::input>(n, 2, 31);
    const auto batch = model.predict(samples.images, workspace);
    const auto expected = exact_model.predict(samples.images, exact_workspace);
    for (std::size_t i = 0; i < n; ++i) {
        const auto part = samples.part(i, 1);
        const auto one = model.predict(part.images, own)[0];
        const auto again = model.predict(part.images, own)[0];
        CHECK(one.values == again.values);
        CHECK(relative_error(std::span<const float>(one.values), std::span<const float>(batch[i].values)) <= 1e-5);
        CHECK(relative_error(std::span<const float>(one.values), std::span<const double>(expected[i].values)) <= 1e-5);
    }
}

struct Swish : Elementwise<Swish> {
    static auto apply(auto x) { return x * sigmoid(x); }
};

} // namespace

TEST_CASE("one sample: convolutions of LeNet-5") {
    using First = Case<1, 28, 28, 20, 5, 5, 1, 0>;
    using Second = Case<20, 12, 12, 50, 5, 5, 1, 0>;
    static_assert(cpu::single_winograd_of<First, float> == 0 && cpu::single_winograd_of<Second, float> == 4);
    compare_conv<float, First, 2>(functors::relu{});
    compare_conv<float, Second, 2>(functors::relu{});
    compare_conv<double, First, 2>(functors::relu{});
    compare_conv<double, Second, 2>(functors::relu{});
}

TEST_CASE("one sample: convolutions of odd sizes, strides and paddings") {
    compare_all<float, Case<1, 1, 1, 1, 1, 1, 1, 0>, Case<7, 6, 5, 11, 1, 1, 1, 0>, Case<5, 9, 4, 3, 1, 1, 3, 0>,
                Case<3, 8, 7, 7, 2, 2, 2, 1>, Case<4, 9, 9, 13, 2, 2, 3, 1>, Case<3, 11, 6, 5, 3, 3, 1, 1>,
                Case<5, 9, 10, 33, 3, 3, 3, 2>, Case<2, 9, 12, 17, 4, 4, 1, 3>, Case<4, 14, 6, 70, 5, 5, 1, 2>,
                Case<2, 11, 12, 90, 5, 5, 2, 2>, Case<2, 12, 15, 3, 6, 6, 1, 5>, Case<1, 7, 7, 130, 7, 7, 1, 0>,
                Case<2, 16, 17, 3, 9, 9, 1, 4>, Case<2, 9, 11, 5, 3, 5, 1, 1>, Case<3, 10, 6, 6, 5, 2, 2, 1>>();
    compare_all<double, Case<3, 11, 6, 5, 3, 3, 1, 1>, Case<5, 9, 10, 8, 3, 3, 3, 2>, Case<2, 13, 9, 26, 4, 4, 3, 1>>();
}

TEST_CASE("one sample: convolutions with pool and activation, odd sizes") {
    compare_conv<float, Case<2, 10, 9, 3, 3, 3, 1, 0>, 2>(functors::relu{});
    compare_conv<float, Case<3, 7, 8, 37, 3, 3, 1, 1>, 2>(functors::tanh{});
    compare_conv<float, Case<2, 13, 11, 11, 4, 4, 2, 2>, 2>(functors::identity{});
    compare_conv<float, Case<5, 4, 5, 1, 3, 3, 1, 0>, 2>(functors::sigmoid{});
    compare_conv<double, Case<3, 9, 7, 26, 2, 2, 1, 1>, 2>(functors::tanh{});
}

TEST_CASE("one sample: Winograd's method for each size of piece, whole and cut off, groups that overlap") {
    const auto check = []<int M, class G>(std::integral_constant<int, M>, G) {
        static_assert(cpu::single_winograd_of<G, float> == M);
        compare_conv<float, G, 1>(functors::identity{});
        compare_conv<float, G, 2>(functors::relu{});
    };
    check(std::integral_constant<int, 2>{}, Case<64, 5, 6, 61, 3, 3, 1, 1>{});
    check(std::integral_constant<int, 2>{}, Case<16, 12, 11, 30, 7, 7, 1, 3>{});
    check(std::integral_constant<int, 4>{}, Case<16, 8, 9, 40, 5, 5, 1, 2>{});
    check(std::integral_constant<int, 4>{}, Case<33, 13, 31, 70, 3, 3, 1, 1>{}); // 4 rows of 8 pieces, by twos
    check(std::integral_constant<int, 4>{}, Case<17, 9, 75, 20, 5, 5, 1, 4>{});  // rows of 20 pieces
    check(std::integral_constant<int, 6>{}, Case<18, 30, 21, 17, 3, 3, 1, 1>{});
    compare_conv<double, Case<16, 8, 9, 40, 5, 5, 1, 2>, 2>(functors::relu{});
    compare_conv<double, Case<33, 13, 31, 70, 3, 3, 1, 1>, 1>(functors::tanh{});
}

TEST_CASE("one sample: a pooled window with a NaN is NaN, whatever its place and the method") {
    using Direct = Case<2, 9, 10, 19, 3, 3, 1, 1>;
    using Winograd = Case<16, 8, 9, 40, 5, 5, 1, 2>;
    static_assert(cpu::single_winograd_of<Direct, float> == 0 && cpu::single_winograd_of<Winograd, float> == 4);
    keep_nan<float, Direct>();
    keep_nan<float, Winograd>();
    keep_nan<double, Direct>();
}

TEST_CASE("one sample: Dense") {
    compare_dense<float, 10, 784>();
    compare_dense<float, 10, 800>();
    compare_dense<float, 200, 200>();
    compare_dense<float, 1, 1>();
    compare_dense<float, 1, 300>();
    compare_dense<float, 300, 1>();
    compare_dense<float, 2, 3>();
    compare_dense<float, 17, 15>();
    compare_dense<float, 31, 33>();
    compare_dense<float, 3, 127>();
    compare_dense<float, 9, 64>();
    compare_dense<float, 65, 5>();
    compare_dense<float, 299, 301>();
    compare_dense<double, 1, 1>();
    compare_dense<double, 5, 67>();
    compare_dense<double, 33, 9>();
}

TEST_CASE("one sample: pools") {
    compare_pool<float, 3, 7, 9, 2, 2, 0>();
    compare_pool<float, 2, 7, 8, 2, 1, 1>();
    compare_pool<float, 5, 9, 10, 3, 2, 1>();
    compare_pool<double, 1, 15, 15, 15, 1, 7>();
    using G = PoolGeometry<Shape<1, 2, 4>, 2, 2, 0>;
    Single<float, Shape<1, 2, 4>> x;
    Single<float, Shape<1, 1, 2>> y;
    constexpr float nan = std::numeric_limits<float>::quiet_NaN(), low = -std::numeric_limits<float>::infinity();
    const float values[] = {1, nan, low, low, 2, 3, low, low};
    std::copy_n(values, 8, x.fast.data());
    max_pool_forward(fast, G{}, y.tile(), x.tile(), static_cast<float*>(nullptr));
    CHECK(std::isnan(y.fast.data()[0]));
    CHECK(y.fast.data()[1] == low);
}

TEST_CASE("one sample: expressions, sums and maxima") {
    compare_elements<float, Shape<3, 7, 9>>();
    compare_elements<float, Shape<5, 1, 3>>();
    compare_elements<float, Shape<1>>();
    compare_elements<float, Shape<10>>();
    compare_elements<float, Shape<200>>();
    compare_elements<double, Shape<2, 5, 5>>();
    compare_elements<double, Shape<77>>();
}

TEST_CASE("one sample: one image as within a batch, and as the reference has it") {
    compare_predictions<Input<1, 28, 28>, models::LeNet5>("LeNet-5");
    compare_predictions<Input<1, 28, 28>, models::Mlp>("MLP");
    compare_predictions<Input<2, 13, 11>,
                        Sequential<BatchNorm, Conv<9, 3, Padding<1>>, BatchNorm, Swish, Pool<3, Average, Stride<2>>,
                                   Conv<18, 3, NoBias>, Tanh, Pool<2, Max, Padding<1>>, BatchNorm, Dropout<20>, Flatten,
                                   Dense<21>, Sigmoid, BatchNorm, Dense<3>, Softmax>>("odd");
    compare_predictions<Input<7>, Sequential<Dense<5>, Swish, BatchNorm, Swish>>("vectors");
}
