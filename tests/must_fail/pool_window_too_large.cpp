// expect: shape_mismatch<layer<0, Pool<16>>, expected<window_from_to<1, 15>>, given<Shape<1, 28, 28>>>
// Where a maximum was found is kept in a byte.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

using Net = Sequential<Pool<16>, Dense<10>>;

Network<Input<1, 28, 28>, Net, reference::backend> net(Seed{1});
