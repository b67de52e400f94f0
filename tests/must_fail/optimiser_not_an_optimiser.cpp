// expect: trainer_mismatch<Relu, expected<an_optimizer>, given<Relu>>
// Relu is a layer.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

Network<Input<1, 28, 28>, Sequential<Dense<10>, Softmax>, reference::backend> net(Seed{1});
Trainer trainer(net, CrossEntropy{}, Relu{});
