// Standard output or standard error of this process, kept for a test to look at.
#pragma once
#include <cstdio>
#include <string>

#include <fcntl.h>
#include <unistd.h>

/// While it lives, descriptor 1 or 2 leads to a file.
class redirect_descriptor {
  public:
    redirect_descriptor(int descriptor, const char* path) : redirect_descriptor(descriptor, ::open(path, O_WRONLY)) {}
    redirect_descriptor(int descriptor, int target) : descriptor_(descriptor) {
        std::fflush(nullptr);
        before_ = ::dup(descriptor);
        ::dup2(target, descriptor);
        ::close(target);
    }
    ~redirect_descriptor() {
        std::fflush(nullptr);
        ::dup2(before_, descriptor_);
        ::close(before_);
    }
    redirect_descriptor(const redirect_descriptor&) = delete;
    redirect_descriptor& operator=(const redirect_descriptor&) = delete;

  private:
    int descriptor_, before_ = -1;
};

/// A descriptor led to a temporary file, which text() shows.
class capture_descriptor {
  public:
    explicit capture_descriptor(int descriptor)
        : file_(std::tmpfile()), redirected_(descriptor, ::dup(::fileno(file_))) {}
    ~capture_descriptor() { std::fclose(file_); }
    capture_descriptor(const capture_descriptor&) = delete;
    capture_descriptor& operator=(const capture_descriptor&) = delete;

    std::string text() const {
        std::fflush(nullptr);
        std::string all(static_cast<std::size_t>(::lseek(::fileno(file_), 0, SEEK_END)), '\0');
        const ssize_t got = ::pread(::fileno(file_), all.data(), all.size(), 0);
        all.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
        return all;
    }

  private:
    std::FILE* file_;
    redirect_descriptor redirected_;
};
