// The rest of backends/cpu against the reference: pools, sums and maxima, evaluation of expressions over tiles and flat
// arrays of any length, samples to lanes and back, the dropout mask.
#include "compare.hpp"

#include <limits>

using namespace ikebana;
using namespace ikebana::test;

namespace {

const cpu::backend fast;
const reference::backend exact;

template <class T, class G>
void compare_pool_in_context() {
    Random random(Seed{14}, Stream::test);
    Tiles<T, typename G::input> x, dx;
    Tiles<T, typename G::output> y, dy, argmax;
    x.randomise(random), dx.randomise(random), y.randomise(random), dy.randomise(random);
    max_pool_forward(fast, G{}, y.tile(), x.tile(), argmax.fast.data());
    max_pool_forward(exact, G{}, y.exact_tile(), x.exact_tile(), argmax.exact.data());
    CHECK(y.error() == 0);
    CHECK(argmax.error() == 0);
    max_pool_backward(fast, G{}, dx.tile(), dy.tile(), argmax.fast.data());
    max_pool_backward(exact, G{}, dx.exact_tile(), dy.exact_tile(), argmax.exact.data());
    check_close(dx, "max_pool_backward");
    average_pool_forward(fast, G{}, y.tile(), x.tile());
    average_pool_forward(exact, G{}, y.exact_tile(), x.exact_tile());
    check_close(y, "average_pool_forward");
    average_pool_backward(fast, G{}, dx.tile(), dy.tile());
    average_pool_backward(exact, G{}, dx.exact_tile(), dy.exact_tile());
    check_close(dx, "average_pool_backward");
}

template <class T, class G>
void compare_pool() {
    with_geometry<G>(&compare_pool_in_context<T, G>);
}

template <int C, int H, int W, int R, int stride, int padding>
using Case = PoolGeometry<Shape<C, H, W>, R, stride, padding>;

/// Window R with all paddings and strides 1 to 3 on a small image.
template <int R, int... I>
void compare_pool_borders(std::integer_sequence<int, I...>) {
    constexpr int paddings = R / 2 + 1;
    (compare_pool<float, Case<2, 5, 6, R, 1 + I / paddings, I % paddings>>(), ...);
}

template <class T, class S>
void compare_sums(int count) {
    Random random(Seed{15}, Stream::test, static_cast<std::uint32_t>(count));
    constexpr auto C = static_cast<std::size_t>(channels<S>);
    Tiles<T, S> x, dy, y;
    Numbers<T> a(L), b(L), mask(L), mean(C), m2(C), sum(C), db(C);
    x.randomise(random), dy.randomise(random), db.randomise(random), a.randomise(random);
    for (int lane = 0; lane < L; ++lane) mask.fast.data()[lane] = mask.exact.data()[lane] = lane < count;
    CAPTURE(S::text());
    CAPTURE(count);

    per_lane_max(fast, a.fast.data(), x.tile());
    per_lane_max(exact, a.exact.data(), x.exact_tile());
    CHECK(a.error() == 0);
    per_lane_sum(fast, b.fast.data(), x.tile(), x.tile() * dy.tile());
    per_lane_sum(exact, b.exact.data(), x.exact_tile(), x.exact_tile() * dy.exact_tile());
    check_close(b, "per_lane_sum");
    channel_moments(fast, mean.fast.data(), m2.fast.data(), x.tile(), static_cast<const T*>(mask.fast.data()), count);
    channel_moments(exact, mean.exact.data(), m2.exact.data(), x.exact_tile(),
                    static_cast<const double*>(mask.exact.data()), count);
    check_close(mean, "channel_moments, mean");
    check_close(m2, "channel_moments, m2");
    per_channel_sums(fast, x.tile(), to(sum.fast.data(), m2.fast.data()), from(dy.tile(), dy.tile() * x.tile()));
    per_channel_sums(exact, x.exact_tile(), to(sum.exact.data(), m2.exact.data()),
                     from(dy.exact_tile(), dy.exact_tile() * x.exact_tile()));
    check_close(sum, "per_channel_sums, first");
    check_close(m2, "per_channel_sums, second");
    add_channel_sums(fast, View<T, Shape<channels<S>>>{db.fast.data()}, dy.tile());
    add_channel_sums(exact, View<double, Shape<channels<S>>>{db.exact.data()}, dy.exact_tile());
    check_close(db, "add_channel_sums");

    // Leaves of every kind in one expression.
    Numbers<T> per_feature(S::size), per_channel(C), labels(L);
    per_feature.randomise(random), per_channel.randomise(random);
    for (int lane = 0; lane < L; ++lane)
        labels.fast.data()[lane] = labels.exact.data()[lane] = static_cast<T>(lane % static_cast<int>(S::size));
    const auto expression = [](auto x, auto* lane, auto* feature, auto* channel, auto* label) {
        using U = std::remove_pointer_t<decltype(lane)>;
        return (OneHot<U>{label} - relu(x) * PerLane<U>{lane}) / (U(2) + tanh(PerFeature<U>{feature})) +
               sigmoid(PerChannel<U>{channel}) * exp(-x);
    };
    assign(fast, y.tile(),
           expression(x.tile(), a.fast.data(), per_feature.fast.data(), per_channel.fast.data(), labels.fast.data()));
    assign(exact, y.exact_tile(),
           expression(x.exact_tile(), a.exact.data(), per_feature.exact.data(), per_channel.exact.data(),
                      labels.exact.data()));
    check_close(y, "assign of a tile");
}

} // namespace

