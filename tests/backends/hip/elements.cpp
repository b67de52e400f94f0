// The rest of backends/hip against the reference: pools, sums and maxima, losses, expressions over tiles and flat
// arrays, samples to lanes and back, the dropout mask.
#include "compare.hpp"
#include <ikebana/loss/cross_entropy.hpp>
#include <ikebana/loss/mean_squared_error.hpp>

#include <limits>
#include <numeric>

using namespace ikebana;
using namespace ikebana::hip;
using namespace ikebana::hip::test;

namespace {

const reference::backend exact;

template <class T, class G>
void compare_pool() {
    constexpr int N = 2;
    const OrdersCompared compared;
    Random random(Seed{23}, Stream::test);
    Memory<T, N> memory(L * (2 * G::input::size + 3 * G::output::size));
    Tiles<T, N, typename G::input> x(memory), dx(memory);
    Tiles<T, N, typename G::output> y(memory), dy(memory), argmax(memory);
    x.randomise(random), dx.randomise(random), y.randomise(random), dy.randomise(random);
    const hip::backend on = memory.on();
    CAPTURE(G::input::text());
    CAPTURE(G::R);
    CAPTURE(G::stride);
    CAPTURE(G::padding);
    max_pool_forward(on, G{}, y.tile(), x.tile(), argmax.data);
    max_pool_forward(exact, G{}, y.exact_tile(), x.exact_tile(), argmax.exact.data());
    CHECK(y.error() == 0);
    CHECK(argmax.error() == 0);
    max_pool_backward(on, G{}, dx.tile(), dy.tile(), argmax.data);
    max_pool_backward(exact, G{}, dx.exact_tile(), dy.exact_tile(), argmax.exact.data());
    check_close(dx, "max_pool_backward");
    average_pool_forward(on, G{}, y.tile(), x.tile());
    average_pool_forward(exact, G{}, y.exact_tile(), x.exact_tile());
    check_close(y, "average_pool_forward");
    average_pool_backward(on, G{}, dx.tile(), dy.tile());
    average_pool_backward(exact, G{}, dx.exact_tile(), dy.exact_tile());
    check_close(dx, "average_pool_backward");
}

template <int C, int H, int W, int R, int stride, int padding>
using Case = PoolGeometry<Shape<C, H, W>, R, stride, padding>;

/// An expression with leaves of every kind.
auto every_leaf(auto x, auto* lane, auto* feature, auto* channel, auto* label) {
    using U = std::remove_pointer_t<decltype(lane)>;
    return (OneHot<U>{label} - relu(x) * PerLane<U>{lane}) / (U(2) + tanh(PerFeature<U>{feature})) +
           sigmoid(PerChannel<U>{channel}) * exp(-x) + slope(x * tanh(variable(x)));
}

template <class T, class S, int N>
void compare_sums(int count) {
    const OrdersCompared compared;
    Random random(Seed{24}, Stream::test, static_cast<std::uint32_t>(count));
    constexpr int C = channels<S>;
    Memory<T, N> memory(L * (3 * S::size + 4));
    Tiles<T, N, S> x(memory), dy(memory), y(memory);
    Tiles<T, N, Shape<1>> a(memory), b(memory), mask(memory), labels(memory); // one a lane
    Views<T, Shape<C>> mean, m2, sum, db, per_channel;
    Views<T, Shape<static_cast<int>(S::size)>> per_feature;
    x.randomise(random), dy.randomise(random), db.randomise(random), per_feature.randomise(random),
        per_channel.randomise(random);
    mask.set([&](int lane) { return lane < count; });
    labels.set([](int lane) { return lane % static_cast<int>(S::size); });
    const hip::backend on = memory.on();
    CAPTURE(S::text());
    CAPTURE(count);

    per_lane_max(on, a.data, x.tile());
    per_lane_max(exact, a.exact.data(), x.exact_tile());
    CHECK(a.error() == 0);
    per_lane_sum(on, b.data, x.tile(), x.tile() * dy.tile());
    per_lane_sum(exact, b.exact.data(), x.exact_tile(), x.exact_tile() * dy.exact_tile());
    check_close(b, "per_lane_sum");
    channel_moments(on, mean.device.data(), m2.device.data(), x.tile(), static_cast<const T*>(mask.data), count);
    channel_moments(exact, mean.exact.data(), m2.exact.data(), x.exact_tile(),
                    static_cast<const double*>(mask.exact.data()), count);
    check_close(mean, "channel_moments, mean");
    check_close(m2, "channel_moments, m2");
    per_channel_sums(on, x.tile(), to(sum.device.data(), m2.device.data()), from(dy.tile(), dy.tile() * x.tile()));
    per_channel_sums(exact, x.exact_tile(), to(sum.exact.data(), m2.exact.data()),
                     from(dy.exact_tile(), dy.exact_tile() * x.exact_tile()));
    check_close(sum, "per_channel_sums, first");
    check_close(m2, "per_channel_sums, second");
    add_channel_sums(on, db.view(), dy.tile());
    add_channel_sums(exact, db.exact_view(), dy.exact_tile());
    check_close(db, "add_channel_sums");
    assign(on, y.tile(),
           every_leaf(x.tile(), a.data, per_feature.device.data(), per_channel.device.data(), labels.data));
    assign(exact, y.exact_tile(),
           every_leaf(x.exact_tile(), a.exact.data(), per_feature.exact.data(), per_channel.exact.data(),
                      labels.exact.data()));
    check_close(y, "assign of a tile");
}

/// As it is, by launches of its own.
template <class Loss>
struct ByLaunches : Loss {
    static constexpr bool runs_in_a_kernel = false;
};

template <class Loss, class T, class S, int N>
void compare_loss(int count) {
    const OrdersCompared compared;
    Random random(Seed{25}, Stream::test, static_cast<std::uint32_t>(count));
    Memory<T, N> memory(L * (2 * S::size + 3 + 4));
    Tiles<T, N, S> z(memory), dz(memory);
    Tiles<T, N, Shape<1>> cost(memory), labels(memory), mask(memory);
    Tiles<T, N, Shape<4>> scratch(memory);
    z.randomise(random), dz.randomise(random);
    mask.set([&](int lane) { return lane < count; });
    labels.set([](int lane) { return lane % static_cast<int>(S::size); });
    const T scale = T(1) / static_cast<T>(count);
    CAPTURE(S::text());
    CAPTURE(count);
    const T *labels_data = labels.data, *mask_data = mask.data;
    const auto evaluate = [&](auto given, auto exactly) {
        hip::backend on = memory.on();
        DeviceArray<DeviceRun> run = on_device(std::vector{DeviceRun{{5, 2, 1, 2}, {}}});
        on.run = run.data();
        DeviceArray<double> means(2);
        Loss::evaluate(exact, cost.exact.data(), exactly, z.exact_tile(),
                       static_cast<const double*>(labels.exact.data()), static_cast<const double*>(mask.exact.data()),
                       static_cast<double>(scale), scratch.exact.data());
        const auto check = [&] {
            check_close(cost, "cost");
            check_close(dz, "gradient");
        };
        evaluate_loss<Loss>(on, cost.data, given, z.tile(), labels_data, mask_data, scale, scratch.data);
        check();
        cost.clear();
        if constexpr (!is_nothing<decltype(given)>) dz.clear();
        evaluate_loss_and_mean<Loss>(on, means.data(), count, cost.data, given, z.tile(), labels_data, mask_data, scale,
                                     scratch.data);
        check();
        const std::vector<double>& costs = cost.exact;
        const double mean = std::accumulate(costs.begin(), costs.begin() + count, 0.0) / count;
        CHECK(on_host(run)[0].forward == DeviceStep{6, 3, 0, 2});
        CHECK(on_host(run)[0].backward == DeviceStep{5, 2, 1, 2});
        CHECK(on_host(means)[0] == 0);
        CHECK(std::abs(on_host(means)[1] - mean) <= 1e-5 * mean);
    };
    evaluate(dz.tile(), dz.exact_tile());
    z.randomise(random);
    evaluate(Nothing{}, Nothing{});
}

} // namespace

