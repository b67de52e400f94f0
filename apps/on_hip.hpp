// A digit classifier on the HIP backend, as a unit of its own: MODEL_hip.cpp instantiates it, so that only that file
// needs the GPU's compiler, and programs without it nothing of this.
#pragma once
#include <apps/classifier.hpp>
#include <backends/hip/hip.hpp>

namespace ikebana::apps {

template <class Layers>
void run_on_hip(const Options& options, const std::string& name) {
    hip::require_device(); // before anything is read or written
    Classifier<Layers, hip::backend>::run(options, name);
}

} // namespace ikebana::apps
