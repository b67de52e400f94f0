// Networks as text and in files: signatures, the layer table, and what load_network and load_inference_model refuse,
// with nothing of the network changed. (The bytes of safetensors files are tests/io's.)
#include <backends/cpu/cpu.hpp>
#include <backends/reference/reference.hpp>
#include <doctest/doctest.h>
#include <ikebana/ikebana.hpp>
#include <ikebana/io/model.hpp>
#include <ikebana/train/describe.hpp>
#include <models/lenet5.hpp>
#include <tests/support/samples.hpp>
#include <tests/support/temporary.hpp>

#include <algorithm>
#include <functional>

using namespace ikebana;
using namespace ikebana::test;

namespace {

struct Swish : Elementwise<Swish> {
    static auto apply(auto x) { return x * sigmoid(x); }
};
template <int, class>
struct Named : Elementwise<Named<0, Relu>> {
    static auto apply(auto x) { return relu(x); }
};
using Layers = Sequential<Conv<2, 3, Stride<2>, Padding<1>, NoBias>, Swish, BatchNorm, Pool<2, Average>, Dropout<25>,
                          Dense<3, init::HeNormal>, Softmax>;
using Net = Network<Input<1, 8, 8>, Layers, cpu::backend>;

/// What loading into a network throws; it must be one line and leave the network as it was.
template <class N = Net>
std::string refusal(const std::filesystem::path& path) {
    N net(Seed{3});
    randomise_vectors(net, 5);
    const N before = net;
    std::string text = "nothing";
    try {
        load_network(path, net);
    } catch (const file_error& e) {
        text = e.what();
    }
    CHECK(std::equal(net.parameters().begin(), net.parameters().end(), before.parameters().begin()));
    CHECK(std::equal(net.state().begin(), net.state().end(), before.state().begin()));
    CHECK(std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }));
    return text;
}
void check_holds(const std::string& text, std::initializer_list<const char*> parts) {
    CAPTURE(text);
    for (const std::string part : parts) {
        CAPTURE(part);
        CHECK(text.find(part) != std::string::npos);
    }
}

/// The refusal of a file of Net that was changed by `edit`.
std::string refusal_after(const std::function<void(TensorFile&)>& edit) {
    const Temporary file("edited.safetensors");
    save_network(file.path, Net(Seed{1}));
    TensorFile content = read_tensor_file(file.path);
    edit(content);
    write_tensor_file(file.path, content);
    return refusal(file.path);
}

} // namespace

TEST_CASE("a signature names the input and every layer with its options") {
    CHECK(signature<Network<Input<1, 28, 28>, models::LeNet5, cpu::backend>>() ==
          "Input<1,28,28>, Conv<20,5>, Pool<2>, Relu, BatchNorm, Conv<50,5>, Pool<2>, Relu, Dense<10>, Softmax");
    const std::string text = signature<Net>();
    CHECK(text.substr(0, 51) == "Input<1,8,8>, Conv<2,3,Stride<2>,Padding<1>,NoBias>");
    check_holds(text, {"Swish, ", "Pool<2,Average>, Dropout<25>, Dense<3,HeNormal>"});
    CHECK(signature_difference(layer_names<Net>(), text).empty());
    CHECK(signature_difference({"Input<4>", "Dense<3>"}, "Input<5>, Dense<3>, Softmax") ==
          "input: Input<4> here, Input<5> in the file; layer 1: nothing here, Softmax in the file");
}

TEST_CASE("a layer without a name of its own goes by its type's, as all compilers write it") {
    using Own = Network<Input<6>, Sequential<Dense<4>, Named<0, Relu>, Softmax>, cpu::backend>;
    CHECK(signature<Own>() == "Input<6>, Dense<4>, Named<0,Relu>, Softmax");
    const Temporary file("named.safetensors");
    Own net(Seed{1}), loaded(Seed{2});
    save_network(file.path, net);
    load_network(file.path, loaded);
    CHECK(std::equal(net.parameters().begin(), net.parameters().end(), loaded.parameters().begin()));
    // A name that a comma and a blank divide
    CHECK(signature_difference({"Input<6>", "Own<1, 2>"}, "Input<6>, Own<1, 2>").empty());
    CHECK(signature_difference({"Input<6>", "Own<1, 2>"}, "Input<6>, Own<1, 3>") != "");
}

