// expect: shape_mismatch<layer<1, Sequential<Relu, Dense<100>>>,
// expect: expected<a_type_with_the_members_that_layer_hpp_lists>, given<Shape<200>>>
// A list of layers is no layer.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

using Net = Sequential<Dense<200>, Sequential<Relu, Dense<100>>, Dense<10>>;

Network<Input<1, 28, 28>, Net, reference::backend> net(Seed{1});
