// compiles
// The control: LeNet-5 trains.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

using LeNet5 = Sequential<Conv<20, 5>, Pool<2>, BatchNorm, Conv<50, 5>, Pool<2>, Dense<10>, Softmax>;

Network<Input<1, 28, 28>, LeNet5, reference::backend> net(Seed{1});
Trainer trainer(net, CrossEntropy{}, Adam{.learning_rate = 1e-3f});

double step(const Batch& batch) { return trainer.step(batch); }