TEST_CASE("every stride and padding of the smallest windows") {
    compare_pool_borders<1>(std::make_integer_sequence<int, 3>{});
    compare_pool_borders<2>(std::make_integer_sequence<int, 6>{});
    compare_pool_borders<3>(std::make_integer_sequence<int, 6>{});
    compare_pool_borders<4>(std::make_integer_sequence<int, 9>{});
}

TEST_CASE("pools: rests, overlaps, gaps, windows as large as the image") {
    compare_pool<float, Case<20, 24, 24, 2, 2, 0>>();
    compare_pool<float, Case<3, 7, 9, 2, 2, 0>>(); // a rest
    compare_pool<float, Case<2, 7, 8, 2, 1, 1>>();
    compare_pool<float, Case<5, 9, 6, 3, 2, 1>>(); // overlapping
    compare_pool<float, Case<1, 8, 11, 3, 1, 0>>();
    compare_pool<float, Case<2, 10, 7, 2, 3, 0>>(); // gaps
    compare_pool<float, Case<4, 5, 5, 1, 2, 0>>();
    compare_pool<float, Case<2, 12, 9, 4, 3, 2>>();
    compare_pool<float, Case<3, 6, 6, 5, 1, 2>>();
    compare_pool<float, Case<1, 15, 15, 15, 1, 7>>();
    compare_pool<double, Case<5, 9, 6, 3, 2, 1>>();
}

TEST_CASE("the first of equals wins, NaN wins over numbers, on both backends") {
    using G = Case<1, 2, 2, 2, 2, 0>;
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const float windows[][4] = {{1, 1, 1, 1}, {0, 3, 3, 0}, {-2, -1, -5, -1}, {1, nan, 9, 2}};
    const int places[] = {0, 1, 1, 1};
    Tiles<float, G::input> x;
    Tiles<float, G::output> y, argmax;
    for (int i = 0; i < 4; ++i) {
        for (int f = 0; f < 4; ++f) std::fill_n(x.tile().row(f), L, windows[i][f]);
        max_pool_forward(fast, G{}, y.tile(), x.tile(), argmax.fast.data());
        CHECK(argmax.fast.data()[L - 1] == places[i]);
        max_pool_forward(exact, G{}, y.tile(), x.tile(), argmax.fast.data());
        CHECK(argmax.fast.data()[0] == places[i]);
    }
}

TEST_CASE("sums, maxima and expressions over tiles") {
    for (const int count : {1, 5, 16}) {
        compare_sums<float, Shape<20, 12, 12>>(count);
        compare_sums<float, Shape<3, 5, 7>>(count);
        compare_sums<float, Shape<200>>(count);
        compare_sums<float, Shape<1>>(count);
        compare_sums<double, Shape<3, 5, 7>>(count);
    }
}

TEST_CASE("flat arrays of any length, several at once, each read before any is written") {
    for (std::size_t n = 0; n < 70; n += n < 40 ? 1 : 7) {
        CAPTURE(n);
        Random random(Seed{16}, Stream::test, static_cast<std::uint32_t>(n));
        Numbers<float> a(n + 1), b(n + 1);
        a.randomise(random), b.randomise(random);
        const float last = a.fast.data()[n];
        const auto swap_and_add = [n](auto backend, auto* p, auto* q) {
            using U = std::remove_pointer_t<decltype(p)>;
            assign(backend, n, to(p, q), from(Elements<U>{q}, Elements<U>{p} + Elements<U>{q}));
        };
        swap_and_add(fast, a.fast.data(), b.fast.data());
        swap_and_add(exact, a.exact.data(), b.exact.data());
        check_close(a, "first");
        check_close(b, "second");
        CHECK(a.fast.data()[n] == last);
    }
}

TEST_CASE("samples to lanes and back; empty lanes repeat the first sample") {
    using S = Shape<3, 5, 7>;
    constexpr std::size_t stride = S::size + 3;
    for (int count = 1; count <= L; ++count) {
        CAPTURE(count);
        const auto samples = static_cast<std::size_t>(count);
        Arena<float> rows(samples * stride), back(samples * stride);
        for (std::size_t i = 0; i < rows.size(); ++i) rows.data()[i] = static_cast<float>(i) + 1;
        Tiles<float, S> tile;
        load_tile(fast, tile.tile(), static_cast<const float*>(rows.data()), count, stride);
        bool right = true;
        for (std::size_t f = 0; f < S::size; ++f)
            for (std::size_t lane = 0; lane < L; ++lane)
                right = right && tile.tile().row(static_cast<int>(f))[lane] ==
                                     rows.data()[(lane < samples ? lane : 0) * stride + f];
        CHECK(right);
        store_tile(fast, back.data(), count, stride, tile.tile());
        for (std::size_t i = 0; i < rows.size(); ++i)
            right = right && back.data()[i] == (i % stride < S::size ? rows.data()[i] : 0);
        CHECK(right);
        Tile<float, S, 1> one{back.data()};
        load_tile(exact, one, static_cast<const float*>(rows.data()), 1, stride);
        CHECK(std::equal(one.data, one.data + S::size, rows.data()));
    }
}

