// An optimiser chosen at run time, so that a program holds one Trainer instead of one for each optimiser.
#pragma once
#include <apps/options.hpp>
#include <ikebana/optim/adam.hpp>
#include <ikebana/optim/sgd.hpp>

namespace ikebana::apps {

struct ChosenOptimizer {
    OptimizerChoice choice = OptimizerChoice::adam;
    double learning_rate = 1e-3;

    static constexpr int arrays = 2;

    template <class T>
    void update(auto backend, std::size_t n, T* w, std::array<T*, arrays> state, Expression auto gradient, long step,
                double rate) const {
        if (choice == OptimizerChoice::adam)
            Adam{}.update(backend, n, w, state, gradient, step, rate);
        else
            Sgd{}.update(backend, n, w, std::array<T*, 1>{state[0]}, gradient, step, rate);
    }
};

} // namespace ikebana::apps
