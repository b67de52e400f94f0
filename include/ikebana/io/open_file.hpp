// Opening a file to read: what is missing, a folder, a device or empty is answered in one line, the same for all
// formats.
#pragma once
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <ikebana/core/error.hpp>
#include <memory>
#include <string>

namespace ikebana::detail {

struct CloseFile {
    void operator()(std::FILE* f) const { std::fclose(f); }
};

struct OpenFile {
    std::unique_ptr<std::FILE, CloseFile> stream;
    std::uint64_t size = 0; // bytes, at least 1
};

/// Opens a regular file that isn't empty. Throws file_error for anything else.
inline OpenFile open_file(const std::filesystem::path& path) {
    const std::string name = path.string();
    std::error_code failure;
    const auto type = std::filesystem::status(path, failure).type();
    if (type == std::filesystem::file_type::not_found) throw file_error(name, "no such file");
    if (type == std::filesystem::file_type::directory) throw file_error(name, "is a folder: expected a file");
    if (!failure && type != std::filesystem::file_type::regular)
        throw file_error(name, "is a device or a pipe: expected a file");
    OpenFile file{std::unique_ptr<std::FILE, CloseFile>(std::fopen(name.c_str(), "rb")), 0};
    if (!file.stream) throw file_error(name, std::string("cannot be opened: ") + std::strerror(errno));
    file.size = std::filesystem::file_size(path, failure);
    if (failure) throw file_error(name, "cannot be read: " + failure.message());
    if (file.size == 0) throw file_error(name, "is empty (0 bytes)");
    return file;
}

/// Reads up to n bytes; fewer only at the end of the file. Throws file_error where reading fails.
inline std::size_t read_file(const OpenFile& file, const std::string& name, void* to, std::size_t n) {
    const std::size_t got = std::fread(to, 1, n, file.stream.get());
    if (std::ferror(file.stream.get())) throw file_error(name, std::string("cannot be read: ") + std::strerror(errno));
    return got;
}

} // namespace ikebana::detail
