// The safetensors form of a TensorFile:
//   8 bytes      length L of the header, little-endian
//   L bytes      JSON object, padded with spaces: tensor name -> {"dtype", "shape", "data_offsets": [begin, end)}, and
//                optionally "__metadata__" -> object of strings
//   the rest     the tensors' bytes; the offsets count from its start and tile it without holes or overlap
// Opt-in, because it brings nlohmann-json; tensor_file.hpp has the declarations alone and says how to compile this once.
#pragma once
#include <algorithm>
#include <bit>
#include <ikebana/core/error.hpp>
#include <ikebana/io/atomic_file.hpp>
#include <ikebana/io/model_file.hpp>
#include <ikebana/io/open_file.hpp>
#include <ikebana/io/tensor_file.hpp>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_set>
#include <utility>

namespace ikebana::detail {

static_assert(std::endian::native == std::endian::little, "tensor data go to and from files without a byte swap");

inline constexpr std::uint64_t max_header_length = 100'000'000; // as the format's own library has it
inline constexpr std::size_t max_tensor_rank = 32;

/// Bytes of one element, 0 for a name that is no dtype.
constexpr std::uint64_t dtype_size(std::string_view dtype) {
    constexpr std::pair<std::string_view, std::uint64_t> sizes[] = {
        {"F32", 4}, {"F64", 8}, {"F16", 2}, {"BF16", 2}, {"F8_E4M3", 1}, {"F8_E5M2", 1}, {"I8", 1},  {"I16", 2},
        {"I32", 4}, {"I64", 8}, {"U8", 1},  {"U16", 2},  {"U32", 4},     {"U64", 8},     {"BOOL", 1}};
    for (const auto& [name, size] : sizes)
        if (name == dtype) return size;
    return 0;
}

/// Bytes of a tensor; nothing where they are more than 64 bits can count.
constexpr std::optional<std::uint64_t> tensor_bytes(std::string_view dtype, std::span<const std::int64_t> shape) {
    std::uint64_t bytes = dtype_size(dtype);
    for (const std::int64_t size : shape)
        if (size < 0 || __builtin_mul_overflow(bytes, static_cast<std::uint64_t>(size), &bytes)) return std::nullopt;
    return bytes;
}

/// Text from a file within quotes, fit for a one-line message: short, printable ASCII.
inline std::string in_quotes(std::string_view text) {
    constexpr std::size_t most = 100;
    std::string result = "'";
    for (const char c : text.substr(0, most)) result += c >= ' ' && c <= '~' ? c : '?';
    return result + (text.size() > most ? "...'" : "'");
}

struct claimed_tensor {
    TensorEntry tensor; // without data
    std::uint64_t begin = 0, end = 0;
};

/// Takes the JSON parser's events and accepts exactly the header's form, so nothing nests deeper than that form does.
class header_events {
  public:
    explicit header_events(const std::filesystem::path& path) : path_(path.string()) {}

    std::map<std::string, std::string> metadata;
    std::vector<claimed_tensor> tensors;

    bool null() { unexpected("null"); }
    bool boolean(bool) { unexpected("true or false"); }
    bool number_integer(std::int64_t value) { unexpected("the number " + std::to_string(value)); }
    bool number_unsigned(std::uint64_t value);
    bool number_float(double, const std::string& text) { unexpected("the number " + in_quotes(text)); }
    bool string(std::string& value);
    bool binary(nlohmann::json::binary_t&) { unexpected("binary data"); }
    bool start_object(std::size_t);
    bool key(std::string& value);
    bool end_object();
    bool start_array(std::size_t);
    bool end_array();
    bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception& e);

  private:
    enum class place { start, root, metadata, tensor, shape, offsets };

    [[noreturn]] void fail(const std::string& what) const { throw file_error(path_, what); }
    [[noreturn]] void unexpected(const std::string& what) const;
    std::string where() const;
    void finish_tensor();

    std::string path_;
    place place_ = place::start;
    std::unordered_set<std::string> names_;
    std::string name_, field_; // of the value that comes next
    std::optional<std::string> dtype_;
    std::optional<std::vector<std::int64_t>> shape_;
    std::optional<std::vector<std::uint64_t>> offsets_;
};

inline std::string header_events::where() const {
    switch (place_) {
    case place::start:
        return "header";
    case place::root:
        return in_quotes(name_);
    case place::metadata:
        return "__metadata__ " + in_quotes(field_);
    default:
        return "tensor " + in_quotes(name_) + (field_.empty() ? "" : ", " + in_quotes(field_));
    }
}

inline void header_events::unexpected(const std::string& what) const {
    const auto wanted = [this]() -> std::string {
        switch (place_) {
        case place::start:
            return "an object";
        case place::root:
            return name_ == "__metadata__" ? "an object of strings" : "an object that describes a tensor";
        case place::metadata:
            return "a string";
        case place::shape:
            return "sizes from 0 to 9223372036854775807";
        case place::offsets:
            return "two offsets in bytes";
        case place::tensor:
            break;
        }
        return field_ == "dtype" ? "a string" : "an array of whole numbers";
    };
    fail("header: " + where() + " holds " + what + ": expected " + wanted());
}

