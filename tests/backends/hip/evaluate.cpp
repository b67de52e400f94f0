// evaluate on the HIP backend: the reference's cost, accuracy and classes, whatever the batches, whether samples are
// copied or on the device already, and whenever streams do their work.
#include "compare.hpp"

#include <ikebana/ikebana.hpp>
#include <tests/support/samples.hpp>

#include <set>

using namespace ikebana;
using namespace ikebana::test;
using hip::test::Late;
using hip::test::OrdersCompared;

namespace {

template <class Backend, class T = float>
using Net = Network<Input<2, 9, 8>,
                    Sequential<Conv<3, 2>, Pool<2>, Sigmoid, BatchNorm, Dropout<20>, Dense<6>, Tanh, Dense<5>, Softmax>,
                    Backend, T>;

template <class Of>
Of random_net() {
    Of net(Seed{3});
    randomise_vectors(net, 4);
    for (auto& w : net.parameters()) w *= 2; // answers that differ
    return net;
}

auto samples_of(std::size_t n) { return random_samples<float, Shape<2, 9, 8>>(n, 5, 9); }

template <class Loss, class Of>
Evaluation evaluate_all(const Of& net, std::size_t n, std::size_t size, std::vector<int>* predicted = nullptr) {
    const auto samples = samples_of(n);
    typename Of::backend::workers workers(1);
    return evaluate<Loss>(net.inference(), batch(from_arrays<Shape<2, 9, 8>, 5>(samples.images, samples.labels), size),
                          workers, predicted);
}

template <class Loss>
void compare_evaluations() {
    const OrdersCompared compared;
    const auto device = random_net<Net<hip::backend>>();
    const auto exact = random_net<Net<reference::backend>>();
    for (const std::size_t n : {1u, 32u, 70u, 200u})
        for (const std::size_t size : {1u, 31u, 64u, 300u}) {
            if (n > 70 && size == 1) continue;
            CAPTURE(n);
            CAPTURE(size);
            std::vector<int> classes, expected;
            const Evaluation a = evaluate_all<Loss>(device, n, size, &classes);
            const Evaluation b = evaluate_all<Loss>(exact, n, size, &expected);
            CHECK(a.cost == doctest::Approx(b.cost).epsilon(hip::test::bound<float>));
            CHECK(a.samples == b.samples);
            CHECK(a.accuracy == b.accuracy);
            CHECK(classes == expected);
        }
}

} // namespace

TEST_CASE("evaluate on the device gives the reference's cost, accuracy and classes") {
    compare_evaluations<CrossEntropy>();
    compare_evaluations<MeanSquaredError>();
    std::vector<int> classes;
    evaluate_all<CrossEntropy>(random_net<Net<hip::backend>>(), 200, 64, &classes);
    CHECK(std::set<int>(classes.begin(), classes.end()).size() > 1);
}

TEST_CASE("batches of any sizes, one after the other, and no batch") {
    const auto model = random_net<Net<hip::backend>>().inference();
    const auto samples = samples_of(150);
    hip::backend::workers workers(1);
    for (const bool late : {false, true}) {
        const Late with(late);
        Evaluator<CrossEntropy, decltype(model)> parts(model, workers), whole(model, workers);
        CHECK_THROWS_WITH_AS(parts.result(), "evaluate: the reader gave no sample", error);
        std::size_t at = 0;
        for (const std::size_t n : {3u, 40u, 7u, 33u, 1u, 66u}) parts.add(samples.part(at, n), nullptr), at += n;
        REQUIRE(at == 150);
        whole.add(samples, nullptr);
        CHECK(parts.result().cost == doctest::Approx(whole.result().cost).epsilon(1e-6));
        CHECK(parts.result().accuracy == whole.result().accuracy);
        CHECK(parts.result().samples == 150);
        auto wrong = samples.part(0, 5);
        wrong.labels.data()[2] = 5;
        CHECK_THROWS_WITH_AS(parts.add(wrong, nullptr), "batch: label 5 of sample 2: expected 0 … 4", error);
        CHECK(parts.result().samples == 150);
    }
}

TEST_CASE("test samples that stay on the device give the evaluation of those that are copied, each time") {
    using Tested = Net<hip::backend>;
    const auto net = random_net<Tested>();
    const auto model = net.inference();
    const auto samples = samples_of(150);
    auto reader = batch(from_arrays<Shape<2, 9, 8>, 5>(samples.images, samples.labels), 64);
    hip::backend::workers workers(1);
    for (const bool late : {false, true}) {
        const Late with(late);
        const Evaluation copied = evaluate<CrossEntropy>(model, reader, workers);
        DeviceTests<Tested, decltype(reader)> tests(reader);
        for (int pass = 0; pass < 2; ++pass) {
            const Evaluation stored = tests.template evaluate<CrossEntropy>(model, workers);
            CHECK(stored.cost == copied.cost);
            CHECK(stored.accuracy == copied.accuracy);
            CHECK(stored.samples == 150);
        }
    }
}
