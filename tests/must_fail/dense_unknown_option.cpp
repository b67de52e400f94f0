// expect: shape_mismatch<layer<0, Dense<10, Stride<2>>>,
// expect: expected<options<NoBias, init::HeNormal, init::XavierUniform>>, given<Shape<1, 28, 28>>>
// Dense has no stride.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

using Net = Sequential<Dense<10, Stride<2>>>;

Network<Input<1, 28, 28>, Net, reference::backend> net(Seed{1});
