// expect: shape_mismatch<layer<1, Dropout<100>>, expected<per_cent_from_to<0, 99>>, given<Shape<200>>>
// Nothing would be left to scale up.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

using Net = Sequential<Dense<200>, Dropout<100>, Dense<10>>;

Network<Input<1, 28, 28>, Net, reference::backend> net(Seed{1});
