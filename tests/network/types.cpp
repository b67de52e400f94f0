// What follows from a network's type, as constants: shapes, offsets, counts, bytes, segments, and what the fusion and
// inference passes make of it. Nearly all of it is proved by compiling this file.
#include <backends/cpu/cpu.hpp>
#include <backends/reference/reference.hpp>
#include <doctest/doctest.h>
#include <ikebana/ikebana.hpp>
#include <models/lenet5.hpp>
#include <models/mlp.hpp>

#include <string>

using namespace ikebana;

namespace {

template <class Layers, class In = Input<1, 28, 28>, class Backend = cpu::backend, class T = float>
using Net = Network<In, Layers, Backend, T>;

using WithoutRelu = Sequential<Conv<20, 5>, Pool<2>, BatchNorm, Conv<50, 5>, Pool<2>, Dense<10>, Softmax>;
using LeNet5 = Net<models::LeNet5>;

} // namespace

// ---- shapes: layers count from 0
static_assert(Net<WithoutRelu>::output_shape<0> == Shape<20, 24, 24>{});
static_assert(Net<WithoutRelu>::output_shape<1> == Shape<20, 12, 12>{});
static_assert(Net<WithoutRelu>::output_shape<2> == Shape<20, 12, 12>{});
static_assert(Net<WithoutRelu>::output_shape<4> == Shape<50, 4, 4>{});
static_assert(LeNet5::output_shape<1> == Shape<20, 12, 12>{});
static_assert(LeNet5::output_shape<4> == Shape<50, 8, 8>{});
static_assert(LeNet5::output_shape<8> == Shape<10>{});
static_assert(std::is_same_v<LeNet5::output, Shape<10>> && std::is_same_v<LeNet5::input, Shape<1, 28, 28>>);
static_assert(LeNet5::layer_count == 9);
static_assert(LeNet5::output_shape<1> != Shape<20, 12>{} && LeNet5::output_shape<1> != Shape<20, 12, 13>{});

// ---- a Sequential in another is its layers
struct Block : Sequential<Conv<20, 5>, Pool<2>, Relu> {};
static_assert(std::is_same_v<layers_of<Sequential<Block, BatchNorm, Sequential<Conv<50, 5>, Sequential<Pool<2>, Relu>>,
                                                  Dense<10>, Softmax, Sequential<>>>,
                             layers_of<models::LeNet5>>);

// (H − F + 2P) / S + 1, rounded down; the worked example is 5×5×3, F 3, S 2, P 1, K 2
template <class L, class In>
inline constexpr auto output_of = decltype(L::template output<In>()){};
static_assert(output_of<Conv<2, 3, Stride<2>, Padding<1>>, Shape<3, 5, 5>> == Shape<2, 3, 3>{});
static_assert(output_of<Conv<2, 3, Padding<1>, Stride<2>>, Shape<3, 5, 5>> == Shape<2, 3, 3>{}); // in any order
static_assert(output_of<Conv<7, 4, Stride<3>>, Shape<1, 12, 9>> == Shape<7, 3, 2>{});
static_assert(output_of<Pool<2>, Shape<3, 7, 9>> == Shape<3, 3, 4>{});
static_assert(output_of<Pool<3, Stride<2>, Padding<1>, Average>, Shape<3, 7, 8>> == Shape<3, 4, 4>{});
static_assert(output_of<Pool<2, Exact>, Shape<3, 6, 8>> == Shape<3, 3, 4>{});
static_assert(output_of<Flatten, Shape<3, 6, 8>> == Shape<144>{});
static_assert(output_of<Dense<4>, Shape<3, 6, 8>> == Shape<4>{});
static_assert(output_of<Dropout<50>, Shape<3, 6, 8>> == Shape<3, 6, 8>{});
static_assert(is_refused<decltype(Pool<2, Exact>::output<Shape<3, 7, 8>>())>);
static_assert(is_refused<decltype(Conv<2, 3>::output<Shape<5>>())>);

// ---- parameters: each array padded to 16 numbers, layers one after the other
static_assert(LeNet5::parameter_count == 500 + 20 + 20 + 20 + 25000 + 50 + 8000 + 10);
static_assert(LeNet5::parameter_offset == std::array<std::size_t, 10>{0, 512 + 32, 544, 544, 544 + 64, 608 + 25008 + 64,
                                                                      25680, 25680, 25680 + 8000 + 16, 33696});
static_assert(LeNet5::state_offset[4] - LeNet5::state_offset[3] == 64 && LeNet5::state_offset[9] == 64);
static_assert(Net<models::Mlp>::parameter_count == 785 * 200 + 201 * 200 + 201 * 10);
static_assert(Net<Sequential<Dense<3, NoBias>, Softmax>, Input<5>>::parameter_count == 15);
static_assert(Net<Sequential<Relu, Dense<3>, Softmax>, Input<5>>::parameter_offset ==
              std::array<std::size_t, 4>{0, 0, 32, 32});

