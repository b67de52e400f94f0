// LeNet-5 against PyTorch (README.md): ten steps in float, each from PyTorch's stored parameters, on both backends; and
// ten free steps in double with Adam on the reference backend. Errors of a tensor are max|a − b| over max|b|, the
// latter at least a thousandth of the largest gradient.
#include "golden.hpp"

#include <backends/cpu/cpu.hpp>
#include <backends/reference/reference.hpp>
#include <ikebana/ikebana.hpp>
#include <ikebana/io/mnist.hpp>
#include <models/lenet5.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <span>

#include <xtensor/xtensor.hpp>

using namespace ikebana;

namespace {

const golden::File& steps() {
    static const golden::File file(IKEBANA_SOURCE_ROOT "/tests/golden/lenet5_steps");
    return file;
}
const MnistReader& digits() {
    static const MnistReader train = Mnist(IKEBANA_SOURCE_ROOT "/apps/data/mnist-sample").train();
    return train;
}

constexpr std::size_t batch_size = 20;
template <class T>
struct Images {
    xt::xtensor<T, 4> images;
    xt::xtensor<int, 1> labels;
};
/// The batch of step s, scaled in T.
template <class T>
Images<T> batch_of(std::size_t s) {
    Images<T> b{xt::xtensor<T, 4>::from_shape({batch_size, 1, 28, 28}), xt::xtensor<int, 1>::from_shape({batch_size})};
    for (std::size_t n = 0; n < batch_size; ++n) {
        const std::size_t i = batch_size * s + n;
        b.labels(n) = digits().label(i);
        std::transform(digits().image(i).grey(), digits().image(i).grey() + 784, b.images.data() + n * 784,
                       [](std::uint8_t x) { return static_cast<T>(x / 255.0 * 2 - 1); });
    }
    return b;
}

/// Where each named parameter lies in the arena.
struct Place {
    const char* name;
    std::size_t offset, size;
};
template <class Net>
std::vector<Place> parameters_of_lenet5() {
    const auto at = [](int layer, std::size_t before) { return Net::parameter_offset[layer] + padded(before); };
    return {{"conv1.weight", at(0, 0), 500},  {"conv1.bias", at(0, 500), 20},    {"bn.gamma", at(3, 0), 20},
            {"bn.beta", at(3, 20), 20},       {"conv2.weight", at(4, 0), 25000}, {"conv2.bias", at(4, 25000), 50},
            {"dense.weight", at(7, 0), 8000}, {"dense.bias", at(7, 8000), 10}};
}

template <class Net>
void set_parameters(Net& net, const std::string& step) {
    for (const Place& p : parameters_of_lenet5<Net>()) {
        const auto values = steps().values<typename Net::scalar>(step + p.name);
        REQUIRE(values.size() == p.size);
        std::copy(values.begin(), values.end(), net.parameters().begin() + static_cast<std::ptrdiff_t>(p.offset));
    }
}

double largest(const std::vector<double>& values) {
    double m = 0;
    for (const double v : values) m = std::max(m, std::abs(v));
    return m;
}

template <class T>
double largest_difference(std::span<const T> a, const std::vector<double>& b) {
    double m = 0;
    for (std::size_t i = 0; i < b.size(); ++i) m = std::max(m, std::abs(static_cast<double>(a[i]) - b[i]));
    return m;
}

template <class Backend>
void check_each_step(Threads threads) {
    using Net = Network<Input<1, 28, 28>, models::LeNet5, Backend>;
    Net net;
    Trainer trainer(net, CrossEntropy{}, Adam{}, threads);
    for (std::size_t s = 0; s < 10; ++s) {
        const std::string step = "step" + std::to_string(s) + "/";
        CAPTURE(step);
        set_parameters(net, step);
        const double loss = trainer.compute_gradients(batch_of<float>(s));
        CHECK(std::abs(loss - steps().value(step + "loss")) <= 1e-5 * loss);
        double floor = 0;
        for (const Place& p : parameters_of_lenet5<Net>())
            floor = std::max(floor, largest(steps().values(step + "d" + p.name)) / 1000);
        for (const Place& p : parameters_of_lenet5<Net>()) {
            CAPTURE(p.name);
            const auto expected = steps().values(step + "d" + p.name);
            const double difference = largest_difference(trainer.gradients().subspan(p.offset, p.size), expected);
            CHECK(difference <= 1e-4 * std::max(largest(expected), floor));
        }
    }
}

} // namespace

TEST_CASE("LeNet-5 against PyTorch: the sample holds the images of the golden steps") {
    std::string bytes;
    for (std::size_t i = 0; i < 10 * batch_size; ++i) {
        const auto* grey = reinterpret_cast<const char*>(digits().image(i).grey());
        bytes.append(grey, 784);
        CHECK(digits().label(i) == steps().values<int>("images/labels")[i]);
    }
    std::uint64_t hash = 0;
    const auto words = steps().values<std::uint64_t>("images/fnv1a64");
    for (std::size_t w = 0; w < 4; ++w) hash |= words[w] << 16 * w;
    CHECK(golden::fnv1a64(bytes) == hash);
}

TEST_CASE("LeNet-5 against PyTorch: ten steps' losses and gradients, reference") {
    check_each_step<reference::backend>(Threads{1});
}
TEST_CASE("LeNet-5 against PyTorch: ten steps' losses and gradients, cpu, two threads") {
    check_each_step<cpu::backend>(Threads{2});
}

TEST_CASE("LeNet-5 against PyTorch: ten free steps of Adam in double") {
    using Net = Network<Input<1, 28, 28>, models::LeNet5, reference::backend, double>;
    Net net;
    set_parameters(net, "step0/");
    const std::vector<double> before(net.parameters().begin(), net.parameters().end());
    Trainer trainer(net, CrossEntropy{}, Adam{.learning_rate = 1e-3f});
    const auto losses = steps().values("free/losses");
    for (std::size_t s = 0; s < 10; ++s) {
        CAPTURE(s);
        CHECK(trainer.step(batch_of<double>(s)) == doctest::Approx(losses[s]).epsilon(1e-7));
    }
    for (const Place& p : parameters_of_lenet5<Net>()) {
        CAPTURE(p.name);
        std::vector<double> change(p.size);
        for (std::size_t i = 0; i < p.size; ++i) change[i] = net.parameters()[p.offset + i] - before[p.offset + i];
        const auto expected = steps().values(std::string("free/change.") + p.name);
        CHECK(largest_difference(std::span<const double>(change), expected) <= 1e-6 * largest(expected));
    }
    const auto [mean, variance] = net.layer_state<3>();
    for (std::size_t c = 0; c < 20; ++c) {
        CHECK(mean[c] == doctest::Approx(steps().values("free/bn.running_mean")[c]).epsilon(1e-7));
        CHECK(variance[c] == doctest::Approx(steps().values("free/bn.running_var")[c]).epsilon(1e-7));
    }
}
