// expect: shape_mismatch<layer<0, Conv<20, 0>>, expected<kernel_size_at_least<1>>, given<Shape<1, 28, 28>>>
// A kernel has at least one row and column.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

using Net = Sequential<Conv<20, 0>, Dense<10>>;

Network<Input<1, 28, 28>, Net, reference::backend> net(Seed{1});
