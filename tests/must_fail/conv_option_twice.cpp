// expect: shape_mismatch<layer<0, Conv<20, 5, Stride<2>, Stride<3>>>, expected<each_option_once>,
// expect: given<Shape<1, 28, 28>>>
// Which of the two strides is meant?
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

using Net = Sequential<Conv<20, 5, Stride<2>, Stride<3>>, Dense<10>>;

Network<Input<1, 28, 28>, Net, reference::backend> net(Seed{1});
