// expect: shape_mismatch<layer<0, Conv<20, 5>>, expected<an_image_of_channels_rows_columns>, given<Shape<784>>>
// Input<784> is a vector, not an image.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

using Net = Sequential<Conv<20, 5>, Dense<10>>;

Network<Input<784>, Net, reference::backend> net(Seed{1});