TEST_CASE("losses, in a kernel of their own or by launches") {
    compare_loss<CrossEntropy, float, Shape<10>, 2>(40);
    compare_loss<CrossEntropy, float, Shape<1>, 1>(32);
    compare_loss<CrossEntropy, float, Shape<33>, 3>(65);
    compare_loss<CrossEntropy, float, Shape<300>, 2>(64);
    compare_loss<CrossEntropy, float, Shape<10>, few_tiles>(4 * L - 1);
    compare_loss<CrossEntropy, float, Shape<10>, few_tiles + 1>(4 * L + 1); // the mean is another launch
    compare_loss<CrossEntropy, double, Shape<10>, 2>(33);
    compare_loss<ByLaunches<CrossEntropy>, float, Shape<10>, 2>(40);
    compare_loss<MeanSquaredError, float, Shape<10>, 2>(40);
    compare_loss<ByLaunches<MeanSquaredError>, double, Shape<7>, 2>(40);
}

TEST_CASE("pools of every window, stride and padding") {
    compare_pool<float, Case<20, 24, 24, 2, 2, 0>>();
    compare_pool<float, Case<3, 7, 9, 2, 2, 0>>(); // a rest
    compare_pool<float, Case<2, 7, 8, 2, 1, 1>>();
    compare_pool<float, Case<5, 9, 6, 3, 2, 1>>();  // overlapping
    compare_pool<float, Case<2, 10, 7, 2, 3, 0>>(); // gaps
    compare_pool<float, Case<4, 5, 5, 1, 2, 0>>();
    compare_pool<float, Case<1, 15, 15, 15, 1, 7>>();
    compare_pool<double, Case<5, 9, 6, 3, 2, 1>>();
}

