// expect: shape_mismatch<layer<2, Pool<2>>, expected<an_image_of_channels_rows_columns>, given<Shape<200>>>
// A vector has no rows and columns.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

using Net = Sequential<Conv<20, 5>, Dense<200>, Pool<2>>;

Network<Input<1, 28, 28>, Net, reference::backend> net(Seed{1});
