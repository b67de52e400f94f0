// expect: loss_mismatch<MeanSquaredError, expected<a_vector_of_class_scores>, given<Shape<20, 24, 24>>>
// The output is a stack of images, no vector of classes.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

Network<Input<1, 28, 28>, Sequential<Conv<20, 5>>, reference::backend> net(Seed{1});
Trainer trainer(net, MeanSquaredError{}, Adam{});
