// Adam, Sgd and the schedules against steps computed by hand, alone and inside a trainer.
#include <backends/cpu/cpu.hpp>
#include <backends/reference/reference.hpp>
#include <doctest/doctest.h>
#include <ikebana/ikebana.hpp>
#include <tests/support/findings.hpp>
#include <tests/support/samples.hpp>

using namespace ikebana;
using namespace ikebana::test;

TEST_CASE_TEMPLATE("Adam: two steps by hand", Backend, reference::backend, cpu::backend) {
    // g = 0.5, then −0.25, from w = 1: m̂₁ = 0.5, v̂₁ = 0.25, so the first step is the whole rate;
    // m₂ = 0.9·0.05 − 0.025 = 0.02, v₂ = 0.999·0.00025 + 0.001·0.0625 = 0.00031225,
    // m̂₂ = 0.02 / 0.19, v̂₂ = 0.00031225 / 0.001999. The state is 10 m and 1000 v.
    double w[3] = {1, 1, 1}, m[3] = {}, v[3] = {}, g[3] = {0.5, 0.5, 0.5};
    const Adam adam;
    adam.update(Backend{}, 3, w, {m, v}, Elements<double>{g}, 1, 0.01);
    CHECK(w[2] == doctest::Approx(1 - 0.01 * 0.5 / (0.5 + 1e-8)).epsilon(1e-14));
    std::fill(g, g + 3, -0.25);
    adam.update(Backend{}, 3, w, {m, v}, Elements<double>{g}, 2, 0.01);
    const double second = 0.01 * (0.02 / 0.19) / (std::sqrt(0.00031225 / 0.001999) + 1e-8);
    for (int i = 0; i < 3; ++i) {
        CHECK(m[i] == doctest::Approx(0.2).epsilon(1e-12));
        CHECK(v[i] == doctest::Approx(0.31225).epsilon(1e-12));
        CHECK(w[i] == doctest::Approx(0.99 - second).epsilon(1e-8));
    }
}

TEST_CASE("Adam: epsilon is added after the correction of the bias") {
    // With ε as large as √v̂ the step halves; added before the correction it would nearly vanish.
    double w[1] = {0}, m[1] = {}, v[1] = {}, g[1] = {0.5};
    Adam{.epsilon = 0.5}.update(reference::backend{}, 1, w, {m, v}, Elements<double>{g}, 1, 1.0);
    CHECK(w[0] == doctest::Approx(-0.5));
}

TEST_CASE_TEMPLATE("Sgd: two steps by hand, with momentum and without", Backend, reference::backend, cpu::backend) {
    double w[2] = {1, 2}, v[2] = {}, g[2] = {0.5, -1};
    const Sgd sgd{.momentum = 0.5f};
    sgd.update(Backend{}, 2, w, {v}, Elements<double>{g}, 1, 0.1);
    CHECK(w[0] == doctest::Approx(0.95));
    CHECK(w[1] == doctest::Approx(2.1));
    sgd.update(Backend{}, 2, w, {v}, Elements<double>{g}, 2, 0.1);
    CHECK(w[0] == doctest::Approx(0.95 - 0.1 * 0.75)); // v = 0.5·0.5 + 0.5
    CHECK(w[1] == doctest::Approx(2.1 + 0.1 * 1.5));
    double plain[1] = {1}, none[1] = {};
    for (long step = 1; step <= 2; ++step)
        Sgd{.momentum = 0}.update(Backend{}, 1, plain, {none}, Elements<double>{g}, step, 0.1);
    CHECK(plain[0] == doctest::Approx(0.9));
}

TEST_CASE("schedules") {
    for (const double progress : {0.0, 0.3, 0.99}) CHECK(learning_rate_factor(Schedule::constant, progress) == 1);
    CHECK(learning_rate_factor(Schedule::cosine, 0) == 1);
    CHECK(learning_rate_factor(Schedule::cosine, 0.5) == doctest::Approx(0.5));
    CHECK(learning_rate_factor(Schedule::cosine, 1.0 / 3) == doctest::Approx(0.75));
    CHECK(std::abs(learning_rate_factor(Schedule::cosine, 1)) < 1e-15);
    CHECK(learning_rate_factor(Schedule::step, 0.49) == 1);
    CHECK(learning_rate_factor(Schedule::step, 0.5) == 0.1);
    CHECK(learning_rate_factor(Schedule::step, 0.75) == 0.01);
}

