// Trainer: what it checks at the edge, what it says when the cost is no number, the events of fit(), inputs of any
// form.
#include <backends/cpu/cpu.hpp>
#include <backends/reference/reference.hpp>
#include <doctest/doctest.h>
#include <ikebana/ikebana.hpp>
#include <ikebana/tensor/xtensor.hpp>
#include <tests/support/samples.hpp>

#include <xtensor/xadapt.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xview.hpp>

#include <atomic>
#include <limits>

using namespace ikebana;
using namespace ikebana::test;

namespace {

using Image = Shape<1, 9, 8>;
using Layers = Sequential<Conv<3, 2>, Pool<2>, Relu, BatchNorm, Dense<6>, Tanh, Dense<4>, Softmax>;
using Net = Network<Input<1, 9, 8>, Layers, cpu::backend>;
using ReferenceNet = Network<Input<1, 9, 8>, Layers, reference::backend>;
constexpr int classes = 4;

Samples<float, Image> some(std::size_t n, std::uint32_t key = 0) {
    return random_samples<float, Image>(n, classes, key);
}

std::vector<float> parameters(const Net& net) { return {net.parameters().begin(), net.parameters().end()}; }

/// What a call throws, or "nothing".
template <class F>
std::string thrown(F f) {
    try {
        f();
    } catch (const error& e) {
        return e.what();
    }
    return "nothing";
}
bool holds(const std::string& text, std::initializer_list<const char*> parts) {
    CAPTURE(text);
    CHECK(text.find('\n') == std::string::npos);
    for (const char* part : parts) {
        CAPTURE(part);
        CHECK(text.find(part) != std::string::npos);
    }
    return true;
}

/// A batch of anything.
template <class Images, class Labels>
struct Refers {
    const Images& images;
    const Labels& labels;
};
template <class Images, class Labels>
Refers(const Images&, const Labels&) -> Refers<Images, Labels>;

/// Treats each value alone, and has a parameter for each.
struct Shifted : Elementwise<Shifted> {
    template <class In>
    using parameters = Parameters<Parameter<shift, In, init::Zeros>>;
};

// Where the gradients of two layers' inputs lie: in one place if the layer between is elementwise, without parameters.
using Elementwises =
    Network<Input<1, 9, 8>, Sequential<Dense<6>, Relu, Tanh, Shifted, Sigmoid, Dense<4>, Softmax>, reference::backend>;
template <int I, int J>
constexpr bool share_gradient() {
    using layout = ProgramLayout<Elementwises, CrossEntropy>::layout;
    return layout::gradient_at(I) == layout::gradient_at(J);
}
static_assert(!share_gradient<0, 1>() && share_gradient<1, 2>() && share_gradient<2, 3>());
static_assert(!share_gradient<3, 4>() && share_gradient<4, 5>() && !share_gradient<5, 6>());

using OfThreads = Trainer<Net, CrossEntropy, Adam>;

auto reader(const Samples<float, Image>& samples, std::size_t size) {
    return batch(from_arrays<Image, classes>(samples.images, samples.labels), size);
}

} // namespace

