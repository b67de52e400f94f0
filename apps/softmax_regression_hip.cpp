// Softmax regression on the HIP backend. See on_hip.hpp.
#include <apps/on_hip.hpp>
#include <models/softmax_regression.hpp>

template bool ikebana::apps::run_on_hip<ikebana::models::SoftmaxRegression>(const Options&, const std::string&);
