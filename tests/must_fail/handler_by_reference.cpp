// expect: handler_mismatch<Handler, expected<a_call_with_const_StepEnd_or_PassEnd>, given<Handler>>
// Events are const: it would take const PassEnd&.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

struct Digits {
    using shape = Shape<1, 28, 28>;
    static constexpr int classes = 10;
    void start(unsigned) {}
    bool next(Batch&) { return false; }
    std::size_t batch_size() const { return 64; }
};
struct Handler {
    void operator()(PassEnd&) const {}
};
Network<Input<1, 28, 28>, Sequential<Dense<10>, Softmax>, reference::backend> net(Seed{1});
Trainer trainer(net, CrossEntropy{}, Adam{});

void fit() { trainer.fit(Digits{}, Digits{}, Passes{1}, Handler{}); }