TEST_CASE("a batch that doesn't fit the type is refused, and nothing changes") {
    Net net;
    Trainer trainer(net, CrossEntropy{}, Adam{}, Threads{1});
    const auto before = parameters(net);
    auto wrong = some(5);
    wrong.labels(3) = 4;
    holds(thrown([&] { trainer.step(wrong); }), {"label 4", "sample 3", "0 … 3"});
    wrong.labels(3) = -1;
    holds(thrown([&] { trainer.step(wrong); }), {"label -1", "sample 3", "0 … 3"});
    struct {
        xt::xtensor<float, 4> images = xt::zeros<float>({5, 1, 8, 9});
        xt::xtensor<int, 1> labels = xt::zeros<int>({5});
    } turned;
    holds(thrown([&] { trainer.step(turned); }), {"5x1x8x9", "1x9x8"});
    struct {
        xt::xtensor<float, 3> images = xt::zeros<float>({5, 9, 8});
        xt::xtensor<int, 1> labels = xt::zeros<int>({5});
    } flat;
    holds(thrown([&] { trainer.step(flat); }), {"5x9x8", "1x9x8"});
    struct {
        xt::xtensor<float, 4> images = xt::zeros<float>({5, 1, 9, 8});
        xt::xtensor<int, 1> labels = xt::zeros<int>({4});
    } fewer;
    holds(thrown([&] { trainer.step(fewer); }), {"4 labels for 5 images"});
    struct {
        xt::xtensor<float, 4> images = xt::zeros<float>({5, 1, 9, 8});
        xt::xtensor<std::int64_t, 2> labels = xt::zeros<std::int64_t>({5, 1});
    } columns;
    holds(thrown([&] { trainer.step(columns); }), {"labels of 2 dimensions, expected 1"});
    struct {
        xt::xtensor<float, 4> images = xt::zeros<float>({5, 1, 9, 8});
        xt::xtensor<std::int64_t, 1> labels{0, 1, 2, (std::int64_t{1} << 32) + 1, 3};
    } large;
    holds(thrown([&] { trainer.step(large); }), {"label 4294967297", "sample 3", "0 … 3"});
    holds(thrown([&] { trainer.step(Samples<float, Image>(0)); }), {"no samples"});
    CHECK(parameters(net) == before);
    CHECK(thrown([&] { trainer.step(some(5)); }) == "nothing");
    CHECK(parameters(net) != before);
}

TEST_CASE("readers without samples are refused") {
    Net net;
    Trainer trainer(net, CrossEntropy{}, Adam{}, Threads{1});
    const auto samples = some(8), none = some(0);
    holds(thrown([&] { trainer.fit(reader(none, 4), reader(samples, 4), Passes{1}); }), {"pass 0", "no sample"});
    holds(thrown([&] { trainer.evaluate(reader(none, 4)); }), {"no sample"});
}

TEST_CASE_TEMPLATE("a cost that is no number stops training with the step and the layer", Used, Net, ReferenceNet) {
    const auto stop = [](int layer, float poison, const char* where) {
        Used net;
        Trainer trainer(net, CrossEntropy{}, Adam{}, Threads{2});
        const auto samples = some(19);
        for (int step = 0; step < 3; ++step) trainer.step(samples);
        net.parameters()[Used::parameter_offset[static_cast<std::size_t>(layer)] + 1] = poison;
        const std::vector<float> before(net.parameters().begin(), net.parameters().end()),
            state(net.state().begin(), net.state().end());
        holds(thrown([&] { trainer.step(samples); }), {"step 3", "pass 0", "cost is", where});
        CHECK(std::memcmp(before.data(), net.parameters().data(), before.size() * sizeof(float)) == 0);
        CHECK(std::memcmp(state.data(), net.state().data(), state.size() * sizeof(float)) == 0);
    };
    const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
    stop(0, nan, "layer 0 (Conv<3,2>");
    stop(3, nan, "layer 3 (BatchNorm)");
    stop(4, nan, "layer 4 (Dense<6>)");
    stop(6, nan, "layer 6 (Dense<4>)");
    stop(6, inf, "layer 6 (Dense<4>)");
}

TEST_CASE("a NaN in the data is found in its sample; the step is counted within its pass") {
    Net net;
    Trainer trainer(net, CrossEntropy{}, Adam{}, Threads{1});
    auto samples = some(20);
    const auto test = some(4);
    std::string text;
    text = thrown([&] {
        trainer.fit(reader(samples, 8), reader(test, 4), Passes{2}, [&](const StepEnd& e) {
            if (e.pass == 0 && e.step == 2) samples.images(17, 0, 4, 4) = std::numeric_limits<float>::quiet_NaN();
        });
    });
    holds(text, {"step 2 of pass 1", "cost is NaN", "sample 1 of the batch holds a number that is not finite"});
    // In another tile than the first, where batch norm carries it to all.
    holds(thrown([&] { trainer.step(samples); }), {"sample 17 of the batch"});
}

