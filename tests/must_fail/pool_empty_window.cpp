// expect: shape_mismatch<layer<0, Pool<0>>, expected<window_from_to<1, 15>>, given<Shape<1, 28, 28>>>
// A window has at least one row and column.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

using Net = Sequential<Pool<0>, Dense<10>>;

Network<Input<1, 28, 28>, Net, reference::backend> net(Seed{1});
