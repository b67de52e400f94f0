// expect: shape_mismatch<Dense<10>, expected<a_Sequential_of_layers>, given<Dense<10>>>
// One layer is no list of layers.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

Network<Input<1, 28, 28>, Dense<10>, reference::backend> net(Seed{1});
