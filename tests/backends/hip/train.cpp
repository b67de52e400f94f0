// Networks on the HIP backend: gradients and predictions are the reference's, LeNet-5 learns as on the CPU.
#include "compare.hpp"

#include <backends/cpu/cpu.hpp>
#include <ikebana/ikebana.hpp>
#include <ikebana/io/mnist.hpp>
#include <models/lenet5.hpp>
#include <models/mlp.hpp>
#include <tests/support/findings.hpp>
#include <tests/support/samples.hpp>

using namespace ikebana;
using namespace ikebana::test;
using hip::test::bound;
using hip::test::Late;
using hip::test::OrdersCompared;

namespace {

using OfMlp = Network<Input<1, 28, 28>, models::Mlp, hip::backend>;
using FusedMlp = decltype(fuse<hip::backend>(OfMlp::chain{}));
static_assert(FusedMlp::size + 2 == OfMlp::chain::size);

/// Where matrix cores round operands, a ReLU or a pool may let another value through: of a whole network, or of many
/// steps, `roundings` of theirs are allowed, where float32 keeps to `usual`.
constexpr double deep_bound(double usual, int roundings) {
    return std::max(usual, roundings * hip::core_of<float>::rounding);
}

template <class In, class Layers, class Loss>
void compare_gradients(std::size_t n) {
    using Exact = Network<In, Layers, reference::backend, double>;
    using Device = Network<In, Layers, hip::backend>;
    Device net(Seed{3});
    randomise_vectors(net, 4);
    Exact exact_net;
    std::copy(net.parameters().begin(), net.parameters().end(), exact_net.parameters().begin());
    std::copy(net.state().begin(), net.state().end(), exact_net.state().begin());
    const auto samples = random_samples<float, typename Device::input>(n, static_cast<int>(Device::output::size), 9);
    Trainer trainer(net, Loss{}, Sgd{});
    Trainer exact(exact_net, Loss{}, Sgd{});
    CAPTURE(n);
    const double cost = exact.compute_gradients(samples.template as<double>());
    CHECK(trainer.compute_gradients(samples) == doctest::Approx(cost).epsilon(bound<float>));
    const double most = largest(exact.gradients());
    for (const ArrayRow& row : parameter_rows<Exact>()) {
        CAPTURE(row.name);
        const auto a = trainer.gradients().subspan(row.at, row.size);
        const auto b = exact.gradients().subspan(row.at, row.size);
        const double error = largest_difference(a, b);
        const double least = 0.01 * most; // below, the rounding of larger terms is seen
        CHECK(error <= deep_bound(1e-4, 64) * std::max(largest(b), least));
    }
}

/// Parameters and state.
template <class Net>
std::vector<float> numbers_of(const Net& net) {
    std::vector<float> numbers(net.parameters().begin(), net.parameters().end());
    numbers.insert(numbers.end(), net.state().begin(), net.state().end());
    return numbers;
}

const Mnist& digits() {
    static const Mnist sample(IKEBANA_SOURCE_ROOT "/apps/data/mnist-sample");
    return sample;
}

/// 2,000 digits; the 500 others where a sanitizer slows everything.
auto digits_to_learn() {
#ifdef IKEBANA_ADDRESS_SANITIZER
    return digits().test();
#else
    return digits().train();
#endif
}

template <class Backend>
struct Run {
    Network<Input<1, 28, 28>, models::LeNet5, Backend> net{Seed{1}};
    std::vector<double> costs;
    PassEnd end{};

    Run() {
        Trainer trainer(net, CrossEntropy{}, Adam{.learning_rate = 1e-3f});
        trainer.set_schedule(Schedule::cosine);
        end = trainer
                  .fit(batch(shuffle(digits_to_learn(), 2000, Seed{1}), 32), batch(digits().test(), 48), Passes{2},
                       [&](const StepEnd& e) { costs.push_back(e.cost); })
                  .back();
    }
};

using Small = Sequential<Conv<3, 2>, Pool<2>, Sigmoid, BatchNorm, Dropout<20>, Dense<6>, Tanh, Dense<4>, Softmax>;
using SmallNet = Network<Input<2, 9, 8>, Small, hip::backend>;

} // namespace