TEST_CASE("the dropout mask does not depend on backend, tile or lane, and keeps the mean") {
    using S = Shape<7, 3, 3>;
    Tiles<float, S> mask;
    LayerContext<float> context;
    context.seed = Seed{9}, context.layer = 4, context.step = 17, context.sample = 32;
    dropout_mask(fast, mask.tile(), 25, context);
    long zeros = 0;
    for (int lane = 0; lane < L; ++lane) {
        Arena<float> memory(S::size);
        const Tile<float, S, 1> one{memory.data()};
        LayerContext<float> alone = context;
        alone.sample = context.sample + static_cast<std::uint32_t>(lane);
        dropout_mask(exact, one, 25, alone);
        for (int f = 0; f < static_cast<int>(S::size); ++f) {
            CHECK(one.row(f)[0] == mask.tile().row(f)[lane]);
            CHECK((one.row(f)[0] == 0 || one.row(f)[0] == doctest::Approx(4.0 / 3)));
            zeros += one.row(f)[0] == 0;
        }
    }
    const double n = static_cast<double>(S::size) * L; // 1008: deviation 13.7
    CHECK(std::abs(static_cast<double>(zeros) - 0.25 * n) < 4 * std::sqrt(n * 0.25 * 0.75));
}

TEST_CASE("quick quotients: 3 units in the last place, and what Adam meets at the ends") {
    constexpr std::size_t n = 10'007;
    std::vector<float> a(n), b(n), q(n);
    Random random(Seed{5}, Stream::test);
    for (std::size_t i = 0; i < n; ++i) {
        b[i] = std::ldexp(static_cast<float>(1 + random.uniform()), static_cast<int>(random.below(241)) - 120);
        const int room = 120 - std::abs(std::ilogb(b[i])); // the quotient is no denormal
        a[i] = std::ldexp(static_cast<float>(i % 2 ? 1 + random.uniform() : -1 - random.uniform()),
                          static_cast<int>(random.below(2u * unsigned(room) + 1)) - room);
    }
    const auto quotient = quick_quotient(Elements<float>{a.data()}, Elements<float>{b.data()});
    assign(cpu::backend{}, n, q.data(), quotient);
    double worst = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const double exact = double(a[i]) / double(b[i]);
        const double unit = std::ldexp(1.0, std::ilogb(exact) - 23);
        worst = std::max(worst, std::abs(double(q[i]) - exact) / unit);
    }
    CHECK(worst <= 3);
    assign(reference::backend{}, n, q.data(), quotient);
    for (std::size_t i = 0; i < n; ++i) REQUIRE(q[i] == a[i] / b[i]);

    constexpr std::size_t vectors = 32; // of the CPU's vectors, no element by element
    constexpr float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
    const auto at = [&](float x, float y) {
        std::fill_n(a.begin(), vectors, x), std::fill_n(b.begin(), vectors, y);
        assign(cpu::backend{}, vectors, q.data(), quotient);
        return q[0];
    };
    CHECK(at(0, 1e-10f) == 0);
    CHECK(at(1, infinity) <= 0x1p-120f);
    CHECK(at(1, 3e38f) <= 0x1p-120f);
    CHECK(at(1e-40f, 1) == doctest::Approx(1e-40f));
    CHECK(at(infinity, 1) == infinity);
    CHECK(at(3e38f, 1e-8f) == infinity);
    CHECK(std::isnan(at(nan, 1)));
    CHECK(std::isnan(at(1, nan)));
}

TEST_CASE_TEMPLATE("Adam is the reference's", T, float, double) {
    constexpr std::size_t n = 77;
    std::vector<T> w[2], m[2], v[2], g(n);
    for (int k = 0; k < 2; ++k) w[k].assign(n, T(0.5)), m[k].assign(n, T(0)), v[k].assign(n, T(0));
    Random random(Seed{6}, Stream::test);
    const Adam adam;
    for (long step = 1; step <= 20; ++step) {
        for (std::size_t i = 0; i < n; ++i) // element 0 has no gradient, others of 10⁻⁷⁶ … 1
            g[i] = i == 0 ? T(0) : static_cast<T>((random.uniform() - 0.5) * std::pow(10.0, -double(i)));
        const Elements<T> gradient{g.data()};
        adam.update(reference::backend{}, n, w[0].data(), {m[0].data(), v[0].data()}, gradient, step, 0.01);
        adam.update(cpu::backend{}, n, w[1].data(), {m[1].data(), v[1].data()}, gradient, step, 0.01);
    }
    CHECK(w[1][0] == T(0.5));
    const T bound = 8 * std::numeric_limits<T>::epsilon();
    for (std::size_t i = 0; i < n; ++i) REQUIRE(std::abs(w[1][i] - w[0][i]) <= bound);
}