inline bool header_events::number_unsigned(std::uint64_t value) {
    if (place_ == place::shape) {
        if (value > std::numeric_limits<std::int64_t>::max()) unexpected("the number " + std::to_string(value));
        if (shape_->size() == max_tensor_rank) fail("header: " + where() + " has more than 32 axes");
        shape_->push_back(static_cast<std::int64_t>(value));
    } else if (place_ == place::offsets) {
        if (offsets_->size() == 2) unexpected("more than two");
        offsets_->push_back(value);
    } else {
        unexpected("the number " + std::to_string(value));
    }
    return true;
}

inline bool header_events::string(std::string& value) {
    if (place_ == place::metadata)
        metadata.emplace(field_, std::move(value));
    else if (place_ == place::tensor && field_ == "dtype")
        dtype_ = std::move(value);
    else
        unexpected("the text " + in_quotes(value));
    return true;
}

inline bool header_events::start_object(std::size_t) {
    if (place_ == place::start)
        place_ = place::root;
    else if (place_ == place::root)
        place_ = name_ == "__metadata__" ? place::metadata : place::tensor;
    else
        unexpected("an object");
    field_.clear();
    return true;
}

inline bool header_events::key(std::string& value) {
    if (place_ == place::root) {
        if (!names_.insert(value).second) fail("header: " + in_quotes(value) + " appears twice");
        name_ = std::move(value);
        return true;
    }
    field_ = std::move(value);
    if (place_ == place::metadata) {
        if (metadata.count(field_) != 0) fail("header: " + where() + " appears twice");
        return true;
    }
    if (field_ != "dtype" && field_ != "shape" && field_ != "data_offsets")
        fail("header: " + where() + " is unknown: expected dtype, shape or data_offsets");
    if ((field_ == "dtype" && dtype_) || (field_ == "shape" && shape_) || (field_ == "data_offsets" && offsets_))
        fail("header: " + where() + " appears twice");
    return true;
}

inline bool header_events::end_object() {
    field_.clear();
    if (place_ == place::tensor) finish_tensor();
    place_ = place::root;
    return true;
}

inline bool header_events::start_array(std::size_t) {
    if (place_ != place::tensor || field_ == "dtype") unexpected("an array");
    if (field_ == "shape") {
        place_ = place::shape;
        shape_.emplace();
    } else {
        place_ = place::offsets;
        offsets_.emplace();
    }
    return true;
}

inline bool header_events::end_array() {
    if (place_ == place::offsets && offsets_->size() != 2) unexpected(std::to_string(offsets_->size()));
    place_ = place::tensor;
    return true;
}

inline bool header_events::parse_error(std::size_t position, const std::string&, const nlohmann::json::exception& e) {
    const std::string_view text = e.what(); // "[...] parse error at line 1, column 2: what - what exactly"
    const std::size_t colon = text.find(": ");
    fail("header is not JSON (at byte " + std::to_string(8 + position) +
         "): " + in_quotes(text.substr(colon == std::string_view::npos ? 0 : colon + 2)));
}

inline void header_events::finish_tensor() {
    if (!dtype_ || !shape_ || !offsets_)
        fail("header: " + where() + " lacks " + (!dtype_ ? "dtype" : !shape_ ? "shape" : "data_offsets"));
    if (dtype_size(*dtype_) == 0) fail("header: " + where() + " has the unknown dtype " + in_quotes(*dtype_));
    const auto bytes = tensor_bytes(*dtype_, *shape_);
    const std::uint64_t begin = (*offsets_)[0], end = (*offsets_)[1];
    if (!bytes) fail("header: " + where() + " has a shape beyond 64 bits");
    if (begin > end || end - begin != *bytes)
        fail("header: " + where() + " has data_offsets [" + std::to_string(begin) + ", " + std::to_string(end) +
             "]: its dtype and shape take " + std::to_string(*bytes) + " bytes");
    tensors.push_back({{name_, std::move(*dtype_), std::move(*shape_), {}}, begin, end});
    dtype_.reset(), shape_.reset(), offsets_.reset();
}

/// Fills `to` with the file's next bytes.
inline void read_exactly(const OpenFile& file, const std::filesystem::path& path, std::span<std::byte> to) {
    if (read_file(file, path.string(), to.data(), to.size()) != to.size())
        throw file_error(path.string(), "became shorter while it was read");
}