TEST_CASE("gradients of whole networks") {
    const OrdersCompared compared;
    for (const std::size_t n : {1u, 31u, 33u, 70u}) {
        compare_gradients<Input<2, 9, 8>, Small, CrossEntropy>(n);
        compare_gradients<Input<1, 6, 6>,
                          Sequential<DepthwiseConv<3, Padding<1>>, Conv<3, 2>, DepthwiseConv<2, Stride<2>, NoBias>,
                                     Relu, Dense<4>, Softmax>,
                          CrossEntropy>(n);
        compare_gradients<Input<1, 6, 6>,
                          Sequential<Dropout<10>, Conv<4, 3, Padding<1>, NoBias>, Pool<3, Stride<2>, Average>, Flatten,
                                     Dense<5>, Softmax>,
                          MeanSquaredError>(n);
    }
}

TEST_CASE("LeNet-5: gradients") { compare_gradients<Input<1, 28, 28>, models::LeNet5, CrossEntropy>(20); }

TEST_CASE("LeNet-5 learns the sample as on the CPU") {
    const Run<hip::backend> device;
    const Run<cpu::backend> cpu;
    REQUIRE(device.costs.size() == 2 * ((digits_to_learn().size() + 31) / 32));
    for (std::size_t s = 0; s < cpu.costs.size(); ++s) {
        CAPTURE(s);
        CHECK(device.costs[s] == doctest::Approx(cpu.costs[s]).epsilon(deep_bound(1e-3, 32)));
    }
    CHECK(device.end.test_cost == doctest::Approx(cpu.end.test_cost).epsilon(deep_bound(1e-3, 32)));
    CHECK(std::abs(device.end.test_accuracy - cpu.end.test_accuracy) <= 0.004); // two of 500
}

TEST_CASE("steps give the same bits in every run, and the network has them") {
    const auto trained = [](int steps) {
        SmallNet net(Seed{2});
        Trainer trainer(net, CrossEntropy{}, Adam{}, Threads{}, Seed{8});
        for (int s = 0; s < steps; ++s) trainer.step(random_samples<float, SmallNet::input>(s == 1 ? 33 : 70, 4, 5));
        std::vector<float> all(net.parameters().begin(), net.parameters().end());
        all.insert(all.end(), net.state().begin(), net.state().end());
        return all;
    };
    const auto three = trained(3);
    CHECK(trained(3) == three);
    CHECK(trained(2) != three);
}

TEST_CASE("captured steps give the bits of steps that are not, whenever streams do their work") {
    const auto samples = random_samples<float, SmallNet::input>(110, 4, 5); // batches of 32, and one of 14
    const auto trained = [&](Profile* profile, bool late) {
        const Late with(late);
        SmallNet net(Seed{2});
        Trainer trainer(net, CrossEntropy{}, Adam{}, Threads{}, Seed{8});
        trainer.set_schedule(Schedule::cosine);
        trainer.set_profile(profile);
        const auto reader = from_arrays<SmallNet::input, 4>(samples.images, samples.labels);
        std::vector<double> numbers;
        trainer.fit(batch(shuffle(reader, 50), 32), batch(reader, 64), Passes{3}, [&](const StepEnd& e) {
            numbers.insert(numbers.end(), {static_cast<double>(e.pass), static_cast<double>(e.step), e.cost});
        });
        numbers.push_back(trainer.step(samples));
        numbers.insert(numbers.end(), net.parameters().begin(), net.parameters().end());
        numbers.insert(numbers.end(), net.state().begin(), net.state().end());
        return numbers;
    };
    Profile profile;
    const auto expected = trained(&profile, false); // a profile's steps are not captured
    CHECK(profile.steps() == 13);
    CHECK(trained(nullptr, false) == expected);
    CHECK(trained(nullptr, true) == expected);
}