TEST_CASE("the first of equals wins, NaN wins over numbers") {
    using G = Case<1, 2, 2, 2, 2, 0>;
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const float windows[][4] = {{1, 1, 1, 1}, {0, 3, 3, 0}, {-2, -1, -5, -1}, {1, nan, 9, 2}};
    const int places[] = {0, 1, 1, 1};
    Memory<float, 1> memory(6 * L);
    Tiles<float, 1, G::input> x(memory);
    Tiles<float, 1, G::output> y(memory), argmax(memory);
    for (int i = 0; i < 4; ++i) {
        std::vector<float> numbers;
        for (int f = 0; f < 4; ++f) numbers.insert(numbers.end(), L, windows[i][f]);
        to_device(hip::backend{}, x.data, numbers.data(), numbers.size());
        max_pool_forward(memory.on(), G{}, y.tile(), x.tile(), argmax.data);
        CHECK(argmax.numbers() == std::vector<float>(L, static_cast<float>(places[i])));
    }
}

TEST_CASE("sums, maxima and expressions over tiles") {
    for (const int count : {1, 5, 32}) compare_sums<float, Shape<3, 5, 7>, 1>(count);
    for (const int count : {65, 96}) {
        compare_sums<float, Shape<20, 12, 12>, 3>(count);
        compare_sums<float, Shape<200>, 3>(count);
        compare_sums<float, Shape<1>, 3>(count);
        compare_sums<double, Shape<3, 5, 7>, 3>(count);
    }
}

TEST_CASE("flat arrays of any length, several at once, each read before any is written") {
    const OrdersCompared compared;
    for (const std::size_t n : {0u, 1u, 5u, 255u, 256u, 257u, 1000u}) {
        CAPTURE(n);
        std::vector<float> a(n + 1), b(n + 1);
        for (std::size_t i = 0; i <= n; ++i) a[i] = static_cast<float>(i), b[i] = static_cast<float>(3 * i + 1);
        DeviceArray<float> da = on_device(a), db = on_device(b);
        const Elements<float> p{da.data()}, q{db.data()};
        assign(hip::backend{}, n, to(da.data(), db.data()), from(q, p + q));
        const auto ra = on_host(da), rb = on_host(db);
        bool right = ra[n] == a[n] && rb[n] == b[n]; // beyond the end
        for (std::size_t i = 0; i < n; ++i) right = right && ra[i] == b[i] && rb[i] == a[i] + b[i];
        CHECK(right);
    }
}

TEST_CASE("samples to lanes and back; empty lanes repeat their tile's first sample") {
    const OrdersCompared compared;
    using S = Shape<3, 5, 7>;
    constexpr int N = 2;
    constexpr std::size_t stride = S::size + 3;
    for (const int count : {33, 40, 64}) {
        CAPTURE(count);
        std::vector<float> rows(static_cast<std::size_t>(count) * stride);
        for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<float>(i) + 1;
        const DeviceArray<float> from = on_device(rows);
        Memory<float, N> memory(S::size * L);
        Tiles<float, N, S> tile(memory);
        load_tile(memory.on(), tile.tile(), from.data(), count, stride);
        const auto numbers = tile.numbers();
        bool right = true;
        for (std::size_t f = 0; f < S::size; ++f)
            for (int lane = 0; lane < N * L; ++lane) {
                const int sample = lane < count ? lane : lane / L * L;
                right = right && numbers[f * N * L + static_cast<std::size_t>(lane)] ==
                                     rows[static_cast<std::size_t>(sample) * stride + f];
            }
        CHECK(right);
        DeviceArray<float> to(rows.size());
        store_tile(memory.on(), to.data(), count, stride, tile.tile());
        const auto back = on_host(to);
        for (std::size_t i = 0; i < rows.size(); ++i) right = right && back[i] == (i % stride < S::size ? rows[i] : 0);
        CHECK(right);
    }
}

