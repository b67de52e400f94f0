// expect: shape_mismatch<Sequential<>, expected<at_least_one_layer>, given<Shape<1, 28, 28>>>
// A network has at least one layer.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

using Net = Sequential<>;

Network<Input<1, 28, 28>, Net, reference::backend> net(Seed{1});
