// Layers that treat each value alone, y = f(x). Elementwise<L> makes a layer of a struct that writes its forward line
// only, as an expression; the derivative comes from the expression's type, evaluated on duals:
//   struct Swish : Elementwise<Swish> { static auto apply(auto x) { return x * sigmoid(x); } };
// Activation<F> does the same for one functor and uses its derivative from the output where there is one. A layer
// derived from it that says `fusible` is itself has nothing but a name besides: the layer before it may do F
// (network/fuse.hpp). Next to read: functors/relu.hpp, tensor/expression.hpp.
#pragma once
#include <ikebana/layers/layer.hpp>

namespace ikebana {

template <class L>
struct Elementwise {
    static constexpr bool elementwise = true;

    template <class In>
    static consteval auto output() {
        return In{};
    }

    template <class In>
    static void forward(auto backend, auto y, auto x, auto, auto&) {
        assign(backend, y, L::apply(x));
    }

    template <class In>
    static void backward(auto backend, auto dx, auto, auto dy, auto, auto x, auto, auto&) {
        if constexpr (!is_nothing<decltype(dx)>) assign(backend, dx, dy * slope(L::apply(variable(x))));
    }
};

template <class F>
struct Activation {
    using functor = F;
    static constexpr bool elementwise = true;

    template <class In>
    static consteval auto output() {
        return In{};
    }

    template <class In>
    static void forward(auto backend, auto y, auto x, auto, auto&) {
        assign(backend, y, map_with(F{}, x));
    }

    template <class In>
    static void backward(auto backend, auto dx, auto, auto dy, auto y, auto x, auto, auto&) {
        if constexpr (is_nothing<decltype(dx)>)
            return;
        else if constexpr (F::derivative_from_output)
            assign(backend, dx, dy * map_with(functors::derivative_from_output<F>{}, y));
        else
            assign(backend, dx, dy * slope(map_with(F{}, variable(x))));
    }
};

struct Relu : Activation<functors::relu> {
    using fusible = Relu;
    static std::string name() { return "Relu"; }
};
struct Sigmoid : Activation<functors::sigmoid> {
    using fusible = Sigmoid;
    static std::string name() { return "Sigmoid"; }
};
struct Tanh : Activation<functors::tanh> {
    using fusible = Tanh;
    static std::string name() { return "Tanh"; }
};

} // namespace ikebana
