// expect: shape_mismatch<layer<0, Conv<4, 7, Padding<1>>>, expected<rows_and_columns_at_least<5, 5>>,
// expect: given<Shape<2, 3, 9>>>
// Padding counts: 3 rows and 1 on each side are 5, not 7.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

using Net = Sequential<Conv<4, 7, Padding<1>>, Dense<10>>;

Network<Input<2, 3, 9>, Net, reference::backend> net(Seed{1});
