// DenseActivation<Dense<…>, F>: Dense and an activation as one, so that what is between them never reaches memory.
// Nobody writes it: the fusion pass (network/fuse.hpp) puts it where they follow each other and the backend says
// fuses_dense.
//   y = F(W x + b)      dz = dy · F'(…), which follows from y; dW += dz xᵀ, db += Σ dz, dx = Wᵀ dz
#pragma once
#include <ikebana/layers/dense.hpp>

namespace ikebana {

/// dy · F'(…) where y is F's output: what the gradients of a layer below F read in place of dy.
template <class F, class DY, class Y>
struct ActivationGradient {
    using shape = typename DY::shape;
    DY dy;
    Y y;
};

template <class D, class F>
struct DenseActivation : D {
    template <class In>
    static void forward(auto backend, auto y, auto x, auto p, auto&) {
        dense_activation_forward(backend, F{}, y, x, get<0>(p), bias_of<D::has_bias>(p));
    }

    template <class In>
    static void backward(auto backend, auto dx, auto dp, auto dy, auto y, auto x, auto p, auto& context) {
        const ActivationGradient<F, decltype(dy), decltype(y)> dz{dy, y};
        dense_gradients(backend, dx, get<0>(dp), bias_of<D::has_bias>(dp), dz, x, get<0>(p), context.scratch);
    }

    static std::string name() { return D::name() + "+"; }
};

} // namespace ikebana