TEST_CASE("fit: events in order, no sample dropped, means over samples") {
    Net net;
    Trainer trainer(net, CrossEntropy{}, Sgd{.learning_rate = 0, .momentum = 0}, Threads{2});
    const auto train = some(21, 1), test = some(10, 2);
    std::vector<StepEnd> steps;
    std::vector<PassEnd> passes;
    std::string order;
    struct Both {
        std::string& order;
        void operator()(const StepEnd&) { order += 's'; }
        void operator()(const PassEnd&) { order += 'p'; }
    };
    const auto history = trainer.fit(
        reader(train, 8), reader(test, 4), Passes{2}, [&](const StepEnd& e) { steps.push_back(e); },
        [&](const PassEnd& e) { passes.push_back(e); }, Both{order});
    CHECK(order == "sssp"
                   "sssp");
    REQUIRE(steps.size() == 6);
    for (int i = 0; i < 6; ++i) {
        const StepEnd& e = steps[static_cast<std::size_t>(i)];
        CHECK(e.pass == i / 3);
        CHECK(e.step == i % 3);
        CHECK(e.steps == 3);
        CHECK(e.samples == (i % 3 < 2 ? 8 : 5)); // the last batch is short
    }
    REQUIRE(history.size() == 2);
    REQUIRE(passes.size() == 2);
    // With rate 0 nothing moves, so the mean over samples is 8, 8 and 5 parts of the batches' costs.
    CHECK(history[0].train_cost ==
          doctest::Approx((8 * steps[0].cost + 8 * steps[1].cost + 5 * steps[2].cost) / 21).epsilon(1e-12));
    CHECK(history[1].test_cost == trainer.evaluate(reader(test, 3)).cost);
    CHECK(history[1].pass == 1);
    CHECK(history[1].seconds > 0);
    CHECK(passes[1].test_accuracy == history[1].test_accuracy);
}

TEST_CASE("a cost of one batch is the mean over its samples, whatever else") {
    Net net;
    Trainer trainer(net, MeanSquaredError{}, Sgd{}, Threads{1});
    // A batch norm sees the whole batch; without its influence, in inference, costs are those of the samples alone.
    const auto samples = some(23, 3);
    double sum = 0;
    for (std::size_t i = 0; i < samples.size(); ++i) {
        const auto one = samples.part(i, 1);
        sum += trainer.evaluate(reader(one, 1)).cost;
    }
    CHECK(trainer.evaluate(reader(samples, 16)).cost == doctest::Approx(sum / 23).epsilon(1e-6));
}

TEST_CASE("8-bit grey levels are scaled wherever a network meets them") {
    const xt::xtensor<std::uint8_t, 4> grey = xt::arange<std::uint8_t>(0, 144).reshape({2, 1, 9, 8}) * 1;
    const xt::xtensor<int, 1> labels{1, 3};
    Net net(Seed{3});
    const auto model = net.inference();
    auto workspace = model.workspace(), other = model.workspace();
    Batch b;
    auto batches = batch(from_arrays<Image, 4>(grey, labels), 2);
    batches.start(0);
    REQUIRE(batches.next(b));
    CHECK(b.images(1, 0, 8, 7) == scaled(143));
    const auto from_reader = model.predict(b.images, workspace), from_levels = model.predict(grey, other);
    for (std::size_t i = 0; i < 2; ++i) CHECK(from_reader[i].values == from_levels[i].values);
    const auto one = model.predict(xt::view(grey, 0)), same = model.predict(xt::view(as_xtensor(b.images), 0));
    CHECK(one.values == same.values);
    Trainer trainer(net, CrossEntropy{}, Adam{}, Threads{1});
    CHECK(trainer.compute_gradients(Refers{grey, labels}) == trainer.compute_gradients(b));
}

