// expect: shape_mismatch<layer<0, Pool<2, NoBias>>, expected<options<Stride<2>, Padding<0>, Average, Max, Exact>>,
// expect: given<Shape<1, 28, 28>>>
// Pooling has no bias to leave out.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

using Net = Sequential<Pool<2, NoBias>, Dense<10>>;

Network<Input<1, 28, 28>, Net, reference::backend> net(Seed{1});
