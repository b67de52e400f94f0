// expect: shape_mismatch<layer<0, Conv<20, 5, Exact>>, expected<options<Stride<1>, Padding<0>, NoBias>>,
// expect: given<Shape<1, 28, 28>>>
// Exact is an option of pooling.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

using Net = Sequential<Conv<20, 5, Exact>, Dense<10>>;

Network<Input<1, 28, 28>, Net, reference::backend> net(Seed{1});