TEST_CASE("inputs of any form give what a contiguous container gives") {
    const auto samples = some(18);
    const auto cost_of = [](const auto& images, const auto& labels) {
        Net net;
        Trainer trainer(net, CrossEntropy{}, Adam{}, Threads{1});
        const double cost = trainer.compute_gradients(Refers{images, labels});
        return std::pair{cost, std::vector<float>(trainer.gradients().begin(), trainer.gradients().end())};
    };
    const auto plain = cost_of(samples.images, samples.labels);
    const auto images = as_xtensor(samples.images);
    const xt::xtensor<double, 4> doubles = images;
    CHECK(cost_of(doubles, samples.labels) == plain); // the values are floats
    const xt::xtensor<float, 4, xt::layout_type::column_major> columns = images;
    CHECK(cost_of(columns, samples.labels) == plain);
    xt::xtensor<float, 4> wide = xt::zeros<float>({36, 1, 9, 8});
    xt::view(wide, xt::range(0, 36, 2)) = images;
    CHECK(cost_of(xt::view(wide, xt::range(0, 36, 2)), samples.labels) == plain);
    xt::xtensor<float, 4> longer = xt::zeros<float>({40, 1, 9, 8});
    xt::view(longer, xt::range(7, 25)) = images;
    CHECK(cost_of(xt::view(longer, xt::range(7, 25)), samples.labels) == plain); // begins within its container
    CHECK(cost_of(-(-images), samples.labels) == plain); // an expression, never evaluated to a container
    const auto adapted = xt::adapt(samples.images.data(), samples.images.size(), xt::no_ownership(),
                                   std::array<std::size_t, 4>{18, 1, 9, 8});
    const xt::xtensor<std::uint8_t, 1> bytes = xt::cast<std::uint8_t>(as_xtensor(samples.labels));
    CHECK(cost_of(adapted, bytes) == plain);
    const xt::xarray<float> dynamic = images;
    CHECK(cost_of(dynamic, samples.labels) == plain);
}

TEST_CASE("threads: each part of what a step does meanwhile is done once, and changes no bit") {
    static_assert(!OfThreads::runs_alone(1100));
    for (const std::size_t n : {2, 1100}) {
        std::vector<float> expected;
        for (const bool with : {false, true})
            for (const int threads : {1, 2, 3}) {
                Net net(Seed{1});
                Trainer trainer(net, CrossEntropy{}, Adam{}, Threads{threads});
                std::array<std::atomic<int>, 5> calls{};
                Meanwhile meanwhile;
                if (with)
                    meanwhile = {[](void* c, int part) noexcept { ++static_cast<std::atomic<int>*>(c)[part]; },
                                 calls.data(), static_cast<int>(calls.size())};
                for (int step = 0; step < 3; ++step) trainer.step(some(n), meanwhile);
                for (const int count : calls) CHECK(count == (with ? 3 : 0));
                if (expected.empty()) expected = parameters(net);
                CHECK(parameters(net) == expected);
            }
    }
}

TEST_CASE("threads: fit ends with the bits of steps on the same batches, whoever prepares them") {
    const auto samples = some(2500);
    const xt::xtensor<float, 4> images = as_xtensor(samples.images);
    const xt::xtensor<int, 1> labels = as_xtensor(samples.labels);
    constexpr std::size_t size = 1100; // and 300 at the end, for one thread
    static_assert(!OfThreads::runs_alone(size) && OfThreads::runs_alone(300));
    const auto reader = [&] {
        return batch(shuffle(from_arrays<Shape<1, 9, 8>, 4>(images, labels), 700, Seed{2}), size);
    };
    std::vector<float> expected;
    for (const int threads : {1, 2, 3}) {
        Net net(Seed{1}), stepped(Seed{1});
        Trainer(net, CrossEntropy{}, Adam{}, Threads{threads}).fit(reader(), reader(), Passes{3});
        Trainer trainer(stepped, CrossEntropy{}, Adam{}, Threads{threads});
        auto batches = reader();
        Batch b;
        for (unsigned pass = 0; pass < 3; ++pass)
            for (batches.start(pass); batches.next(b);) trainer.step(b);
        if (expected.empty()) expected = parameters(net);
        CHECK(parameters(net) == expected);
        CHECK(parameters(stepped) == expected);
    }
    // Taken over by its owner, where the trainer would not.
    Net net(Seed{1});
    auto taken = prefetch(reader());
    taken.take_over();
    Trainer(net, CrossEntropy{}, Adam{}, Threads{1}).fit(std::move(taken), reader(), Passes{3});
    CHECK(parameters(net) == expected);
}

