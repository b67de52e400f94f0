// Golden files: numbers that PyTorch computed (README.md lists them), read by name.
//   golden::File steps(IKEBANA_SOURCE_ROOT "/tests/golden/lenet5_steps");
//   std::vector<float> w = steps.values<float>("step0/conv1.weight");   20*1*5*5 values, row-major
// The format is in golden_file.py. Everything read is checked: size and hash of the values, each tensor's place.
#pragma once
#include <ikebana/core/error.hpp>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace golden {

/// FNV-1a, 64 bits.
inline std::uint64_t fnv1a64(std::string_view bytes) {
    std::uint64_t hash = 0xCBF29CE484222325u;
    for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
    return hash;
}

/// The value of an IEEE binary16 number, given by its bits.
inline double from_half(std::uint16_t bits) {
    const int exponent = bits >> 10 & 31, fraction = bits & 1023;
    const double magnitude = exponent == 31  ? (fraction == 0 ? INFINITY : NAN)
                             : exponent == 0 ? std::ldexp(fraction, -24)
                                             : std::ldexp(1024 + fraction, exponent - 25);
    return bits >> 15 ? -magnitude : magnitude;
}

class File {
  public:
    using Sizes = std::vector<std::size_t>;

    /// Reads STEM.index and STEM.bin; throws ikebana::file_error if anything in them is not as it must be.
    explicit File(const std::string& stem) : index_(stem + ".index"), bytes_(read(stem + ".bin")) {
        std::istringstream lines(read(index_));
        std::string word, hash;
        std::size_t version = 0, size = 0;
        if (!(lines >> word >> version >> size >> hash) || word != "golden" || version != 1)
            throw ikebana::file_error(index_, "does not begin with 'golden 1 BYTES HASH'");
        if (size != bytes_.size())
            throw ikebana::file_error(stem + ".bin", "has " + std::to_string(bytes_.size()) + " bytes, expected " +
                                                         std::to_string(size));
        if (fnv1a64(bytes_) != std::stoull(hash, nullptr, 16))
            throw ikebana::file_error(stem + ".bin", "has another FNV-1a hash than " + hash);
        for (std::string name; lines >> name;) add(name, lines);
    }

    /// Names in the order of the file.
    const std::vector<std::string>& names() const { return names_; }
    bool contains(const std::string& name) const { return tensors_.count(name) != 0; }
    const Sizes& shape(const std::string& name) const { return find(name).shape; }
    std::size_t size(const std::string& name) const { return count(find(name).shape); }

    /// All values of a tensor, row-major.
    template <class T = double>
    std::vector<T> values(const std::string& name) const {
        const Tensor& t = find(name);
        std::vector<T> result(count(t.shape));
        for (std::size_t i = 0; i < result.size(); ++i) result[i] = static_cast<T>(t.scale * stored(t, i));
        return result;
    }

    /// The value of a tensor with one element.
    double value(const std::string& name) const {
        if (size(name) != 1) throw ikebana::file_error(index_, name + " has more than one value");
        return values(name).front();
    }

  private:
    enum class Type { f64, f32, f16, i16, u32 };
    struct Tensor {
        Type type;
        double scale;
        Sizes shape;
        std::size_t offset;
    };

    static std::size_t bytes_of(Type t) { return t == Type::f64 ? 8 : t == Type::f32 || t == Type::u32 ? 4 : 2; }
    static std::size_t count(const Sizes& shape) {
        std::size_t n = 1;
        for (const std::size_t s : shape) n *= s;
        return n;
    }
    static std::string read(const std::string& path) {
        std::ifstream in(path, std::ios::binary);
        if (!in) throw ikebana::file_error(path, "cannot be opened");
        return {std::istreambuf_iterator<char>(in), {}};
    }

    const Tensor& find(const std::string& name) const {
        const auto t = tensors_.find(name);
        if (t == tensors_.end()) throw ikebana::file_error(index_, "holds no tensor " + name);
        return t->second;
    }

    // One line of the index after its name: TYPE SCALE 20x1x5x5 OFFSET
    void add(const std::string& name, std::istringstream& lines) {
        static const std::map<std::string, Type> types{
            {"f64", Type::f64}, {"f32", Type::f32}, {"f16", Type::f16}, {"i16", Type::i16}, {"u32", Type::u32}};
        Tensor t{};
        std::string type, shape;
        if (!(lines >> type >> t.scale >> shape >> t.offset) || types.count(type) == 0)
            throw ikebana::file_error(index_, "line of " + name + " is not 'NAME TYPE SCALE SHAPE OFFSET'");
        t.type = types.at(type);
        std::istringstream sizes(shape);
        for (std::string s; std::getline(sizes, s, 'x');) t.shape.push_back(std::stoul(s));
        if (t.offset > bytes_.size() || count(t.shape) > (bytes_.size() - t.offset) / bytes_of(t.type))
            throw ikebana::file_error(index_, name + " lies outside the " + std::to_string(bytes_.size()) + " bytes");
        if (!tensors_.emplace(name, t).second) throw ikebana::file_error(index_, "names " + name + " twice");
        names_.push_back(name);
    }

    template <class T>
    T load(std::size_t offset) const {
        T v;
        std::memcpy(&v, bytes_.data() + offset, sizeof v);
        return v;
    }
    double stored(const Tensor& t, std::size_t i) const {
        const std::size_t at = t.offset + i * bytes_of(t.type);
        switch (t.type) {
        case Type::f64:
            return load<double>(at);
        case Type::f32:
            return load<float>(at);
        case Type::f16:
            return from_half(load<std::uint16_t>(at));
        case Type::i16:
            return load<std::int16_t>(at);
        case Type::u32:
            return load<std::uint32_t>(at);
        }
        throw ikebana::file_error(index_, "tensor of no known type");
    }

    std::string index_, bytes_;
    std::vector<std::string> names_;
    std::map<std::string, Tensor> tensors_;
};

} // namespace golden
