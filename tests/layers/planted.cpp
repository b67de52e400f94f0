// The checks find wrong backward passes: each layer here computes the right output and a wrong gradient, of a kind that
// is easily written by accident. The layer alone must be found, and a network that holds it, too; the right layers, in
// the same places, must pass. Next to read: tests/support/gradients.hpp.
#include <doctest/doctest.h>
#include <tests/support/gradients.hpp>

using namespace ikebana;
using namespace ikebana::test;

namespace {

// ---- Dense

struct ForgottenBias : Dense<4> {
    template <class In>
    static void backward(auto backend, auto dx, auto dp, auto dy, auto, auto x, auto p, auto& context) {
        dense_backward_weight(backend, std::get<0>(dp), dy, x, context.scratch);
        if constexpr (!is_nothing<decltype(dx)>) dense_backward_input(backend, dx, std::get<0>(p), dy);
    }
};

/// dx = W dy instead of Wᵀ dy; sizes hide it where W is square.
struct TransposedWeight : Dense<4> {
    template <class In>
    static void backward(auto backend, auto dx, auto dp, auto dy, auto y, auto x, auto p, auto& context) {
        static_assert(In::size == 4);
        Dense<4>::backward<In>(backend, Nothing{}, dp, dy, y, x, p, context);
        if constexpr (!is_nothing<decltype(dx)>) dense_forward(backend, dx, dy, std::get<0>(p), Nothing{});
    }
};

/// dW = instead of +=: right for one tile, wrong for more.
struct OverwrittenGradient : Dense<4> {
    template <class In>
    static void backward(auto backend, auto dx, auto dp, auto dy, auto y, auto x, auto p, auto& context) {
        std::get<0>(dp).fill(0);
        Dense<4>::backward<In>(backend, dx, dp, dy, y, x, p, context);
    }
};

// ---- activations

/// The threshold of the derivative is not that of the function.
struct OtherThreshold : Relu {
    template <class In>
    static void backward(auto, auto dx, auto, auto dy, auto, auto x, auto, auto&) {
        if constexpr (!is_nothing<decltype(dx)>)
            for (std::size_t i = 0; i < dx.size; ++i) dx.data[i] = x.data[i] >= -0.5 ? dy.data[i] : 0;
    }
};

struct TanhOfInput : Tanh {
    template <class In>
    static void backward(auto backend, auto dx, auto, auto dy, auto, auto x, auto, auto&) {
        if constexpr (!is_nothing<decltype(dx)>) assign(backend, dx, dy * (1.0 - x * x)); // y, not x
    }
};

struct WrongSign : Sigmoid {
    template <class In>
    static void backward(auto backend, auto dx, auto, auto dy, auto y, auto, auto, auto&) {
        if constexpr (!is_nothing<decltype(dx)>) assign(backend, dx, dy * (y * (y - 1.0)));
    }
};

// ---- pooling and convolution

struct MissingScale : Pool<2, Average> {
    template <class In>
    static void backward(auto backend, auto dx, auto, auto dy, auto, auto, auto, auto&) {
        if constexpr (!is_nothing<decltype(dx)>) {
            average_pool_backward(backend, geometry<In>{}, dx, dy);
            assign(backend, dx, dx * 4.0);
        }
    }
};

/// The gradient goes to the row below the one that won.
struct OffByOneRow : Pool<2> {
    template <class In>
    static void backward(auto, auto dx, auto, auto dy, auto, auto, auto, auto& context) {
        if constexpr (!is_nothing<decltype(dx)>) {
            std::fill_n(dx.data, dx.size, 0.0);
            const auto* won = reinterpret_cast<const double*>(context.cache);
            reference::each_window_place<geometry<In>>([&](int yi, int place, int xi) {
                if (won[yi] == place) dx.data[(xi + In::sizes[2]) % static_cast<int>(In::size)] += dy.data[yi];
            });
        }
    }
};

/// Strides of 1 in dx, though the convolution's is 2.
struct ForgottenStride : Conv<3, 3, Stride<2>> {
    template <class In>
    static void backward(auto backend, auto dx, auto dp, auto dy, auto y, auto x, auto p, auto& context) {
        using G = geometry<In>;
        Conv<3, 3, Stride<2>>::backward<In>(backend, Nothing{}, dp, dy, y, x, p, context);
        if constexpr (!is_nothing<decltype(dx)>) {
            std::fill_n(dx.data, dx.size, 0.0);
            for (int k = 0; k < G::K; ++k)
                for (int c = 0; c < G::C; ++c)
                    for (int i = 0; i < G::P * G::Q * G::R * G::S; ++i) {
                        const int s = i % G::S, r = i / G::S % G::R, q = i / (G::S * G::R) % G::Q,
                                  row = i / (G::S * G::R * G::Q);
                        dx.data[(c * G::H + row + r) * G::W + q + s] +=
                            std::get<0>(p).data[((k * G::C + c) * G::R + r) * G::S + s] *
                            dy.data[(k * G::P + row) * G::Q + q];
                    }
        }
    }
};

// ---- layers with more than a derivative

/// Mean and variance taken as constants: the rest of the batch is forgotten.
struct ForgottenBatch : BatchNorm {
    template <class In, class T>
    static void backward(auto backend, auto dx, auto dy, auto, auto p, const T* batch, auto&) {
        assign(backend, dx, PerChannel<T>{std::get<0>(p).data} * PerChannel<T>{batch + 2 * channels<In>} * dy);
    }
};

struct ForgottenMask : Dropout<50> {
    template <class In>
    static void backward(auto backend, auto dx, auto, auto dy, auto, auto, auto, auto&) {
        if constexpr (!is_nothing<decltype(dx)>) assign(backend, dx, dy);
    }
};

/// What the checks find in a layer on its own, and in a network where a trained layer lies below it.
template <class In, class Below, class L, class... Above>
void find(std::size_t& alone, std::size_t& whole) {
    using Net = Network<In, Sequential<Below, L, Above..., Dense<3>, Softmax>, reference::backend, double>;
    Findings layer, network;
    check_layer<typename Net::template bound<1>>(layer);
    check_whole<Net, CrossEntropy>(network);
    alone = layer.list.size(), whole = network.list.size();
}

template <class In, class Below, class Wrong, class Right, class... Above>
void must_find() {
    std::size_t alone = 0, whole = 0;
    find<In, Below, Wrong, Above...>(alone, whole);
    CHECK(alone > 0);
    CHECK(whole > 0);
    find<In, Below, Right, Above...>(alone, whole);
    CHECK(alone == 0);
    CHECK(whole == 0);
}

} // namespace

