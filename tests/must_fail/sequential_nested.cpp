// expect: layer<1, Sequential<Relu, Dense<100>>>
// A list of layers is no layer.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

using Net = Sequential<Dense<200>, Sequential<Relu, Dense<100>>, Dense<10>>;

Network<Input<1, 28, 28>, Net, reference::backend> net(Seed{1});