TEST_CASE("the layer table: constants of the type, and what runs it") {
    using LeNet5 = Network<Input<1, 28, 28>, models::LeNet5, cpu::backend>;
    const auto table = layer_table<LeNet5, CrossEntropy>(64);
    REQUIRE(table.size() == 9);
    CHECK(table[0].layer == "Conv<20,5>");
    CHECK(table[0].output == "20x24x24");
    CHECK(table[0].parameters == 520);
    CHECK(table[0].multiply_adds == 288000);
    CHECK(table[4].parameters == 25050);
    CHECK(table[8].output == "10");
    std::size_t bytes = 0;
    for (const LayerRow& row : table) bytes += row.workspace_bytes;
    CHECK(table[1].workspace_bytes == 0);                                         // fused into the convolution
    CHECK(table[0].workspace_bytes == 4 * 2 * 20 * 12 * 12 * 16 * sizeof(float)); // 4 tiles: pooled output, argmax
    using T = Trainer<LeNet5, CrossEntropy, Adam>;
    CHECK(bytes < T::workspace_bytes(64, 2));
    const std::string text = describe<T>(64, 2);
    check_holds(text, {"backend cpu", "2 threads", "33620", "1898880", "50x4x4",
                       std::to_string(T::workspace_bytes(64, 2)).c_str(),
                       std::to_string(T::workspace_bytes(64, 2) - bytes).c_str(),
                       ("vectors of " + std::to_string(xsimd::batch<float>::size)).c_str()});
}

TEST_CASE("another network's file is refused, with the layers that differ") {
    const Temporary file("other.safetensors");
    using Other = Network<Input<1, 8, 8>,
                          Sequential<Conv<2, 3, Stride<2>, Padding<1>, NoBias>, Relu, BatchNorm, Pool<2, Average>,
                                     Dropout<25>, Dense<4>, Softmax>,
                          cpu::backend>;
    save_network(file.path, Other{});
    check_holds(refusal(file.path), {"another network", "layer 1: ", "Swish here, Relu in the file",
                                     "layer 5: ", "Dense<3,HeNormal> here, Dense<4> in the file"});
    save_network(file.path, Net{});
    Net net(Seed{2});
    load_network(file.path, net); // its own is taken
    CHECK(std::equal(net.parameters().begin(), net.parameters().end(), Net{}.parameters().begin()));
}

TEST_CASE("kinds and scalar types are told apart") {
    const Temporary file("kind.safetensors");
    save_inference_model(file.path, Net{}.inference());
    check_holds(refusal(file.path), {"\"inference\"", "expected \"network\""});
    save_network(file.path, Net{});
    CHECK_THROWS_WITH_AS(load_inference_model<Net>(file.path), doctest::Contains("expected \"inference\""), file_error);
    using Double = Network<Input<1, 8, 8>, Layers, reference::backend, double>;
    check_holds(refusal<Double>(file.path), {"of type F32", "expected F64"});
}

TEST_CASE("a file that was tampered with is refused") {
    check_holds(refusal_after([](TensorFile& f) { f.tensors.pop_back(); }), {"2.running_variance", "is missing"});
    check_holds(refusal_after([](TensorFile& f) {
                    f.tensors.push_back({"9.more", "F32", {1}, std::vector<std::byte>(4)});
                }),
                {"tensors", "expected"});
    check_holds(refusal_after([](TensorFile& f) { std::swap(f.tensors[0].shape[0], f.tensors[0].shape[2]); }),
                {"0.weight", "3x1x2x3", "expected 2x1x3x3"});
    check_holds(refusal_after([](TensorFile& f) { f.metadata.erase("ikebana.signature"); }), {"ikebana.signature"});
    check_holds(refusal_after([](TensorFile& f) { f.metadata["ikebana.signature"] = ""; }), {"another network"});
    check_holds(refusal_after([](TensorFile& f) { f.metadata["ikebana.signature"] = "a\nb, \tc"; }),
                {"another network"});
    check_holds(refusal_after([](TensorFile& f) { f.metadata["ikebana.kind"] = "net\nwork"; }), {"kind"});
}