TEST_CASE("a forgotten gradient of a bias is found") { must_find<Input<5>, Dense<4>, ForgottenBias, Dense<4>>(); }
TEST_CASE("a transposed weight is found") { must_find<Input<5>, Dense<4>, TransposedWeight, Dense<4>>(); }
TEST_CASE("an overwritten gradient is found") { must_find<Input<5>, Dense<4>, OverwrittenGradient, Dense<4>>(); }
TEST_CASE("a ReLU with another threshold is found") { must_find<Input<5>, Dense<16>, OtherThreshold, Relu>(); }
TEST_CASE("a tanh derived by its input is found") { must_find<Input<5>, Dense<4>, TanhOfInput, Tanh>(); }
TEST_CASE("a wrong sign is found") { must_find<Input<5>, Dense<4>, WrongSign, Sigmoid>(); }
TEST_CASE("a missing scale is found") { must_find<Input<1, 6, 6>, Conv<2, 3>, MissingScale, Pool<2, Average>>(); }
TEST_CASE("a gradient one row too low is found") { must_find<Input<1, 6, 6>, Conv<2, 3>, OffByOneRow, Pool<2>>(); }
TEST_CASE("a forgotten stride is found") {
    must_find<Input<1, 9, 9>, Conv<2, 3>, ForgottenStride, Conv<3, 3, Stride<2>>>();
}
TEST_CASE("a forgotten batch is found") { must_find<Input<1, 6, 6>, Conv<2, 3>, ForgottenBatch, BatchNorm, Tanh>(); }
TEST_CASE("a forgotten mask is found") { must_find<Input<5>, Dense<8>, ForgottenMask, Dropout<50>>(); }
