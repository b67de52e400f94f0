// expect: shape_mismatch<layer<1, Dropout<-1>>, expected<per_cent_from_to<0, 99>>, given<Shape<200>>>
// Per cent, from 0 to 99.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

using Net = Sequential<Dense<200>, Dropout<-1>, Dense<10>>;

Network<Input<1, 28, 28>, Net, reference::backend> net(Seed{1});
