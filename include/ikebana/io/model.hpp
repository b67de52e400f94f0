// Models in files, in safetensors form (io/safetensors.hpp): tensors named "POSITION.NAME", as "4.weight", and
// metadata:
//   ikebana.kind        "network" (parameters and running statistics) or "inference" (folded, predicts only)
//   ikebana.signature   the layers (network/signature.hpp)
//   ikebana.scaling     what pixels go through before the network, if the writer says it
//   ikebana.labels      what the outputs stand for, separated by commas, if the writer says it
// Loading checks signature, names, types and shapes before anything is changed; a file of another network is refused
// with the layers that differ. This header declares what it needs from io/safetensors.hpp, which a program includes in
// one place: save_inference_model("lenet5.safetensors", net.inference());
#pragma once
#include <ikebana/io/tensor_file.hpp>
#include <ikebana/network/inference.hpp>
#include <ikebana/network/signature.hpp>

#include <filesystem>
#include <span>

namespace ikebana {

struct ModelMetadata {
    std::string scaling = {}, labels = {};
};

/// One array of a model: its layer, its name there, its shape, and where it lies.
struct ModelArray {
    int position;
    const char* name;
    std::span<const int> sizes;
    std::byte* data;
    std::size_t bytes;
};

/// What a file keeps of a model.
struct ModelContent {
    const char* kind;                // "network" or "inference"
    std::vector<std::string> layers; // the input and every layer of the network it came from
    const char* dtype;               // "F32" or "F64"
    std::vector<ModelArray> arrays;
};

/// Writes a model's content, whole or not at all. Throws file_error. Defined in model_file.hpp.
template <class = void>
void save_model(const std::filesystem::path& path, const ModelContent& content, const ModelMetadata& metadata);
/// Fills the arrays of a model from a file that holds the same network, or throws file_error and changes nothing.
template <class = void>
void load_model(const std::filesystem::path& path, const ModelContent& content);

/// Where an array lies in an arena, in elements.
struct ArrayPlace {
    int position;
    const char* name;
    std::span<const int> sizes;
    std::size_t offset, size;
};

/// The arrays of all layers; Of<B> is the Parameters of a layer, offsets[i] where those of layer i begin.
template <template <class> class Of, class... B, std::size_t N>
constexpr auto array_places(pack<B...>, const std::array<std::size_t, N>& offsets) {
    std::array<ArrayPlace, (std::size_t{0} + ... + Of<B>::count)> places{};
    std::size_t array = 0, layer = 0;
    const auto add = [&]<class... P>([[maybe_unused]] int position, Parameters<P...>) {
        [[maybe_unused]] std::size_t at = offsets[layer++];
        ((places[array++] = {position, P::name::text, P::shape::sizes, at, P::shape::size},
          at += padded(P::shape::size)),
         ...);
    };
    (add(B::position, Of<B>{}), ...);
    return places;
}
template <class B>
using parameters_in = typename B::parameters;
template <class B>
using state_in = typename B::state;

[[gnu::cold]] inline void add_arrays(std::vector<ModelArray>& arrays, std::span<const ArrayPlace> places,
                                     std::byte* base, std::size_t element_bytes) {
    for (const ArrayPlace& a : places)
        arrays.push_back({a.position, a.name, a.sizes, base + a.offset * element_bytes, a.size * element_bytes});
}

/// The content of a Network (parameters, running statistics) or an InferenceNetwork (folded parameters).
template <class Model>
[[gnu::cold]] ModelContent content_of(Model& model) {
    constexpr const char* dtype = std::is_same_v<typename Model::scalar, float> ? "F32" : "F64";
    ModelContent content{Model::is_inference ? "inference" : "network", {}, dtype, {}};
    using T = typename Model::scalar;
    static constexpr auto parameters = array_places<parameters_in>(typename Model::chain{}, Model::parameter_offset);
    add_arrays(content.arrays, parameters, reinterpret_cast<std::byte*>(model.parameters().data()), sizeof(T));
    if constexpr (Model::is_inference) {
        content.layers = layer_names<typename Model::network>();
    } else {
        static constexpr auto state = array_places<state_in>(typename Model::chain{}, Model::state_offset);
        content.layers = layer_names<Model>();
        add_arrays(content.arrays, state, reinterpret_cast<std::byte*>(model.state().data()), sizeof(T));
    }
    return content;
}

/// Writes a network that predicts, whole or not at all. Throws file_error.
template <class Model>
requires(Model::is_inference) void save_inference_model(const std::filesystem::path& path, const Model& model,
                                                        const ModelMetadata& metadata = {}) {
    save_model(path, content_of(const_cast<Model&>(model)), metadata); // only read
}

/// The inference network of Net's type from a file. Throws file_error if it holds anything else.
template <class Net>
[[gnu::cold]] InferenceNetwork<Net> load_inference_model(const std::filesystem::path& path) {
    InferenceNetwork<Net> model;
    load_model(path, content_of(model));
    model.pack_parameters();
    return model;
}

/// Parameters and running statistics of a network, to go on training.
template <class Net>
requires(!Net::is_inference) void save_network(const std::filesystem::path& path, const Net& net,
                                               const ModelMetadata& metadata = {}) {
    save_model(path, content_of(const_cast<Net&>(net)), metadata); // only read
}

/// Fills `net` from a file of save_network, or throws file_error and leaves it as it was.
template <class Net>
requires(!Net::is_inference) void load_network(const std::filesystem::path& path, Net& net) {
    load_model(path, content_of(net));
}

} // namespace ikebana
