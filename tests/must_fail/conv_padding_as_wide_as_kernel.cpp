// expect: shape_mismatch<layer<0, Conv<20, 5, Padding<5>>>, expected<padding_from_to<0, 4>>, given<Shape<1, 28, 28>>>
// With padding 5 a kernel of 5 would see nothing but padding.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

using Net = Sequential<Conv<20, 5, Padding<5>>, Dense<10>>;

Network<Input<1, 28, 28>, Net, reference::backend> net(Seed{1});
