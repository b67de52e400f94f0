// Models in files, in safetensors form (io/safetensors.hpp): tensors named "POSITION.NAME", as "4.weight", and
// metadata:
//   ikebana.kind        "network" (parameters and running statistics) or "inference" (folded, predicts only)
//   ikebana.signature   the layers (network/signature.hpp)
//   ikebana.scaling     what pixels go through before the network
//   ikebana.labels      what the outputs stand for, separated by commas
// Loading checks signature, names, types and shapes before anything is changed; a file of another network is refused
// with the layers that differ. This header declares what it needs from io/safetensors.hpp, which a program includes in
// one place: save_inference_model("lenet5.safetensors", net.inference());
#pragma once
#include <ikebana/io/tensor_file.hpp>
#include <ikebana/network/inference.hpp>
#include <ikebana/network/signature.hpp>

#include <cstring>
#include <filesystem>

namespace ikebana {

struct ModelMetadata {
    std::string scaling = "x / 255 * 2 - 1";
    std::string labels = "0,1,2,3,4,5,6,7,8,9";
};

/// f(name, shape, view) for every array of a chain's parameters; offsets[i] is where layer i's begin.
template <class T, class Offsets, class F, class... B>
void each_array(pack<B...>, T* base, const Offsets& offsets, bool state, F f) {
    std::size_t i = 0;
    const auto layer = [&]<int Position, class... P>(std::integral_constant<int, Position>, Parameters<P...>,
                                                     [[maybe_unused]] T * at) {
        ((f(std::to_string(Position) + "." + P::name::text, View<T, typename P::shape>{at}),
          at += padded(P::shape::size)),
         ...);
    };
    const auto one = [&]<class X>(X) {
        if (state)
            layer(std::integral_constant<int, X::position>{}, typename X::state{}, base + offsets[i++]);
        else
            layer(std::integral_constant<int, X::position>{}, typename X::parameters{}, base + offsets[i++]);
    };
    (one(B{}), ...);
}

/// f(name, view) for every array that a Network (parameters, running statistics) or an InferenceNetwork keeps.
template <class Model, class F>
void each_array(Model& model, F f) {
    each_array(typename std::remove_const_t<Model>::chain{}, model.parameters().data(), Model::parameter_offset, false,
               f);
    if constexpr (requires { model.state(); })
        each_array(typename std::remove_const_t<Model>::chain{}, model.state().data(), Model::state_offset, true, f);
}

template <class T>
inline constexpr const char* dtype_name = std::is_same_v<T, float> ? "F32" : "F64";

template <class S>
std::vector<std::int64_t> sizes_of() {
    return {S::sizes.begin(), S::sizes.end()};
}

/// Net of an InferenceNetwork, or the Network itself.
template <class Model>
struct network_of {
    using type = Model;
    static constexpr const char* kind = "network";
};
template <class Model>
requires(Model::is_inference) struct network_of<Model> {
    using type = typename Model::network;
    static constexpr const char* kind = "inference";
};

template <class Model>
TensorFile to_tensor_file(const Model& model, const ModelMetadata& metadata) {
    TensorFile file;
    file.metadata = {{"ikebana.kind", network_of<Model>::kind},
                     {"ikebana.signature", signature<typename network_of<Model>::type>()},
                     {"ikebana.scaling", metadata.scaling},
                     {"ikebana.labels", metadata.labels}};
    each_array(model, [&]<class T, class S>(std::string name, View<T, S> array) {
        TensorEntry entry{std::move(name), dtype_name<std::remove_const_t<T>>, sizes_of<S>(), {}};
        entry.data.resize(S::size * sizeof(T));
        std::memcpy(entry.data.data(), array.data, entry.data.size());
        file.tensors.push_back(std::move(entry));
    });
    return file;
}

/// Fills `model` from a file's contents, after everything about them is checked. `path` is for messages.
template <class Model>
void from_tensor_file(Model& model, const TensorFile& file, const std::string& path) {
    const auto value = [&](const char* key) {
        const auto found = file.metadata.find(key);
        if (found == file.metadata.end())
            throw file_error(path, std::string("no \"") + key + "\" in its metadata: not a model that Ikebana wrote");
        return found->second;
    };
    const std::string kind = network_of<Model>::kind;
    if (value("ikebana.kind") != kind)
        throw file_error(path, "holds a model of kind \"" + value("ikebana.kind") + "\", expected \"" + kind + "\"");
    const std::string difference =
        signature_difference(layer_names<typename network_of<Model>::type>(), value("ikebana.signature"));
    if (!difference.empty()) throw file_error(path, "holds another network: " + difference);
    std::size_t count = 0;
    const auto entry_of = [&](const std::string& name) -> const TensorEntry& {
        for (const TensorEntry& entry : file.tensors)
            if (entry.name == name) return entry;
        throw file_error(path, "tensor \"" + name + "\" is missing");
    };
    each_array(model, [&]<class T, class S>(const std::string& name, View<T, S>) {
        const TensorEntry& entry = entry_of(name);
        ++count;
        if (entry.dtype != dtype_name<T>)
            throw file_error(path, "tensor \"" + name + "\" is of type " + entry.dtype + ", expected " + dtype_name<T>);
        if (entry.shape != sizes_of<S>() || entry.data.size() != S::size * sizeof(T)) {
            std::string shape;
            for (const auto n : entry.shape) shape.append(shape.empty() ? "" : "x").append(std::to_string(n));
            throw file_error(path, "tensor \"" + name + "\" has shape " + shape + ", expected " + S::text());
        }
    });
    if (count != file.tensors.size())
        throw file_error(path, "holds " + std::to_string(file.tensors.size()) + " tensors, expected " +
                                   std::to_string(count));
    each_array(model, [&]<class T, class S>(const std::string& name, View<T, S> array) {
        std::memcpy(array.data, entry_of(name).data.data(), S::size * sizeof(T));
    });
}

/// Writes a network that predicts, whole or not at all. Throws file_error.
template <class Model>
requires(Model::is_inference) void save_inference_model(const std::filesystem::path& path, const Model& model,
                                                        const ModelMetadata& metadata = {}) {
    write_tensor_file(path, to_tensor_file(model, metadata));
}

/// The inference network of Net's type from a file. Throws file_error if it holds anything else.
template <class Net>
InferenceNetwork<Net> load_inference_model(const std::filesystem::path& path) {
    InferenceNetwork<Net> model;
    from_tensor_file(model, read_tensor_file(path), path.string());
    return model;
}

/// Parameters and running statistics of a network, to go on training.
template <class Net>
void save_network(const std::filesystem::path& path, const Net& net, const ModelMetadata& metadata = {}) {
    write_tensor_file(path, to_tensor_file(net, metadata));
}

/// Fills `net` from a file of save_network, or throws file_error and leaves it as it was.
template <class Net>
void load_network(const std::filesystem::path& path, Net& net) {
    from_tensor_file(net, read_tensor_file(path), path.string());
}

} // namespace ikebana
