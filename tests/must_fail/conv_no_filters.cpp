// expect: shape_mismatch<layer<0, Conv<0, 5>>, expected<filters_at_least<1>>, given<Shape<1, 28, 28>>>
// Conv<0,5> gives nothing.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

using Net = Sequential<Conv<0, 5>, Dense<10>>;

Network<Input<1, 28, 28>, Net, reference::backend> net(Seed{1});
