// expect: shape_mismatch<layer<0, Pool<3, Padding<2>>>, expected<padding_from_to<0, 1>>, given<Shape<1, 28, 28>>>
// Padding above half the window leaves windows without a pixel.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

using Net = Sequential<Pool<3, Padding<2>>, Dense<10>>;

Network<Input<1, 28, 28>, Net, reference::backend> net(Seed{1});
