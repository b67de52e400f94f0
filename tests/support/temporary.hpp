// A file name of this process in the system's folder for temporary files; what lies there is removed at the end.
#pragma once
#include <filesystem>
#include <string>
#include <unistd.h>

namespace ikebana::test {

struct Temporary {
    std::filesystem::path path;

    explicit Temporary(const std::string& name)
        : path(std::filesystem::temp_directory_path() / ("ikebana-" + std::to_string(::getpid()) + "-" + name)) {}
    Temporary(const Temporary&) = delete;
    Temporary& operator=(const Temporary&) = delete;
    ~Temporary() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
};

} // namespace ikebana::test
