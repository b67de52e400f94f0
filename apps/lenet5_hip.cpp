// LeNet-5 on the HIP backend. See on_hip.hpp.
#include <apps/on_hip.hpp>
#include <models/lenet5.hpp>

template bool ikebana::apps::run_on_hip<ikebana::models::LeNet5>(const Options&, const std::string&);
