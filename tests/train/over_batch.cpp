// Large Dense layers, which train over the whole batch in tasks of their outputs, beside each other and beside layers
// that meet: gradients against the reference backend in double, and the same bits for any number of threads.
#include <backends/cpu/cpu.hpp>
#include <backends/reference/reference.hpp>
#include <doctest/doctest.h>
#include <ikebana/ikebana.hpp>
#include <tests/support/findings.hpp>
#include <tests/support/samples.hpp>

using namespace ikebana;
using namespace ikebana::test;

namespace {

using Image = Shape<2, 9, 8>;
using Layers = Sequential<Dense<128>, BatchNorm, Sigmoid, Dense<130, NoBias>, Dense<131>, Tanh, BatchNorm, Dense<128>,
                          Tanh, Dense<135>, Sigmoid, Tanh, Dense<3>, Softmax>;
template <class Backend, class T>
using Net = Network<Input<2, 9, 8>, Layers, Backend, T>;
using Large = Program<Net<cpu::backend, float>, CrossEntropy>;
static_assert(Large::is_over_batch<0> && Large::is_over_batch<3> && Large::is_over_batch<4> &&
              Large::is_over_batch<7> && Large::is_over_batch<9> && !Large::is_over_batch<12>);
static_assert(Large::segments == 8 && Large::cut.segments[0] == Segment{0, 0} &&
              Large::cut.segments[3] == Segment{3, 4});

// An elementwise layer goes forward with the layer over the batch before it, and back with the one after it.
constexpr auto in_tasks = Large::in_tasks;
static_assert(!in_tasks[2].forward && in_tasks[2].backward && in_tasks[5].forward && !in_tasks[5].backward);
static_assert(in_tasks[8].forward && in_tasks[8].backward && in_tasks[10].forward && !in_tasks[11].forward);
static_assert(!Large::has_forward_region(6) && !Large::has_backward_region(6));

template <class T, class N>
std::vector<T> gradients(N& net, const auto& samples, int threads) {
    Trainer trainer(net, CrossEntropy{}, Sgd{}, Threads{threads});
    trainer.compute_gradients(samples);
    return {trainer.gradients().begin(), trainer.gradients().end()};
}

} // namespace

TEST_CASE("threads: gradients over the batch agree with the reference, whatever the threads and the batch") {
    for (const int kind : {0, 1, 2, 3, 4, 5, 6, 7}) {
        const std::size_t n = std::array<std::size_t, 4>{2, 16, 37, 150}[static_cast<std::size_t>(kind % 4)];
        const bool background = kind >= 4; // four numbers of five: the first layer then lists the others
        CAPTURE(n);
        CAPTURE(background);
        auto samples = random_samples<float, Image>(n, 3, static_cast<std::uint32_t>(n));
        if (background)
            for (std::size_t i = 0; i < samples.images.size(); ++i)
                if (i % 5 != 1) samples.images.data()[i] = -1;
        Net<cpu::backend, float> net(Seed{3});
        Net<reference::backend, double> exact(Seed{3});
        std::copy(net.parameters().begin(), net.parameters().end(), exact.parameters().begin());
        const auto one = gradients<float>(net, samples, 1);
        for (const int threads : {2, 3, 4}) {
            CAPTURE(threads);
            CHECK(gradients<float>(net, samples, threads) == one);
        }
        // A step takes the same gradients, which it keeps nowhere.
        for (const int threads : {1, 3}) {
            Net<cpu::backend, float> stepped(Seed{3});
            const Sgd sgd{.momentum = 0};
            Trainer trainer(stepped, CrossEntropy{}, sgd, Threads{threads});
            trainer.step(samples);
            float worst = 0;
            for (std::size_t i = 0; i < one.size(); ++i) {
                const float after = net.parameters()[i] - static_cast<float>(sgd.learning_rate) * one[i];
                worst = std::max(worst, std::abs(stepped.parameters()[i] - after));
            }
            CHECK(worst < 1e-6f);
        }
        const auto expected = gradients<double>(exact, samples.as<double>(), 1);
        CHECK(relative_error(span_of(one), span_of(expected)) < 1e-4);
    }
}
