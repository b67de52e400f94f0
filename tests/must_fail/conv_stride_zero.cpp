// expect: shape_mismatch<layer<0, Conv<20, 5, Stride<0>>>, expected<stride_at_least<1>>, given<Shape<1, 28, 28>>>
// A stride of 0 never moves on.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

using Net = Sequential<Conv<20, 5, Stride<0>>, Dense<10>>;

Network<Input<1, 28, 28>, Net, reference::backend> net(Seed{1});
