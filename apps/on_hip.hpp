// A digit classifier on the HIP backend, as a unit of its own: MODEL_hip.cpp instantiates it, so that only that file
// needs the GPU's compiler, and programs without it nothing of this.
#pragma once
#include <apps/classifier.hpp>
#include <backends/hip/hip.hpp>

namespace ikebana::apps {

template <class Layers>
bool run_on_hip(const Options& options, const std::string& name) {
    if (options.device == Device::automatic && !hip::gpu_found()) return false;
    hip::require_device(); // before anything is read or written
    Classifier<Layers, hip::backend>::run(options, name);
    return true;
}

} // namespace ikebana::apps
