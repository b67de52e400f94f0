// expect: reader_mismatch<int, expected<a_reader_of_batches>, given<int>>
// A number of samples is no reader.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

Network<Input<1, 28, 28>, Sequential<Dense<10>, Softmax>, reference::backend> net(Seed{1});
Trainer trainer(net, CrossEntropy{}, Adam{});

void fit() { trainer.fit(64, 64, Passes{1}); }
