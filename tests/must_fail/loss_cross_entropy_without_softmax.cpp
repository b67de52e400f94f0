// expect: loss_mismatch<CrossEntropy, expected<Softmax_as_the_last_layer>, given<Dense<10>>>
// Cross-entropy is the logarithm of Softmax's output.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

Network<Input<1, 28, 28>, Sequential<Dense<10>>, reference::backend> net(Seed{1});
Trainer trainer(net, CrossEntropy{}, Adam{});
