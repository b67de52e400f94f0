// The layers that are measured, and their names: the same for ours and for the peers' programs.
#pragma once
#include <ikebana/layers/primitives.hpp>

#include <string>
#include <tuple>

namespace ikebana::bench {

inline constexpr int batch = 64;

template <int C, int K, int R, int H, int Padding>
using SquareConv = ConvGeometry<Shape<C, H, H>, K, R, R, 1, Padding>;

/// Depthwise, of 3×3 with padding, as mobile networks have.
template <int C, int H, int Stride>
using SquareDepthwise = DepthwiseGeometry<Shape<C, H, H>, 3, Stride, 1>;

/// LeNet-5's two, and what larger networks have.
using ConvShapes =
    std::tuple<SquareConv<1, 20, 5, 28, 0>, SquareConv<20, 50, 5, 12, 0>, SquareConv<64, 64, 3, 32, 1>,
               SquareConv<256, 256, 3, 8, 1>, SquareConv<64, 256, 1, 16, 0>, SquareConv<256, 64, 1, 16, 0>,
               SquareConv<512, 512, 1, 7, 0>, SquareDepthwise<128, 28, 1>, SquareDepthwise<128, 28, 2>>;

using LeNetConvShapes = std::tuple<SquareConv<1, 20, 5, 28, 0>, SquareConv<20, 50, 5, 12, 0>>;

/// Outputs and inputs: the hidden layers of the multilayer perceptron, the last of LeNet-5, and a large one.
using DenseShapes = std::tuple<Shape<200, 784>, Shape<200, 200>, Shape<10, 800>, Shape<4096, 4096>>;

template <class G>
inline constexpr bool is_depthwise = !requires {
    G::K;
};

/// f(shape) for each of a list.
template <class Shapes, class F>
void each(F f) {
    std::apply([&](auto... shape) { (f(shape), ...); }, Shapes{});
}

template <class G>
std::string layer_name(const std::string& direction) {
    const auto text = [](int n) { return std::to_string(n); };
    std::string name;
    if constexpr (requires { G::K; })
        name = "conv " + text(G::C) + "→" + text(G::K) + " " + text(G::R) + "×" + text(G::S);
    else
        name = "depthwise " + text(G::C) + " " + text(G::R) + "×" + text(G::S) + " stride " + text(G::stride);
    return name + " at " + text(G::H) + "×" + text(G::W) + ", " + direction;
}
template <class S>
std::string dense_name(const std::string& direction) {
    return "dense " + std::to_string(S::sizes[1]) + "→" + std::to_string(S::sizes[0]) + ", " + direction;
}

/// FLOP of one direction and one sample: 2 × the multiply-adds of the direct method.
template <class G>
inline constexpr double flop = 2.0 * static_cast<double>(G::output::size) * G::weights::size / G::output::sizes[0];
template <class S>
inline constexpr double dense_flop = 2.0 * S::sizes[0] * S::sizes[1];

/// The share of a convolution's multiply-adds that meet the image and not the zeros around it. A direct method may
/// leave those out, and oneDNN's does.
template <class G>
constexpr double inside_share() {
    const auto inside = [](int outputs, int taps, int size) {
        int count = 0;
        for (int p = 0; p < outputs; ++p)
            for (int r = 0; r < taps; ++r) {
                const int at = p * G::stride + r - G::padding;
                count += at >= 0 && at < size;
            }
        return static_cast<double>(count) / (outputs * taps);
    };
    return inside(G::P, G::R, G::H) * inside(G::Q, G::S, G::W);
}

} // namespace ikebana::bench
