// What the tests of safetensors.hpp share: a file of its own for each case, bytes put together by hand, an example.
#pragma once
#include <cstring>
#include <fstream>
#include <ikebana/io/tensor_file.hpp>
#include <initializer_list>
#include <iterator>
#include <span>
#include <string>

#include <unistd.h>

namespace safetensors_help {

inline std::string content(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// A file that exists while the test runs.
struct scratch_file {
    std::filesystem::path path =
        std::filesystem::temp_directory_path() / ("ikebana-" + std::to_string(getpid()) + ".safetensors");
    explicit scratch_file(const std::string& bytes = "") { replace(bytes); }
    ~scratch_file() { std::filesystem::remove(path); }
    void replace(const std::string& bytes) const {
        std::filesystem::remove(path); // a new file: rewriting an old one waits for the disk
        std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes << std::flush;
    }
};

/// A header's bytes after its length in eight (another length where one is given).
inline std::string with_length(const std::string& header, std::uint64_t length) {
    std::string bytes(8, '\0');
    std::memcpy(bytes.data(), &length, 8);
    return bytes + header;
}
inline std::string with_length(const std::string& header) { return with_length(header, header.size()); }

template <class T>
ikebana::TensorEntry tensor(std::string name, std::string dtype, std::vector<std::int64_t> shape,
                            std::initializer_list<T> values) {
    ikebana::TensorEntry entry{std::move(name), std::move(dtype), std::move(shape), {}};
    const auto bytes = std::as_bytes(std::span(std::data(values), values.size()));
    entry.data.assign(bytes.begin(), bytes.end());
    return entry;
}

/// Several dtypes, a scalar, an empty tensor, names and words outside ASCII.
inline ikebana::TensorFile example() {
    return {{{"format", "ikebana"}, {"words", "quote \" backslash \\ line\n tab\t umlaut \xc3\xa4 \xe6\x95\xb0"}},
            {tensor<float>("0.weight", "F32", {2, 1, 2}, {1.5f, -2.25f, 0.0f, 3e-38f}),
             tensor<float>("empty", "F32", {0, 3}, {}),
             tensor<double>("mean \xc3\xa4", "F64", {3}, {0.1, -1e300, 5e-324}), tensor<float>("", "F32", {}, {7.0f}),
             tensor<std::uint8_t>("labels", "U8", {5}, {0, 1, 2, 254, 255})}};
}

/// The message that reading the file gives, "" where it loads.
inline std::string refusal(const std::filesystem::path& path) {
    try {
        ikebana::read_tensor_file(path);
        return "";
    } catch (const ikebana::error& e) {
        return e.what();
    }
}

/// The same for a file of these bytes, without the file's name.
inline std::string refusal_of(const std::string& bytes) {
    const scratch_file file(bytes);
    const std::string what = refusal(file.path);
    return what.empty() ? what : what.substr(file.path.string().size() + 2);
}

} // namespace safetensors_help