TEST_CASE("samples on the device give the bits of batches that are copied, as do those that don't fit") {
    const auto trained = [&](auto reader, bool late) {
        const Late with(late);
        Network<Input<1, 28, 28>, Sequential<Dense<12>, Relu, Dropout<20>, Dense<10>, Softmax>, hip::backend> net;
        Trainer trainer(net, CrossEntropy{}, Adam{});
        std::vector<double> numbers;
        trainer.fit(batch(std::move(reader), 23), batch(digits().test(), 32), Passes{2}, [&](const StepEnd& e) {
            numbers.insert(numbers.end(), {static_cast<double>(e.step), static_cast<double>(e.samples), e.cost});
        });
        numbers.insert(numbers.end(), net.parameters().begin(), net.parameters().end());
        return numbers;
    };
    auto reader = shuffle(digits().train(), 300, Seed{4});
    const auto expected = trained(map(reader, [](const auto& s) { return s; }), false); // not stored, so copied
    static_assert(StoredReader<decltype(reader)>);
    CHECK(expected[3 * 86 + 1] == 2000 - 86 * 23);
    CHECK(trained(reader, false) == expected);
    CHECK(trained(reader, true) == expected);
#if !defined(__HIP__) && !defined(__CUDACC__)
    auto& memory = hip::host::Memory::all();
    const std::size_t limit = memory.limit;
    memory.limit = memory.used() + 1'400'000; // the images alone are 1,568,000 bytes
    CHECK(trained(reader, true) == expected);
    memory.limit = limit;
#endif
}

TEST_CASE("a cost that is no number stops fit at the step and layer that the CPU's trainer names") {
    auto samples = random_samples<float, SmallNet::input>(110, 4, 5);
    std::size_t bad = 70;
    SUBCASE("in the middle of a batch") {}
    SUBCASE("where the pass's last and shorter batch, which is launched before the cost is seen, has no sample") {
        bad = 79;
    }
    samples.images(bad, 1, 3, 3) = std::numeric_limits<float>::quiet_NaN();
    const auto sentence = [&]<class Backend>(Backend, bool late) {
        const Late with(late);
        Network<Input<2, 9, 8>, Small, Backend> net(Seed{2}), other(Seed{2});
        Trainer trainer(net, CrossEntropy{}, Adam{}), stepped(other, CrossEntropy{}, Adam{});
        const auto reader = from_arrays<SmallNet::input, 4>(samples.images, samples.labels);
        int told = 0;
        try {
            trainer.fit(batch(reader, 16), batch(reader, 64), Passes{1}, [&](const StepEnd&) { ++told; });
        } catch (const error& e) {
            // What follows goes on from the last step before.
            for (std::size_t first = 0; first < 64; first += 16) stepped.step(samples.part(first, 16));
            CHECK(numbers_of(net) == numbers_of(other));
            CHECK(trainer.step(samples.part(0, 16)) == stepped.step(samples.part(0, 16)));
            return std::to_string(told) + " steps, " + e.what();
        }
        return std::string("it ended");
    };
    const std::string expected = sentence(cpu::backend{}, false);
    CHECK(expected.find("4 steps, training stopped at step 4 of pass 0") == 0);
    CHECK(sentence(hip::backend{}, false) == expected);
    CHECK(sentence(hip::backend{}, true) == expected);
}

TEST_CASE("a handler that throws ends fit between two steps, and training goes on from there") {
    const auto samples = random_samples<float, SmallNet::input>(110, 4, 5);
    const auto reader = from_arrays<SmallNet::input, 4>(samples.images, samples.labels);
    const auto compare = [&](auto train, bool late) {
        const Late with(late);
        SmallNet net(Seed{2}), other(Seed{2});
        Trainer trainer(net, CrossEntropy{}, Adam{}), stepped(other, CrossEntropy{}, Adam{});
        CHECK_THROWS_AS(trainer.fit(batch(train, 16), batch(reader, 64), Passes{1},
                                    [&](const StepEnd& e) {
                                        if (e.step == 2) throw std::runtime_error("enough");
                                    }),
                        std::runtime_error);
        std::size_t steps = 0; // the device is ahead
        for (; steps < 3 || (steps < 7 && numbers_of(net) != numbers_of(other)); ++steps)
            stepped.step(samples.part(16 * steps, std::min<std::size_t>(16, 110 - 16 * steps)));
        CHECK(numbers_of(net) == numbers_of(other));
        CHECK(trainer.step(samples) == stepped.step(samples));
        return steps;
    };
    const auto copied = map(reader, [](const auto& s) { return s; });
    for (const bool late : {false, true}) {
        CHECK(compare(reader, late) == 7);
        CHECK(compare(copied, late) == 4);
    }
    SmallNet net(Seed{2});
    Trainer trainer(net, CrossEntropy{}, Adam{});
    const auto stop = [&](const PassEnd&) {
        net.parameters()[0] = 7; // the numbers of a better pass, say: they stay
        throw std::runtime_error("enough");
    };
    CHECK_THROWS_AS(trainer.fit(batch(reader, 16), batch(reader, 64), Passes{2}, stop), std::runtime_error);
    CHECK(net.parameters()[0] == 7);
}