/// The header's text, its length checked against the file.
inline std::string read_header_text(const OpenFile& file, const std::filesystem::path& path) {
    const std::uint64_t size = file.size;
    if (size < 8)
        throw file_error(path.string(), "is no safetensors file: it has " + std::to_string(size) +
                                            " bytes, expected 8 of header length");
    std::uint64_t length = 0;
    read_exactly(file, path, std::as_writable_bytes(std::span(&length, 1)));
    const std::uint64_t most = std::min(max_header_length, size - 8);
    if (length == 0 || length > most)
        throw file_error(path.string(), "is no safetensors file, or not all of one: header length is " +
                                            std::to_string(length) + " (at byte 0): expected 1 to " +
                                            std::to_string(most) + ", by the file's " + std::to_string(size) +
                                            " bytes");
    std::string text(length, '\0');
    read_exactly(file, path, std::as_writable_bytes(std::span(text)));
    if (text.front() != '{') throw file_error(path.string(), "header (at byte 8): expected '{' of a JSON object");
    if (const std::size_t zero = text.find('\0'); zero != std::string::npos) // the parser would take it for the end
        throw file_error(path.string(), "header has a zero byte (at byte " + std::to_string(8 + zero) + ")");
    return text;
}

/// Puts tensors in the order of their data and checks that these tile `size` bytes.
inline void check_tiling(std::vector<claimed_tensor>& tensors, std::uint64_t size, const std::filesystem::path& path) {
    std::stable_sort(tensors.begin(), tensors.end(), [](const claimed_tensor& a, const claimed_tensor& b) {
        return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
    });
    std::uint64_t at = 0;
    for (const claimed_tensor& claimed : tensors) {
        const std::string name = "tensor " + in_quotes(claimed.tensor.name);
        if (claimed.begin != at)
            throw file_error(path.string(), name + " begins at data byte " + std::to_string(claimed.begin) +
                                                ": expected " + std::to_string(at) + ", without hole or overlap");
        if (claimed.end > size)
            throw file_error(path.string(), name + " ends at data byte " + std::to_string(claimed.end) +
                                                ": the file has " + std::to_string(size) + " bytes of data");
        at = claimed.end;
    }
    if (at != size)
        throw file_error(path.string(),
                         "has " + std::to_string(size) + " bytes of data: the tensors take " + std::to_string(at));
}

/// Text as a JSON string.
inline std::string json_string(const std::string& text, const std::filesystem::path& path) {
    try {
        return nlohmann::json(text).dump();
    } catch (const nlohmann::json::exception&) {
        throw file_error(path.string(), "cannot write the text " + in_quotes(text) + ": it is not UTF-8");
    }
}

/// The header of a file, padded so that the data start at a multiple of 8 bytes.
inline std::string header_text(const TensorFile& file, const std::filesystem::path& path) {
    std::string text = "{", separator;
    if (!file.metadata.empty()) {
        text += "\"__metadata__\":{";
        for (const auto& [key, value] : file.metadata) {
            text += separator + json_string(key, path) + ":" + json_string(value, path);
            separator = ",";
        }
        text += "}";
    }
    std::unordered_set<std::string> names{"__metadata__"};
    std::uint64_t at = 0;
    for (const TensorEntry& tensor : file.tensors) {
        const auto refuse = [&](const char* why) {
            throw file_error(path.string(), "cannot write tensor " + in_quotes(tensor.name) + ": " + why);
        };
        if (!names.insert(tensor.name).second) refuse("its name is taken");
        if (dtype_size(tensor.dtype) == 0) refuse("its dtype is unknown");
        if (tensor.shape.size() > max_tensor_rank) refuse("it has more than 32 axes");
        if (tensor_bytes(tensor.dtype, tensor.shape) != tensor.data.size()) refuse("its data do not fit its shape");

        std::string shape, comma;
        for (const std::int64_t size : tensor.shape) shape += std::exchange(comma, ",") + std::to_string(size);
        text += separator + json_string(tensor.name, path) + ":{\"dtype\":\"" + tensor.dtype + "\",\"shape\":[" +
                shape + "],\"data_offsets\":[" + std::to_string(at) + "," + std::to_string(at + tensor.data.size()) +
                "]}";
        at += tensor.data.size();
        separator = ",";
    }
    text += "}";
    text.resize((text.size() + 7) / 8 * 8, ' ');
    if (text.size() > max_header_length) throw file_error(path.string(), "cannot write: the header is over 100 MB");
    return text;
}

} // namespace ikebana::detail

namespace ikebana {

template <class>
TensorFile read_tensor_file(const std::filesystem::path& path) {
    const detail::OpenFile file = detail::open_file(path);
    const std::string text = detail::read_header_text(file, path);
    detail::header_events header(path);
    nlohmann::json::sax_parse(text, &header);
    detail::check_tiling(header.tensors, file.size - 8 - text.size(), path);

    TensorFile result{std::move(header.metadata), {}};
    result.tensors.reserve(header.tensors.size());
    for (detail::claimed_tensor& claimed : header.tensors) {
        claimed.tensor.data.resize(claimed.end - claimed.begin);
        detail::read_exactly(file, path, claimed.tensor.data);
        result.tensors.push_back(std::move(claimed.tensor));
    }
    return result;
}

template <class>
void write_tensor_file(const std::filesystem::path& path, const TensorFile& file) {
    const std::string text = detail::header_text(file, path);
    const std::uint64_t length = text.size();
    AtomicFile out(path);
    out.write(std::as_bytes(std::span(&length, 1)));
    out.write(text);
    for (const TensorEntry& tensor : file.tensors) out.write(tensor.data);
    out.commit();
}

} // namespace ikebana
