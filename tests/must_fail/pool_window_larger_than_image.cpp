// expect: shape_mismatch<layer<3, Pool<3>>, expected<rows_and_columns_at_least<3, 3>>, given<Shape<20, 2, 2>>>
// A window of 3x3 on 2x2.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

using Net = Sequential<Conv<20, 5>, Pool<12>, Relu, Pool<3>, Dense<10>>;

Network<Input<1, 28, 28>, Net, reference::backend> net(Seed{1});
