// Networks learn from the sample of real digits, and remember nothing else: with shuffled labels they test at about 10
// %.
#include <backends/cpu/cpu.hpp>
#include <doctest/doctest.h>
#include <ikebana/ikebana.hpp>
#include <ikebana/io/mnist.hpp>
#include <models/lenet5.hpp>
#include <models/mlp.hpp>

#include <numeric>

using namespace ikebana;

namespace {

const Mnist& digits() {
    static const Mnist sample(IKEBANA_SOURCE_ROOT "/apps/data/mnist-sample");
    return sample;
}

/// Trains on `train` with batches of 64 and Adam 0.001; accuracy on the true test digits.
template <class Layers, class Reader>
double accuracy(Reader train, int passes, Seed seed = {1}) {
    Network<Input<1, 28, 28>, Layers, cpu::backend> net(seed);
    Trainer trainer(net, CrossEntropy{}, Adam{.learning_rate = 1e-3f}, Threads{2});
    const auto history = trainer.fit(batch(shuffle(train, 2000, seed), 64), batch(digits().test(), 64), Passes{passes});
    CHECK(history.back().train_cost < history.front().train_cost);
    return history.back().test_accuracy;
}

/// The training digits, each with the label of another.
struct ShuffledLabels {
    using shape = Shape<1, 28, 28>;
    using sample = MnistReader::sample;
    static constexpr int classes = 10;

    MnistReader reader = digits().train();
    std::vector<int> labels;
    std::size_t at = 0;

    ShuffledLabels() {
        for (std::size_t i = 0; i < reader.size(); ++i) labels.push_back(reader.label(i));
        Random random(Seed{31}, Stream::test);
        for (std::size_t i = labels.size(); i > 1; --i)
            std::swap(labels[i - 1], labels[random.below(static_cast<std::uint32_t>(i))]);
    }
    std::size_t size() const { return labels.size(); }
    void start(unsigned pass) { reader.start(pass), at = 0; }
    bool next(sample& s) {
        if (!reader.next(s)) return false;
        s.label = labels[at++];
        return true;
    }
};

struct WithoutRelu : Sequential<Conv<20, 5>, Pool<2>, BatchNorm, Conv<50, 5>, Pool<2>, Dense<10>, Softmax> {};

} // namespace

TEST_CASE("LeNet-5 learns the sample, a multilayer perceptron too") {
    CHECK(accuracy<models::LeNet5>(digits().train(), 3) > 0.86);
    CHECK(accuracy<models::Mlp>(digits().train(), 5) > 0.82);
}

TEST_CASE("LeNet-5 as the card spells it, without ReLU, learns the sample") {
    CHECK(accuracy<WithoutRelu>(digits().train(), 3) > 0.84);
}

TEST_CASE("with shuffled labels a network tests at about 10 %") {
    const ShuffledLabels train;
    int same = 0;
    for (std::size_t i = 0; i < train.size(); ++i) same += train.labels[i] == train.reader.label(i);
    CHECK(std::abs(same - 200) < 60); // a tenth of 2,000 keep theirs by chance
    double tested = 0;
    for (const std::uint64_t seed : {1, 2, 3}) tested += accuracy<models::Mlp>(train, 5, Seed{seed}) / 3;
    CHECK(tested > 0.06); // 500 digits, three networks: deviation about 0.02
    CHECK(tested < 0.14);
    tested = accuracy<models::LeNet5>(train, 2);
    CHECK(tested > 0.04);
    CHECK(tested < 0.16);
}
