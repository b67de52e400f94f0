// expect: reader_mismatch<sample_shape, expected<Shape<1, 28, 28>>, given<Shape<1, 32, 32>>>
// Samples of 32x32 for a network of 28x28.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

struct Digits {
    using shape = Shape<1, 32, 32>;
    static constexpr int classes = 10;
    void start(unsigned) {}
    bool next(Batch&) { return false; }
    std::size_t batch_size() const { return 64; }
};
Network<Input<1, 28, 28>, Sequential<Dense<10>, Softmax>, reference::backend> net(Seed{1});
Trainer trainer(net, CrossEntropy{}, Adam{});

void fit() { trainer.fit(Digits{}, Digits{}, Passes{1}); }