namespace {

using Image = Shape<1, 4, 4>;
template <class Backend, class T>
using Net = Network<Input<1, 4, 4>, Sequential<Dense<5>, Tanh, Dense<3>, Softmax>, Backend, T>;

/// Parameters after fit() with the schedule, against the update written out from the gradients of each batch.
template <class Backend, class T>
void check_fit(Schedule schedule, double bound) {
    const auto samples = random_samples<float, Image>(20, 3, 5);
    const auto train = batch(from_arrays<Image, 3>(samples.images, samples.labels), 8); // 8, 8, 4
    Net<Backend, T> net(Seed{2}), by_hand = net;
    Trainer trainer(net, CrossEntropy{}, Sgd{.learning_rate = 0.5f, .momentum = 0.75f}, Threads{2});
    trainer.set_schedule(schedule);
    trainer.fit(train, train, Passes{2});

    Trainer other(by_hand, CrossEntropy{}, Sgd{}, Threads{1});
    std::vector<double> velocity(by_hand.parameters().size());
    for (int step = 0; step < 6; ++step) {
        const std::size_t first = static_cast<std::size_t>(step % 3) * 8;
        other.compute_gradients(samples.part(first, std::min<std::size_t>(8, 20 - first)));
        const double rate = 0.5 * learning_rate_factor(schedule, step / 6.0);
        for (std::size_t i = 0; i < velocity.size(); ++i) {
            velocity[i] = 0.75 * velocity[i] + double(other.gradients()[i]);
            by_hand.parameters()[i] = static_cast<T>(double(by_hand.parameters()[i]) - rate * velocity[i]);
        }
    }
    CHECK(relative_error(std::span<const T>(net.parameters()), std::span<const T>(by_hand.parameters())) <= bound);
}

/// A reader of batches that doesn't know how many there are.
template <class R>
struct WithoutSize {
    using shape = typename R::shape;
    static constexpr int classes = R::classes;
    R reader;
    void start(unsigned pass) { reader.start(pass); }
    bool next(Batch& b) { return reader.next(b); }
    std::size_t batch_size() const { return reader.batch_size(); }
};

} // namespace

TEST_CASE("a schedule without fit() is where it is said to be, and goes by passes where steps are not known") {
    const auto samples = random_samples<float, Image>(20, 3, 5);
    auto train = batch(from_arrays<Image, 3>(samples.images, samples.labels), 8); // 8, 8, 4
    const auto trained = [&](auto run) {
        Net<cpu::backend, float> net(Seed{2});
        Trainer trainer(net, CrossEntropy{}, Sgd{.learning_rate = 0.5f}, Threads{1});
        trainer.set_schedule(Schedule::cosine);
        run(trainer);
        return std::vector<float>(net.parameters().begin(), net.parameters().end());
    };
    const auto by_hand = [&](auto progress) {
        return trained([&](auto& trainer) {
            Batch b;
            for (unsigned pass = 0, step = 0; pass < 2; ++pass)
                for (train.start(pass); train.next(b); ++step) {
                    trainer.set_progress(progress(pass, step));
                    trainer.step(b);
                }
        });
    };
    const auto by_steps = by_hand([](unsigned, unsigned step) { return step / 6.0; }),
               by_passes = by_hand([](unsigned pass, unsigned) { return pass / 2.0; });
    CHECK(by_steps != by_passes);
    CHECK(trained([&](auto& trainer) { trainer.fit(train, train, Passes{2}); }) == by_steps);
    const WithoutSize<decltype(train)> unknown{train};
    CHECK(trained([&](auto& trainer) { trainer.fit(unknown, train, Passes{2}); }) == by_passes);
}

TEST_CASE("fit() follows the schedule over all steps of all passes") {
    for (const Schedule schedule : {Schedule::constant, Schedule::cosine, Schedule::step}) {
        check_fit<reference::backend, double>(schedule, 1e-13);
        check_fit<cpu::backend, float>(schedule, 1e-5);
    }
}