TEST_CASE("a cost that is no number stops training with the step and the layer, and changes nothing") {
    SmallNet net;
    Trainer trainer(net, CrossEntropy{}, Adam{});
    const auto samples = random_samples<float, SmallNet::input>(40, 4, 5);
    trainer.step(samples);
    net.parameters()[SmallNet::parameter_offset[5] + 1] = std::numeric_limits<float>::quiet_NaN();
    const std::vector<float> state(net.state().begin(), net.state().end());
    CHECK_THROWS_WITH_AS(trainer.step(samples),
                         "training stopped at step 1 of pass 0: the cost is NaN; the first output that is not finite "
                         "is that of layer 5 (Dense<6>)",
                         error);
    CHECK(std::equal(state.begin(), state.end(), net.state().begin()));
}

TEST_CASE("a profile notes each layer's parts and changes nothing") {
    const auto samples = random_samples<float, SmallNet::input>(40, 4, 5);
    SmallNet profiled, plain;
    Trainer trainer(profiled, CrossEntropy{}, Adam{}), other(plain, CrossEntropy{}, Adam{});
    Profile profile;
    trainer.set_profile(&profile);
    trainer.compute_gradients(samples); // before any step: not noted
    trainer.step(samples), other.step(samples);
    trainer.set_profile(nullptr);
    trainer.step(samples), other.step(samples);
    CHECK(std::equal(profiled.parameters().begin(), profiled.parameters().end(), plain.parameters().begin()));
    CHECK(profile.steps() == 1);
    double sum = profile.total(Part::load) + profile.total(Part::loss) + profile.total(Part::update);
    for (int layer = 0; layer < SmallNet::layer_count - 1; ++layer) { // the loss takes over the Softmax
        // pool and activation, into the convolution; the other activation, into the Dense
        const bool fused = layer == 1 || layer == 2 || layer == 6;
        CHECK((profile.total(Part::forward, layer) > 0) == !fused);
        CHECK((profile.total(Part::backward, layer) > 0) == !fused);
        sum += profile.total(Part::pack, layer) + profile.total(Part::forward, layer) +
               profile.total(Part::backward, layer);
    }
    CHECK(sum <= profile.step_seconds());
    CHECK(profile.total(Part::forward, SmallNet::layer_count - 1) == 0);
}

TEST_CASE("predictions of a network, and of its copy") {
    using Layers = Sequential<Conv<3, 2, NoBias>, BatchNorm, Pool<2>, Relu, Dropout<30>, Dense<6>, BatchNorm, Tanh,
                              Dense<4>, Softmax>;
    using In = Input<2, 9, 8>;
    Network<In, Layers, hip::backend> net(Seed{5});
    randomise_vectors(net, 6);
    Network<In, Layers, reference::backend, double> exact;
    std::copy(net.parameters().begin(), net.parameters().end(), exact.parameters().begin());
    std::copy(net.state().begin(), net.state().end(), exact.state().begin());
    const auto samples = random_samples<float, Shape<2, 9, 8>>(70, 4, 7);
    const auto doubles = samples.as<double>();
    const auto model = net.inference();
    const auto copy = model;
    const auto expected_model = exact.inference();
    auto workspace = model.workspace(), other = copy.workspace();
    auto expected_workspace = expected_model.workspace();
    const auto rows = model.predict(samples.images, workspace), same = copy.predict(samples.images, other);
    const auto expected = expected_model.predict(doubles.images, expected_workspace);
    REQUIRE(rows.size() == 70);
    for (std::size_t i = 0; i < 70; ++i) {
        CHECK(rows[i].values == same[i].values);
        for (std::size_t k = 0; k < 4; ++k) CHECK(std::abs(double(rows[i][k]) - expected[i][k]) <= bound<float>);
    }
}

#if !defined(__HIP__) && !defined(__CUDACC__)
TEST_CASE("a step of the MLP is nine launches") {
    const auto samples = random_samples<float, OfMlp::input>(64, 10, 9);
    OfMlp net(Seed{3});
    Trainer trainer(net, CrossEntropy{}, Adam{});
    const long before = hip::host::launches;
    trainer.step(samples);
    CHECK(hip::host::launches - before == 9);
}
#endif
