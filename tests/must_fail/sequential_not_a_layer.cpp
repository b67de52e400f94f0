// expect: shape_mismatch<layer<1, int>, expected<a_type_with_the_members_that_layer_hpp_lists>, given<Shape<200>>>
// int has none of a layer's members.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

using Net = Sequential<Dense<200>, int, Dense<10>>;

Network<Input<1, 28, 28>, Net, reference::backend> net(Seed{1});