// ---- multiply-adds of a sample
static_assert(LeNet5::multiply_adds == 20L * 24 * 24 * 25 + 20 * 12 * 12 + 50L * 8 * 8 * 20 * 25 + 10 * 800);
static_assert(Net<models::Mlp>::multiply_adds == 784 * 200 + 200 * 200 + 200 * 10);

// ---- loss: CrossEntropy takes the place of Softmax; squared error runs all layers
template <class Net, class Loss>
inline constexpr int layers_run = Program<Net, Loss>::chain::size;
static_assert(layers_run<Net<models::Mlp>, CrossEntropy> == 5 && layers_run<Net<models::Mlp>, MeanSquaredError> == 6);

// ---- segments: cut before each layer that needs the whole batch
template <class... L>
constexpr auto segments_in(Sequential<L...>) {
    return segments_of<cpu::backend, float>(typename fold_of<Shape<2, 8, 8>, pack<L...>>::chain{});
}
static_assert(segments_in(Sequential<Conv<2, 3>, Pool<2>, BatchNorm, Dense<3>>{}).count == 2);
static_assert(segments_in(Sequential<Conv<2, 3>, Pool<2>, BatchNorm, Dense<3>>{}).segments[0] == Segment{0, 2});
static_assert(segments_in(Sequential<Conv<2, 3>, Pool<2>, BatchNorm, Dense<3>>{}).segments[1] == Segment{2, 4});
static_assert(segments_in(Sequential<Dense<3>, Relu>{}).count == 1);
static_assert(segments_in(Sequential<BatchNorm, Dense<3>>{}).segments[0] == Segment{0, 0}); // an empty one comes first
static_assert(segments_in(Sequential<BatchNorm, Dense<3>>{}).segments[1] == Segment{0, 2});
static_assert(segments_in(Sequential<Dense<3>, BatchNorm, BatchNorm>{}).count == 3);
using LeNet5Program = Program<LeNet5, CrossEntropy>;
static_assert(LeNet5Program::segments == 2 && LeNet5Program::cut.segments[0] == Segment{0, 1} &&
              LeNet5Program::cut.segments[1] == Segment{1, 4});
static_assert(std::is_same_v<LeNet5Program::bound<1>::layer, BatchNorm>);

// ---- fusion: where a backend fuses, Conv, pool and activation become one; positions and parameters stay
template <class... L>
auto fused_layers(pack<L...>) -> pack<typename L::layer...>;
template <class Backend, class In, class... L>
using fused_on = decltype(fused_layers(fuse<Backend>(typename fold_of<In, pack<L...>>::chain{})));
template <class In, class... L>
using fused_chain = fused_on<cpu::backend, In, L...>;
using Image = Shape<2, 9, 9>;
using C = Conv<3, 3>;
using functors::identity;
static_assert(std::is_same_v<fused_chain<Image, C, Pool<2>>, pack<ConvPool<C, 2, identity>>>);
static_assert(std::is_same_v<fused_chain<Image, C, Pool<2>, Relu>, pack<ConvPool<C, 2, functors::relu>>>);
static_assert(std::is_same_v<fused_chain<Image, C, Relu, Pool<2>>, pack<ConvPool<C, 2, functors::relu>>>);
static_assert(std::is_same_v<fused_chain<Image, C, Tanh>, pack<ConvPool<C, 1, functors::tanh>>>);
static_assert(std::is_same_v<fused_chain<Image, C, Pool<3>>, pack<C, Pool<3>>>);
static_assert(std::is_same_v<fused_chain<Image, C, Pool<2, Stride<1>>>, pack<C, Pool<2, Stride<1>>>>);
static_assert(std::is_same_v<fused_chain<Image, C, Pool<2, Average>, Relu>, pack<C, Pool<2, Average>, Relu>>);
static_assert(std::is_same_v<fused_chain<Image, C, BatchNorm, Relu>, pack<C, BatchNorm, Relu>>);
static_assert(std::is_same_v<fused_chain<Image, C, Flatten, Dense<2>>, pack<C, Dense<2>>>);
static_assert(std::is_same_v<fused_chain<Image, C, Relu, Tanh>, pack<ConvPool<C, 1, functors::relu>, Tanh>>);
struct OtherRelu : Relu {};
static_assert(std::is_same_v<fused_chain<Image, C, OtherRelu>, pack<C, OtherRelu>>);
struct FusesDense {
    static constexpr bool fuses = true, fuses_dense = true;
};
template <class... L>
using with_dense = fused_on<FusesDense, Shape<4>, L...>;
using D = Dense<3, NoBias>;
static_assert(std::is_same_v<with_dense<D, Relu>, pack<DenseActivation<D, functors::relu>>>);
static_assert(std::is_same_v<with_dense<D, Flatten, Tanh>, pack<DenseActivation<D, functors::tanh>>>);
static_assert(std::is_same_v<with_dense<D, Relu, Tanh>, pack<DenseActivation<D, functors::relu>, Tanh>>);
static_assert(std::is_same_v<with_dense<D, BatchNorm, Relu>, pack<D, BatchNorm, Relu>>);
static_assert(std::is_same_v<with_dense<D, OtherRelu>, pack<D, OtherRelu>>);
static_assert(std::is_same_v<fused_chain<Shape<4>, D, Relu>, pack<D, Relu>>);
static_assert(std::is_same_v<LeNet5Program::bound<2>::layer, ConvPool<Conv<50, 5>, 2, functors::relu>>);
static_assert(LeNet5Program::bound<2>::position == 4 && LeNet5Program::bound<3>::position == 7);
static_assert(Program<Net<models::LeNet5, Input<1, 28, 28>, reference::backend>, CrossEntropy>::count == 8);

