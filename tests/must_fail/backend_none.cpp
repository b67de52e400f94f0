// expect: the third argument of Network must be a backend, as cpu::backend
// int is no backend.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

Network<Input<1, 28, 28>, Sequential<Dense<10>>, int> net(Seed{1});