TEST_CASE("threads: one constant network predicts on several at once") {
    Net net(Seed{5});
    randomise_vectors(net, 1);
    const auto model = net.inference();
    const auto samples = some(40);
    auto workspace = model.workspace();
    const auto rows = model.predict(samples.images, workspace);
    const std::vector<Prediction<float, 4>> expected(rows.begin(), rows.end());
    const auto images = as_xtensor(samples.images);
    const auto image = [&](std::size_t i) { return xt::view(images, i); };
    std::vector<int> right(4);
    std::vector<Prediction<float, 4>> alone; // other kernels than a batch's: equal up to rounding
    for (std::size_t t = 0; t < right.size(); ++t) {
        alone.push_back(model.predict(image(t)));
        for (std::size_t k = 0; k < 4; ++k) CHECK(alone[t][k] == doctest::Approx(expected[t][k]).epsilon(1e-4));
    }
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < right.size(); ++t)
        threads.emplace_back([&, t] {
            auto own = model.workspace();
            for (int round = 0; round < 20; ++round) {
                const auto some_rows = model.predict(samples.images, own);
                bool same = some_rows.size() == expected.size();
                for (std::size_t i = 0; same && i < expected.size(); ++i)
                    same = some_rows[i].values == expected[i].values;
                same = same && model.predict(image(t)).values == alone[t].values;
                right[t] += same;
            }
        });
    for (auto& t : threads) t.join();
    CHECK(right == std::vector<int>(4, 20));
}

TEST_CASE("threads: training while an older network predicts") {
    Net net;
    const auto samples = some(33);
    const auto model = net.inference(); // a snapshot
    auto workspace = model.workspace();
    const Prediction<float, 4> before = model.predict(samples.images, workspace)[0];
    Trainer trainer(net, CrossEntropy{}, Adam{}, Threads{3});
    int same = 0;
    std::thread other([&] {
        auto own = model.workspace();
        for (int i = 0; i < 10; ++i) same += model.predict(samples.images, own)[0].values == before.values;
    });
    for (int i = 0; i < 10; ++i) trainer.step(samples);
    other.join();
    CHECK(same == 10);
    auto after = net.inference();
    auto own = after.workspace();
    CHECK(after.predict(samples.images, own)[0].values != before.values);
}

TEST_CASE("predictions: what is handed in is checked") {
    Net net;
    const auto model = net.inference();
    auto workspace = model.workspace();
    holds(thrown([&] {
              model.predict(xt::xtensor<float, 4>(xt::zeros<float>({2, 1, 9, 9})), workspace);
          }),
          {"2x1x9x9", "1x9x8"});
    holds(thrown([&] {
              model.predict(xt::xtensor<float, 4>(xt::zeros<float>({2, 1, 9, 8})));
          }),
          {"2x1x9x8", "one sample of 1x9x8", "workspace"});
    CHECK(model.predict(xt::xtensor<float, 4>(xt::zeros<float>({0, 1, 9, 8})), workspace).empty());
    double sum = 0;
    for (const float p : model.predict(xt::xtensor<float, 3>(xt::ones<float>({1, 9, 8})))) sum += p;
    CHECK(sum == doctest::Approx(1));
}
