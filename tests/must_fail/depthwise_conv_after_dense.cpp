// expect: shape_mismatch<layer<2, DepthwiseConv<3>>, expected<an_image_of_channels_rows_columns>, given<Shape<200>>>
// A vector has no rows and columns.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

using Net = Sequential<Dense<200>, Relu, DepthwiseConv<3>>;

Network<Input<1, 28, 28>, Net, reference::backend> net(Seed{1});
