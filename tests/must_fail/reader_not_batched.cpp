// expect: reader_mismatch<Digits, expected<a_reader_of_batches>, given<Digits>>
// fit() takes batches: batch(reader, 64) is missing.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

Network<Input<1, 28, 28>, Sequential<Dense<10>, Softmax>, reference::backend> net(Seed{1});
Trainer trainer(net, CrossEntropy{}, Adam{});

struct Digits {
    using shape = Shape<1, 28, 28>;
    static constexpr int classes = 10;
    struct sample {
        const float* image = nullptr;
        int label = 0;
    };
    void start(unsigned) {}
    bool next(sample&) { return false; }
};

void fit() { trainer.fit(Digits{}, Digits{}, Passes{1}); }
