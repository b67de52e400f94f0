// expect: no member named 'backward'
// An inference network has no backward.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

Network<Input<1, 28, 28>, Sequential<Dense<10>, Softmax>, reference::backend> net(Seed{1});
auto model = net.inference();

void back() { model.backward(); }
