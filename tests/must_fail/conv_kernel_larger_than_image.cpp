// expect: shape_mismatch<layer<4, Conv<80, 5>>, expected<rows_and_columns_at_least<5, 5>>, given<Shape<50, 4, 4>>>
// A kernel of 5x5 on the 4x4 that two convolutions and pools leave.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

using Net = Sequential<Conv<20, 5>, Pool<2>, Conv<50, 5>, Pool<2>, Conv<80, 5>, Dense<10>>;

Network<Input<1, 28, 28>, Net, reference::backend> net(Seed{1});