TEST_CASE("a batch of samples by their order, and by the slot they lie in; labels and mask") {
    const OrdersCompared compared;
    using S = Shape<3, 5, 7>;
    constexpr int N = 2, batch = 40;
    std::vector<float> rows(3 * batch * S::size);
    std::vector<int> numbers(3 * batch);
    std::vector<std::uint32_t> order;
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<float>(i);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        numbers[i] = static_cast<int>(i % 11);
        order.push_back(static_cast<std::uint32_t>(i * 7 % numbers.size()));
    }
    const auto images = on_device(rows);
    const auto given_labels = on_device(numbers);
    const auto given_order = on_device(order);
    for (const bool ordered : {true, false})
        for (const int count : {40, 33, 1}) {
            CAPTURE(count);
            CAPTURE(ordered);
            Memory<float, N> memory((S::size + 2) * L);
            Tiles<float, N, S> tile(memory);
            Tiles<float, N, Shape<1>> labels(memory), mask(memory);
            DeviceArray<DeviceRun> run = on_device(std::vector{DeviceRun{{5, 2, 1, 2}, {}}});
            hip::backend on = memory.on();
            on.run = run.data(), on.tiles = (count + L - 1) / L;
            const DeviceSamples<float> samples{images.data(), given_labels.data(),
                                               ordered ? given_order.data() : nullptr};
            const std::size_t zeros = ordered ? 100 : 70'001; // a few, and for more blocks than the samples make
            DeviceArray<float> before = on_device(std::vector<float>(zeros + 1, 3.0f));
            load_samples(on, tile.tile(), labels.data, mask.data, samples, batch, count, before.data(), zeros);
            auto after = std::vector<float>(zeros + 1);
            after.back() = 3;
            CHECK(on_host(before) == after);
            const auto loaded = tile.numbers(), l = labels.numbers(), m = mask.numbers();
            bool right = true;
            for (int lane = 0; lane < on.tiles * L; ++lane) {
                const auto at = static_cast<std::size_t>(lane);
                const int sample = lane < count ? lane : lane / L * L;
                const std::size_t from = ordered ? order[static_cast<std::size_t>(2 * batch + sample)]
                                                 : static_cast<std::size_t>(batch + sample);
                right = right && m[at] == (lane < count) &&
                        l[at] == (lane < count ? static_cast<float>(numbers[from]) : -1);
                for (std::size_t f = 0; f < S::size; ++f)
                    right = right && loaded[f * N * L + at] == rows[from * S::size + f];
            }
            CHECK(right);
        }
}

TEST_CASE("the mean over the samples of a batch goes to its slot, and the run to the next step") {
    const OrdersCompared compared;
    Memory<float, 20> memory(L);
    Tiles<float, 20, Shape<1>> costs(memory);
    for (const int count : {1, 33, 300, 640}) {
        costs.set([&](int lane) { return lane < count ? lane + 1 : 1e6; });
        const DeviceStep step{5, 2, 1, 2};
        DeviceArray<DeviceRun> run = on_device(std::vector{DeviceRun{step, {}}});
        DeviceArray<double> means(2);
        hip::backend on = memory.on();
        on.run = run.data();
        mean_of_lanes(on, means.data(), static_cast<const float*>(costs.data), count);
        CHECK(on_host(means) == std::vector{0.0, (count + 1) / 2.0});
        CHECK(on_host(run)[0].forward == DeviceStep{6, 3, 0, 2});
        CHECK(on_host(run)[0].backward == step);
    }
}

TEST_CASE("a run stops at a cost that is no number, and keeps it") {
    Memory<float, 1> memory(L);
    Tiles<float, 1, Shape<1>> costs(memory);
    DeviceArray<DeviceRun> run = on_device(std::vector{DeviceRun{{5, 2, 1, 2}, {}}});
    DeviceArray<double> means(2);
    hip::backend on = memory.on();
    on.run = run.data();
    for (const float cost : {std::numeric_limits<float>::infinity(), 1.0f}) {
        costs.set([=](int) { return cost; });
        mean_of_lanes(on, means.data(), static_cast<const float*>(costs.data), L);
        CHECK(on_host(means) == std::vector{0.0, std::numeric_limits<double>::infinity()});
        CHECK(on_host(run)[0].forward == DeviceStep{5, 2, 1, 2, true});
        CHECK(on_host(run)[0].backward == DeviceStep{5, 2, 1, 2, true});
    }
}

TEST_CASE("the peak in multiply-adds is a rate that time was taken for") {
    const double peak = multiply_add_peak(hip::backend{}, 1);
    CHECK(peak > 1e7);
    CHECK(peak < 1e16);
}

TEST_CASE("the dropout mask is the reference's") {
    const OrdersCompared compared;
    using S = Shape<7, 3, 3>;
    Memory<float, 2> memory(S::size * L);
    Tiles<float, 2, S> mask(memory);
    LayerContext<float> context;
    context.seed = Seed{9}, context.layer = 4, context.step = 17, context.sample = 32;
    DeviceArray<DeviceRun> run = on_device(std::vector{DeviceRun{{.step = 17}, {}}});
    hip::backend on = memory.on();
    on.run = run.data();
    hip::dropout_mask(on, mask.tile(), 25, context);
    std::vector<float> expected(S::size * 64);
    dropout_mask(exact, Tile<float, S, 64>{expected.data()}, 25, context);
    CHECK(mask.numbers() == expected);
}
