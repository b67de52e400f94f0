// TensorFile: named tensors and some words about them, as they lie in a safetensors file. This header declares reading
// and writing; safetensors.hpp defines them (with the JSON library). A program that wants the JSON part compiled once
// includes this header everywhere, and in a single source file safetensors.hpp with
//   template ikebana::TensorFile ikebana::read_tensor_file<void>(const std::filesystem::path&);
//   template void ikebana::write_tensor_file<void>(const std::filesystem::path&, const ikebana::TensorFile&);
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace ikebana {

struct TensorEntry {
    std::string name;
    std::string dtype;               // "F32", "F64" (also read: F16 BF16 F8_E4M3 F8_E5M2 I8 … I64 U8 … U64 BOOL)
    std::vector<std::int64_t> shape; // empty: one number
    std::vector<std::byte> data;     // row-major, little-endian
};

struct TensorFile {
    std::map<std::string, std::string> metadata;
    std::vector<TensorEntry> tensors; // in the order of their data in the file
};

/// Reads a whole safetensors file. Every claim of the file is checked before memory is taken for it; whatever is not
/// as the format says throws file_error with the place.
template <class = void>
TensorFile read_tensor_file(const std::filesystem::path& path);

/// Writes tensors in the order given, whole or not at all. Throws file_error: the file cannot be written, or `file`
/// holds something the format has no form for (two tensors of one name, an unknown dtype, data that do not fit the
/// shape, text that is not UTF-8).
template <class = void>
void write_tensor_file(const std::filesystem::path& path, const TensorFile& file);

} // namespace ikebana
