// How parameters begin (layers/initialise.hpp), and how running statistics move (layers/batch_norm.hpp).
#include <backends/cpu/cpu.hpp>
#include <backends/reference/reference.hpp>
#include <doctest/doctest.h>
#include <ikebana/ikebana.hpp>
#include <models/lenet5.hpp>
#include <models/mlp.hpp>
#include <tests/support/samples.hpp>

#include <set>

using namespace ikebana;
using namespace ikebana::test;

namespace {

struct Statistics {
    double mean = 0, deviation = 0, least = 1e300, most = -1e300;
};
template <class View>
Statistics statistics(View view) {
    Statistics s;
    for (std::size_t i = 0; i < view.size; ++i) {
        const double v = view[i];
        s.mean += v / double(view.size);
        s.deviation += v * v / double(view.size);
        s.least = std::min(s.least, v), s.most = std::max(s.most, v);
    }
    s.deviation = std::sqrt(s.deviation - s.mean * s.mean);
    return s;
}
template <class View>
bool all_are(View view, double x) {
    return std::all_of(view.data, view.data + view.size, [x](double v) { return v == x; });
}

} // namespace

TEST_CASE("Dense begins Xavier uniform, with biases 0") {
    Network<Input<1, 28, 28>, models::Mlp, cpu::backend> net(Seed{4});
    const auto [weight, bias] = net.layer_parameters<0>();
    const double bound = std::sqrt(6.0 / (784 + 200));
    const Statistics s = statistics(weight);
    CHECK(s.most <= bound);
    CHECK(s.least >= -bound);
    CHECK(s.most > 0.999 * bound);
    CHECK(s.least < -0.999 * bound);
    CHECK(std::abs(s.mean) < 4 * bound / std::sqrt(3.0 * 156800));
    CHECK(s.deviation == doctest::Approx(bound / std::sqrt(3.0)).epsilon(0.01)); // of a uniform distribution
    CHECK(all_are(bias, 0));
}

TEST_CASE("Conv begins normal with deviation √(2 / (F·F·C)), batch norm with 1, 0 and statistics 0, 1") {
    Network<Input<1, 28, 28>, models::LeNet5, cpu::backend> net(Seed{4});
    const Statistics first = statistics(get<0>(net.layer_parameters<0>())),
                     second = statistics(get<0>(net.layer_parameters<4>()));
    CHECK(first.deviation == doctest::Approx(std::sqrt(2.0 / 25)).epsilon(0.1)); // 500 numbers
    CHECK(second.deviation == doctest::Approx(std::sqrt(2.0 / 500)).epsilon(0.02));
    CHECK(std::abs(second.mean) < 4 * std::sqrt(2.0 / 500 / 25000));
    CHECK(second.most > 3.3 * std::sqrt(2.0 / 500)); // not uniform
    CHECK(all_are(get<1>(net.layer_parameters<0>()), 0));
    CHECK(all_are(get<0>(net.layer_parameters<3>()), 1));
    CHECK(all_are(get<1>(net.layer_parameters<3>()), 0));
    CHECK(all_are(get<0>(net.layer_state<3>()), 0));
    CHECK(all_are(get<1>(net.layer_state<3>()), 1));
}

TEST_CASE("He's initialisation where it is asked for") {
    Network<Input<500>, Sequential<Dense<100, init::HeNormal>, Relu, Dense<2>>, cpu::backend> net;
    CHECK(statistics(get<0>(net.layer_parameters<0>())).deviation ==
          doctest::Approx(std::sqrt(2.0 / 500)).epsilon(0.02));
}

TEST_CASE("seeds: the same seed the same network on every backend, another one for another seed and layer") {
    using Layers = Sequential<Dense<6>, Dense<6>, Softmax>;
    Network<Input<6>, Layers, cpu::backend> a(Seed{1}), b(Seed{1}), c(Seed{2});
    Network<Input<6>, Layers, reference::backend, double> exact(Seed{1});
    const auto numbers = [](const auto& net) {
        return std::vector<float>(net.parameters().begin(), net.parameters().end());
    };
    CHECK(numbers(a) == numbers(b));
    CHECK(numbers(a) == numbers(exact));
    CHECK(numbers(a) != numbers(c));
    CHECK(get<0>(a.layer_parameters<0>())[0] != get<0>(a.layer_parameters<1>())[0]);
    const auto copy = a; // a value
    a.parameters()[0] = 99;
    CHECK(numbers(copy) == numbers(b));
}

TEST_CASE_TEMPLATE("running statistics: 0.9 of the old, 0.1 of the batch, with the unbiased variance", Backend,
                   cpu::backend, reference::backend) {
    using S = Shape<3, 4, 5>;
    Network<Input<3, 4, 5>, Sequential<BatchNorm, Dense<2>, Softmax>, Backend> net;
    Trainer trainer(net, CrossEntropy{}, Sgd{.learning_rate = 0}, Threads{2});
    std::array<double, 3> mean{}, variance{1, 1, 1};
    for (const std::size_t n : {19u, 32u, 1u}) {
        auto samples = random_samples<float, S>(n, 2, static_cast<std::uint32_t>(n));
        for (float& v : samples.images) v = 3 * v + 2;
        trainer.step(samples);
        for (std::size_t c = 0; c < 3; ++c) {
            double sum = 0, squares = 0;
            const double count = double(n) * 20;
            for (std::size_t i = 0; i < n; ++i)
                for (std::size_t k = 0; k < 20; ++k) sum += samples.images.data()[(i * 3 + c) * 20 + k] / count;
            for (std::size_t i = 0; i < n; ++i)
                for (std::size_t k = 0; k < 20; ++k)
                    squares += std::pow(samples.images.data()[(i * 3 + c) * 20 + k] - sum, 2);
            mean[c] = 0.9 * mean[c] + 0.1 * sum;
            variance[c] = 0.9 * variance[c] + 0.1 * squares / (count - 1);
            CHECK(get<0>(net.template layer_state<0>())[c] == doctest::Approx(mean[c]).epsilon(1e-6));
            CHECK(get<1>(net.template layer_state<0>())[c] == doctest::Approx(variance[c]).epsilon(1e-6));
        }
    }
    // Computing gradients, evaluating and predicting leave them alone.
    const std::vector<float> before(net.state().begin(), net.state().end());
    const auto samples = random_samples<float, S>(20, 2, 7);
    trainer.compute_gradients(samples);
    trainer.evaluate(batch(from_arrays<S, 2>(samples.images, samples.labels), 8));
    CHECK(before == std::vector<float>(net.state().begin(), net.state().end()));
}

TEST_CASE("a large mean does not spoil the variance") {
    Network<Input<1, 4, 4>, Sequential<BatchNorm, Dense<2>, Softmax>, cpu::backend> net;
    Trainer trainer(net, CrossEntropy{}, Sgd{.learning_rate = 0}, Threads{1});
    auto samples = random_samples<float, Shape<1, 4, 4>>(50, 2, 1);
    double squares = 0;
    for (float& v : samples.images) v += 1000; // E x² − (E x)² in float would be off by 0.06 or more
    double mean = 0;
    for (const float v : samples.images) mean += double(v) / 800;
    for (const float v : samples.images) squares += (v - mean) * (v - mean) / 799;
    trainer.step(samples);
    const double variance = (get<1>(net.layer_state<0>())[0] - 0.9) / 0.1;
    CHECK(variance == doctest::Approx(squares).epsilon(1e-4));
}
