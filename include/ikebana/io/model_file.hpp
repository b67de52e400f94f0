// The part of model.hpp that names no network: a model's content to a tensor file and back. A program that wants it
// compiled once includes model.hpp everywhere, and in a single source file io/safetensors.hpp with
//   template void ikebana::save_model<void>(const std::filesystem::path&, const ikebana::ModelContent&, const
//   ikebana::ModelMetadata&); template void ikebana::load_model<void>(const std::filesystem::path&, const
//   ikebana::ModelContent&);
#pragma once
#include <ikebana/io/model.hpp>

#include <algorithm>
#include <cstring>

namespace ikebana {

namespace detail {

inline std::string array_name(const ModelArray& array) { return std::to_string(array.position) + "." + array.name; }

template <class Sizes>
std::string sizes_text(const Sizes& sizes) {
    std::string text;
    for (const auto n : sizes) text.append(text.empty() ? "" : "x").append(std::to_string(n));
    return text;
}

/// Text that holds a file's words, fit for a one-line message: without control characters, and not too long.
inline std::string one_line(std::string text) {
    constexpr std::size_t most = 1000;
    if (text.size() > most) text.replace(most, std::string::npos, "...");
    std::replace_if(
        text.begin(), text.end(), [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; }, '?');
    return text;
}

/// Throws file_error unless the file's metadata name the same kind of the same network.
inline void check_model_metadata(const std::string& path, const TensorFile& file, const ModelContent& content) {
    const auto value = [&](const std::string& key) {
        const auto found = file.metadata.find(key);
        if (found == file.metadata.end())
            throw file_error(path, "no \"" + key + "\" in its metadata: not a model that Ikebana wrote");
        return found->second;
    };
    const std::string kind = value("ikebana.kind");
    if (kind != content.kind)
        throw file_error(path, "holds a model of kind \"" + one_line(kind) + "\", expected \"" + content.kind + "\"");
    const std::string difference = signature_difference(content.layers, value("ikebana.signature"));
    if (!difference.empty()) throw file_error(path, "holds another network: " + one_line(difference));
}

/// The file's tensor for one array, once type, shape and size are known to fit.
inline const TensorEntry& tensor_for(const std::string& path, const TensorFile& file, const ModelContent& content,
                                     const ModelArray& array) {
    const std::string name = array_name(array);
    const auto entry =
        std::find_if(file.tensors.begin(), file.tensors.end(), [&](const TensorEntry& e) { return e.name == name; });
    if (entry == file.tensors.end()) throw file_error(path, "tensor \"" + name + "\" is missing");
    if (entry->dtype != content.dtype)
        throw file_error(path, "tensor \"" + name + "\" is of type " + entry->dtype + ", expected " + content.dtype);
    if (!std::equal(entry->shape.begin(), entry->shape.end(), array.sizes.begin(), array.sizes.end()) ||
        entry->data.size() != array.bytes)
        throw file_error(path, "tensor \"" + name + "\" has shape " + sizes_text(entry->shape) + ", expected " +
                                   sizes_text(array.sizes));
    return *entry;
}

} // namespace detail

template <class>
void save_model(const std::filesystem::path& path, const ModelContent& content, const ModelMetadata& metadata) {
    TensorFile file;
    file.metadata = {{"ikebana.kind", content.kind}, {"ikebana.signature", joined(content.layers)}};
    if (!metadata.scaling.empty()) file.metadata["ikebana.scaling"] = metadata.scaling;
    if (!metadata.labels.empty()) file.metadata["ikebana.labels"] = metadata.labels;
    for (const ModelArray& array : content.arrays)
        file.tensors.push_back({detail::array_name(array),
                                content.dtype,
                                {array.sizes.begin(), array.sizes.end()},
                                {array.data, array.data + array.bytes}});
    write_tensor_file(path, file);
}

template <class>
void load_model(const std::filesystem::path& path, const ModelContent& content) {
    const TensorFile file = read_tensor_file(path);
    detail::check_model_metadata(path.string(), file, content);
    for (const ModelArray& array : content.arrays) detail::tensor_for(path.string(), file, content, array);
    if (file.tensors.size() != content.arrays.size())
        throw file_error(path.string(), "holds " + std::to_string(file.tensors.size()) + " tensors, expected " +
                                            std::to_string(content.arrays.size()));
    for (const ModelArray& array : content.arrays)
        std::memcpy(array.data, detail::tensor_for(path.string(), file, content, array).data.data(), array.bytes);
}

} // namespace ikebana
