// expect: trainer_mismatch<
// expect: InferenceNetwork<Network<Input<1, 28, 28>, Sequential<Dense<10>, Softmax>, reference::backend, double>, true>,
// expect: expected<a_network_with_backward>, given<
// expect: InferenceNetwork<Network<Input<1, 28, 28>, Sequential<Dense<10>, Softmax>, reference::backend, double>, true>>>
// An inference network is const and has no backward.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

Network<Input<1, 28, 28>, Sequential<Dense<10>, Softmax>, reference::backend, double> net(Seed{1});
auto model = net.inference();
Trainer trainer(model, CrossEntropy{}, Adam{});
