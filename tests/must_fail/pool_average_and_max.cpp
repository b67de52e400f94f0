// expect: shape_mismatch<layer<0, Pool<2, Average, Max>>, expected<each_option_once>, given<Shape<1, 28, 28>>>
// Which of the two is meant?
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

using Net = Sequential<Pool<2, Average, Max>, Dense<10>>;

Network<Input<1, 28, 28>, Net, reference::backend> net(Seed{1});
