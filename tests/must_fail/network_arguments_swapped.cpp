// expect: shape_mismatch<Sequential<Dense<10>, Softmax>, expected<an_Input>,
// expect: given<Sequential<Dense<10>, Softmax>>>
// The input comes first.
#include <ikebana/ikebana.hpp>

#include <backends/reference/reference.hpp>

using namespace ikebana;

Network<Sequential<Dense<10>, Softmax>, Input<1, 28, 28>, reference::backend> net(Seed{1});
