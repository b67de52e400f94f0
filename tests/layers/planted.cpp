// The checks find wrong backward passes: each layer here computes the right output and a wrong gradient, of a kind that
// is easily written by accident. The one call that tests of networks make must find it in its layer, and the gradients
// of a whole network must show it; the right layers must pass. Next to read: tests/support/network_suite.hpp.
#include <doctest/doctest.h>
#include <tests/support/network_suite.hpp>

#include <set>

using namespace ikebana;
using namespace ikebana::test;

namespace {

// ---- Dense

struct ForgottenBias : Dense<4> {
    template <class In>
    static void backward(auto backend, auto dx, auto dp, auto dy, auto, auto x, auto p, auto& context) {
        dense_backward_weight(backend, get<0>(dp), Nothing{}, dy, x, context.scratch);
        if constexpr (!is_nothing<decltype(dx)>) dense_backward_input(backend, dx, get<0>(p), dy);
    }
};

/// dx = W dy instead of Wᵀ dy; sizes hide it where W is square.
struct TransposedWeight : Dense<4> {
    template <class In>
    static void backward(auto backend, auto dx, auto dp, auto dy, auto y, auto x, auto p, auto& context) {
        static_assert(In::size == 4);
        Dense<4>::backward<In>(backend, Nothing{}, dp, dy, y, x, p, context);
        if constexpr (!is_nothing<decltype(dx)>) dense_forward(backend, dx, dy, get<0>(p), Nothing{});
    }
};

/// dW = instead of +=: right for one tile, wrong for more.
struct OverwrittenGradient : Dense<4> {
    template <class In>
    static void backward(auto backend, auto dx, auto dp, auto dy, auto y, auto x, auto p, auto& context) {
        get<0>(dp).fill(0);
        Dense<4>::backward<In>(backend, dx, dp, dy, y, x, p, context);
    }
};

// ---- activations

/// The threshold of the derivative is not that of the function.
struct OtherThreshold : Relu {
    template <class In>
    static void backward(auto, auto dx, auto, auto dy, auto, auto x, auto, auto&) {
        if constexpr (!is_nothing<decltype(dx)>)
            for (std::size_t i = 0; i < dx.size; ++i) dx.data[i] = x.data[i] >= -0.5f ? dy.data[i] : 0;
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

/// The gradient goes to the row below the one that won, on one of the backends.
struct OffByOneRow : Pool<2> {
    template <class In>
    static void backward(auto backend, auto dx, auto dp, auto dy, auto y, auto x, auto p, auto& context) {
        if constexpr (!std::is_same_v<decltype(backend), reference::backend>) {
            Pool<2>::backward<In>(backend, dx, dp, dy, y, x, p, context);
        } else if constexpr (!is_nothing<decltype(dx)>) {
            std::fill_n(dx.data, dx.size, 0.0);
            const auto* won = reinterpret_cast<const double*>(context.cache);
            reference::windows_of<geometry<In>>.each_in_channel([&](int yi, int place, int xi) {
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
            constexpr int L = dx.lanes;
            std::fill_n(dx.data, dx.size, 0);
            for (int k = 0; k < G::K; ++k)
                for (int c = 0; c < G::C; ++c)
                    for (int i = 0; i < G::P * G::Q * G::R * G::S * L; ++i) {
                        const int lane = i % L, s = i / L % G::S, r = i / (L * G::S) % G::R,
                                  q = i / (L * G::S * G::R) % G::Q, row = i / (L * G::S * G::R * G::Q);
                        dx.data[((c * G::H + row + r) * G::W + q + s) * L + lane] +=
                            get<0>(p).data[((k * G::C + c) * G::R + r) * G::S + s] *
                            dy.data[((k * G::P + row) * G::Q + q) * L + lane];
                    }
        }
    }
};

// ---- layers with more than a derivative

/// Mean and variance taken as constants: the rest of the batch is forgotten.
struct ForgottenBatch : BatchNorm {
    template <class In, class T>
    static void backward(auto backend, auto dx, auto dy, auto, auto p, const T* batch, auto&) {
        assign(backend, dx, PerChannel<T>{get<0>(p).data} * PerChannel<T>{batch + 2 * channels<In>} * dy);
    }
};

struct ForgottenMask : Dropout<50> {
    template <class In>
    static void backward(auto backend, auto dx, auto, auto dy, auto, auto, auto, auto&) {
        if constexpr (!is_nothing<decltype(dx)>) assign(backend, dx, dy);
    }
};

} // namespace

// Prediction knows these two by their types.
template <>
struct ikebana::inference_traits<ForgottenBatch> : inference_traits<BatchNorm> {};
template <>
struct ikebana::inference_traits<ForgottenMask> : inference_traits<Dropout<50>> {};
template <>
inline constexpr bool ikebana::test::is_dropout<ForgottenMask> = true;

namespace {

using Vectors = Sequential<Dense<4>, ForgottenBias, TransposedWeight, OverwrittenGradient, TanhOfInput, WrongSign,
                           OtherThreshold, ForgottenMask, Dense<3>, Softmax>;
using Images =
    Sequential<Conv<2, 3>, ForgottenStride, ForgottenBatch, Tanh, OffByOneRow, MissingScale, Dense<3>, Softmax>;

/// Positions of the layers that what TEST_NETWORK runs finds wrong by themselves.
template <class In, class Layers>
std::set<int> wrong_layers() {
    std::set<int> positions;
    for (const std::string& what : check_network<In, Layers>().list)
        if (what.starts_with("layer ") && what.find(") alone, d") != std::string::npos)
            positions.insert(std::stoi(what.substr(6)));
    return positions;
}

/// A wrong layer's gradients go on to those below it, so here each is in a network of its own.
template <class In, class Below, class Wrong, class... Above>
void must_find() {
    Findings findings;
    check_whole<Network<In, Sequential<Below, Wrong, Above..., Dense<3>, Softmax>, reference::backend, double>,
                CrossEntropy>(findings);
    CHECK(!findings.list.empty());
}

template <class In, class... Right>
void must_pass() {
    Findings findings;
    check_gradients<In, Sequential<Right..., Dense<3>, Softmax>, CrossEntropy>(findings);
    CHECK(findings.list.empty());
}

} // namespace

TEST_CASE("the one call finds each wrong layer, and no right one between them") {
    CHECK(wrong_layers<Input<5>, Vectors>() == std::set{1, 2, 3, 4, 5, 6, 7});
    CHECK(wrong_layers<Input<1, 16, 16>, Images>() == std::set{1, 2, 4, 5});
}

TEST_CASE("a forgotten gradient of a bias is found") { must_find<Input<5>, Dense<4>, ForgottenBias>(); }
TEST_CASE("a transposed weight is found") { must_find<Input<5>, Dense<4>, TransposedWeight>(); }
TEST_CASE("an overwritten gradient is found") { must_find<Input<5>, Dense<4>, OverwrittenGradient>(); }
TEST_CASE("a ReLU with another threshold is found") { must_find<Input<5>, Dense<16>, OtherThreshold>(); }
TEST_CASE("a tanh derived by its input is found") { must_find<Input<5>, Dense<4>, TanhOfInput>(); }
TEST_CASE("a wrong sign is found") { must_find<Input<5>, Dense<4>, WrongSign>(); }
TEST_CASE("a missing scale is found") { must_find<Input<1, 6, 6>, Conv<2, 3>, MissingScale>(); }
TEST_CASE("a gradient one row too low is found") { must_find<Input<1, 6, 6>, Conv<2, 3>, OffByOneRow>(); }
TEST_CASE("a forgotten stride is found") { must_find<Input<1, 9, 9>, Conv<2, 3>, ForgottenStride>(); }
TEST_CASE("a forgotten batch is found") { must_find<Input<1, 6, 6>, Conv<2, 3>, ForgottenBatch, Tanh>(); }
TEST_CASE("a forgotten mask is found") { must_find<Input<5>, Dense<8>, ForgottenMask>(); }

TEST_CASE("the right layers pass") {
    must_pass<Input<5>, Dense<4>, Dense<4>, Tanh, Sigmoid, Dense<16>, Relu, Dropout<50>>();
    must_pass<Input<1, 16, 16>, Conv<2, 3>, Conv<3, 3, Stride<2>>, BatchNorm, Tanh, Pool<2>, Pool<2, Average>>();
}
