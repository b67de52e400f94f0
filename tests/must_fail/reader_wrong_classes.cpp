// expect: reader_mismatch<classes<100>, expected<classes<10>>, given<classes<100>>>
// A hundred classes for ten outputs.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

struct Digits {
    using shape = Shape<1, 28, 28>;
    static constexpr int classes = 100;
    void start(unsigned) {}
    bool next(Batch&) { return false; }
    std::size_t batch_size() const { return 64; }
};
Network<Input<1, 28, 28>, Sequential<Dense<10>, Softmax>, reference::backend> net(Seed{1});
Trainer trainer(net, CrossEntropy{}, Adam{});

void fit() { trainer.fit(Digits{}, Digits{}, Passes{1}); }
