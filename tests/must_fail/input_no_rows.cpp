// expect: shape_mismatch<Input<>, expected<sizes_of_at_least_one>, given<Shape<0, 28, 28>>>
// Every size is at least 1.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

using Net = Sequential<Dense<10>>;

Network<Input<0, 28, 28>, Net, reference::backend> net(Seed{1});
