// The multilayer perceptron on the HIP backend. See on_hip.hpp.
#include <apps/on_hip.hpp>
#include <models/mlp.hpp>

template bool ikebana::apps::run_on_hip<ikebana::models::Mlp>(const Options&, const std::string&);
