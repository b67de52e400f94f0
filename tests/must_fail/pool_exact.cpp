// expect: shape_mismatch<layer<2, Pool<3, Exact>>, expected<rows_and_columns_covered_exactly_by<window<3>, Stride<3>>>,
// expect: given<Shape<20, 26, 26>>>
// 24 rows are covered by windows of 3, 26 are not.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

using Net = Sequential<Conv<20, 3>, Relu, Pool<3, Exact>, Dense<10>>;

Network<Input<1, 28, 28>, Net, reference::backend> net(Seed{1});
