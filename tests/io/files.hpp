// What the tests of files need: a folder that is removed at the end, and files with given bytes, plain or gzipped.
#pragma once
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <ikebana/core/error.hpp>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <zlib.h>

namespace ikebana::test {

class TemporaryFolder {
  public:
    TemporaryFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "ikebana-test-XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder " + name);
        path_ = name;
    }
    ~TemporaryFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    const std::filesystem::path& path() const { return path_; }

    /// Writes a file and gives its path.
    std::filesystem::path file(const std::string& name, std::string_view bytes) const {
        std::ofstream out(path_ / name, std::ios::binary);
        out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        if (!out.flush()) throw std::runtime_error("cannot write " + name);
        return path_ / name;
    }

  private:
    std::filesystem::path path_;
};

inline std::string bytes_of(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

inline std::string gzipped(std::string_view bytes) {
    z_stream z{};
    if (deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw std::runtime_error("no zlib");
    std::string out(deflateBound(&z, bytes.size()), '\0');
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    z.avail_in = static_cast<uInt>(bytes.size());
    z.next_out = reinterpret_cast<Bytef*>(out.data());
    z.avail_out = static_cast<uInt>(out.size());
    const int result = deflate(&z, Z_FINISH);
    out.resize(z.total_out);
    deflateEnd(&z);
    if (result != Z_STREAM_END) throw std::runtime_error("cannot compress");
    return out;
}

/// The line of the file_error that f throws, without the folder's name; "" where it throws none.
template <class F>
std::string complaint(const TemporaryFolder& folder, F f) {
    try {
        f();
    } catch (const file_error& e) {
        std::string line = e.what();
        if (line.find('\n') != std::string::npos) return "more than one line: " + line;
        const std::string prefix = folder.path().string();
        for (std::size_t at; (at = line.find(prefix + "/")) != std::string::npos;) line.erase(at, prefix.size() + 1);
        for (std::size_t at; (at = line.find(prefix)) != std::string::npos;) line.replace(at, prefix.size(), "FOLDER");
        return line;
    }
    return "";
}

} // namespace ikebana::test
