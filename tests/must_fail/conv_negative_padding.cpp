// expect: shape_mismatch<layer<0, Conv<20, 5, Padding<-1>>>, expected<padding_from_to<0, 4>>, given<Shape<1, 28, 28>>>
// Padding cannot take pixels away.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

using Net = Sequential<Conv<20, 5, Padding<-1>>, Dense<10>>;

Network<Input<1, 28, 28>, Net, reference::backend> net(Seed{1});
