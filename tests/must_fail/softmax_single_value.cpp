// expect: shape_mismatch<layer<1, Softmax>, expected<values_at_least<2>>, given<Shape<1>>>
// The softmax of one value is 1, whatever it is.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

using Net = Sequential<Dense<1>, Softmax>;

Network<Input<1, 28, 28>, Net, reference::backend> net(Seed{1});
