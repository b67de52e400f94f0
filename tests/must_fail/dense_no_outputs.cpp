// expect: shape_mismatch<layer<1, Dense<0>>, expected<outputs_at_least<1>>, given<Shape<1, 28, 28>>>
// Dense<0> gives nothing.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

using Net = Sequential<Relu, Dense<0>>;

Network<Input<1, 28, 28>, Net, reference::backend> net(Seed{1});