// ---- inference: what becomes of each layer
template <class In, class... L>
constexpr auto fates(bool fold = true) {
    return []<class... B>(pack<B...>, bool f) {
        return fates_of(std::array<Kind, sizeof...(B)>{inference_traits<typename B::layer>::kind...}, f);
    }(typename fold_of<In, pack<L...>>::chain{}, fold);
}
static_assert(fates<Image, C, BatchNorm, Relu>() == std::array{Fate::keep, Fate::fold_back, Fate::keep});
static_assert(fates<Image, C, Relu, BatchNorm, Conv<2, 3>>() ==
              std::array{Fate::keep, Fate::keep, Fate::fold_forward, Fate::keep});
static_assert(fates<Image, BatchNorm, Conv<2, 3, Padding<1>>>() == std::array{Fate::affine, Fate::keep});
static_assert(fates<Image, Relu, BatchNorm, Relu>() == std::array{Fate::keep, Fate::affine, Fate::keep});
static_assert(fates<Image, Relu, BatchNorm, Dropout<50>, Flatten, Dense<2>>() ==
              std::array{Fate::keep, Fate::fold_forward, Fate::drop, Fate::drop, Fate::keep});
static_assert(fates<Image, Dense<4>, Dropout<50>, BatchNorm>() == std::array{Fate::keep, Fate::drop, Fate::fold_back});
static_assert(fates<Image, C, BatchNorm, Relu>(false) == std::array{Fate::keep, Fate::affine, Fate::keep});
using FoldedNet = InferenceNetwork<Net<Sequential<Dense<4, NoBias>, BatchNorm, Dropout<10>, Softmax>, Input<3>>>;
static_assert(FoldedNet::chain::size == 2); // batch norm gave Dense a bias; Dropout is gone
static_assert(std::is_same_v<decltype(item_of<0>(FoldedNet::chain{}))::layer, Dense<4>>);
static_assert(InferenceNetwork<LeNet5>::program::size == 4); // two convolutions, Dense, Softmax

// ---- workspace: Input<2>, Dense<3>, Relu, Dense<2>, Softmax in double on tiles of one sample. Each array takes a
// cache line: input, three outputs, two gradients, labels, mask, costs; scratch is four.
using Small = Trainer<Net<Sequential<Dense<3>, Relu, Dense<2>, Softmax>, Input<2>, reference::backend, double>,
                      CrossEntropy, Adam>;
static_assert(Small::workspace_bytes(5, 1) == 5 * 9 * 64 + 4 * 64);
static_assert(Small::workspace_bytes(1, 1) == 9 * 64 + 4 * 64);
// On the cpu a tile holds 16 samples: 17 need as much as 32, and each thread its own scratch and packed parameters.
using LeNet5Trainer = Trainer<LeNet5, CrossEntropy, Adam>;
static_assert(LeNet5Trainer::workspace_bytes(17, 2) == LeNet5Trainer::workspace_bytes(32, 2));
static_assert(LeNet5Trainer::workspace_bytes(17, 2) > LeNet5Trainer::workspace_bytes(16, 2));
static_assert(LeNet5Trainer::workspace_bytes(16, 2) - LeNet5Trainer::workspace_bytes(16, 1) ==
              LeNet5Program::scratch_bytes + LeNet5Program::packed_offset.back() * sizeof(float));
static_assert(LeNet5Trainer::workspace_bytes(64, 2) <= 8 << 20);

// ---- a struct names a network: symbols and messages carry the short name
TEST_CASE("a named network keeps its name") {
    CHECK(std::string(typeid(LeNet5).name()).find("Sequential") == std::string::npos);
    CHECK(std::string(typeid(LeNet5Trainer).name()).find("LeNet5") != std::string::npos);
}
