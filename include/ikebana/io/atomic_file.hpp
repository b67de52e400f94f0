// Writing a file whole or not at all. The bytes go to a hidden temporary file in the same folder; commit() flushes it
// to the disk and renames it over the old file, so a reader sees the old bytes or the new ones and never a part.
// Whatever fails on the way (no folder, no permission, full disk, file-size limit) throws ikebana::file_error and
// leaves the old file untouched and no temporary behind. A device, a pipe or an open descriptor (/dev/stdout, whatever
// it leads to) has no "whole" and is written directly. POSIX calls only.
#pragma once
#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstddef>
#include <ctime>
#include <filesystem>
#include <ikebana/core/error.hpp>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ikebana {

/// A file under construction. write() any number of times, then commit(); destroyed before that, it leaves no trace.
class AtomicFile {
  public:
    /// Opens the temporary file. Throws file_error where `path` cannot become a file.
    explicit AtomicFile(std::filesystem::path path);
    ~AtomicFile();
    AtomicFile(const AtomicFile&) = delete;
    AtomicFile& operator=(const AtomicFile&) = delete;

    /// Appends bytes. Throws file_error when not all of them could be written.
    void write(std::span<const std::byte> bytes);
    void write(std::string_view text) { write(std::as_bytes(std::span(text))); }

    /// Makes the file appear under its name, safe against a power cut. Throws file_error when it could not; the new
    /// file is there already if all that failed is to flush its folder.
    void commit();

  private:
    [[noreturn]] void fail(int number) const;
    void close_and_remove() noexcept;

    std::filesystem::path path_;      // as the user wrote it: named in errors
    std::filesystem::path target_;    // the same with links followed
    std::filesystem::path temporary_; // empty for what is written directly
    int descriptor_ = -1;
};

/// Replaces the file `path` by one that holds `bytes`, or throws file_error and leaves it as it was.
inline void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes) {
    AtomicFile file(path);
    file.write(bytes);
    file.commit();
}
inline void write_file(const std::filesystem::path& path, std::string_view text) {
    write_file(path, std::as_bytes(std::span(text)));
}

namespace detail {

/// What went wrong with a write, for the user: the cause in words where the system's own word is not enough.
inline std::string write_failure(int number, const std::filesystem::path& folder) {
    const std::string system = std::generic_category().message(number);
    switch (number) {
    case ENOENT:
        return "cannot write: folder " + folder.string() + " does not exist";
    case ENOTDIR:
        return "cannot write: " + folder.string() + " is not a folder";
    case EACCES:
    case EPERM:
        return "cannot write: no permission (in folder " + folder.string() + ")";
    case EISDIR:
        return "cannot write: it is a folder";
    case ENOSPC:
        return "cannot write: the disk is full (" + system + ")";
    case EFBIG:
        return "cannot write: the limit on file sizes is reached (" + system + ")";
    default:
        return "cannot write: " + system;
    }
}

/// While it lives, a write beyond the limit on file sizes returns EFBIG in this thread instead of ending the program.
class file_size_signal_blocked {
  public:
    file_size_signal_blocked() {
        sigemptyset(&signal_);
        sigaddset(&signal_, SIGXFSZ);
        pthread_sigmask(SIG_BLOCK, &signal_, &before_);
    }
    ~file_size_signal_blocked() {
        if (sigismember(&before_, SIGXFSZ) == 1) return; // blocked by the caller already: his to handle
        const timespec now{};
        while (sigtimedwait(&signal_, nullptr, &now) == SIGXFSZ) {
        }
        pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }
    file_size_signal_blocked(const file_size_signal_blocked&) = delete;
    file_size_signal_blocked& operator=(const file_size_signal_blocked&) = delete;

  private:
    sigset_t signal_, before_;
};

/// The descriptor that a path such as /dev/stdout or /dev/fd/5 stands for; −1 for any other path.
inline int descriptor_of(std::filesystem::path path) {
    for (int links = 0; links < 8; ++links) {
        std::error_code code;
        if (std::filesystem::equivalent(path.parent_path(), "/proc/self/fd", code)) {
            const std::string name = path.filename().string();
            int number = -1;
            const char* const end = name.data() + name.size();
            return std::from_chars(name.data(), end, number).ptr == end ? number : -1;
        }
        const std::filesystem::path next = std::filesystem::read_symlink(path, code);
        if (code) return -1;
        path = path.parent_path() / next;
    }
    return -1;
}

/// A name in the folder of `target` that no other process or thread uses, short enough for any file system.
inline std::filesystem::path temporary_name(const std::filesystem::path& target) {
    static std::atomic<unsigned> counter{0};
    std::string name = "."; // grown at its end: for text + string, g++ 12 warns of an overlap that cannot be
    name += target.filename().string().substr(0, 100) + "." + std::to_string(getpid()) + "-";
    name += std::to_string(counter++) + ".tmp";
    return target.parent_path() / name;
}

} // namespace detail

inline AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
    if (path_.empty()) throw error("cannot write a file without a name");
    target_ = path_;
    if (const int number = detail::descriptor_of(path_); number >= 0) {
        descriptor_ = ::fcntl(number, F_DUPFD_CLOEXEC, 0); // at the place where it is, which opening would not keep
        if (descriptor_ < 0) fail(errno);
        return;
    }
    struct stat status;
    const bool exists = ::stat(path_.c_str(), &status) == 0; // of what links lead to
    if (!exists && errno == ELOOP) fail(ELOOP);
    std::error_code code;
    if (std::filesystem::is_symlink(path_, code)) {
        if (!exists) throw file_error(path_.string(), "cannot write: it is a link to a file that does not exist");
        if (S_ISREG(status.st_mode)) target_ = std::filesystem::canonical(path_, code);
        if (code) fail(code.value());
    }
    if ((exists && S_ISDIR(status.st_mode)) || !target_.has_filename()) fail(EISDIR);
    if (exists && ::access(target_.c_str(), W_OK) != 0) fail(errno); // a protected file stays
    if (exists && !S_ISREG(status.st_mode)) {
        descriptor_ = ::open(target_.c_str(), O_WRONLY | O_CLOEXEC);
        if (descriptor_ < 0) fail(errno);
        return;
    }
    do {
        temporary_ = detail::temporary_name(target_);
        descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, exists ? 0600 : 0666);
    } while (descriptor_ < 0 && (errno == EEXIST || errno == EINTR));
    if (descriptor_ < 0) fail(errno);
    if (exists) static_cast<void>(::fchmod(descriptor_, status.st_mode & 0777)); // where a file system has modes
}

inline AtomicFile::~AtomicFile() { close_and_remove(); }

inline void AtomicFile::write(std::span<const std::byte> bytes) {
    const detail::file_size_signal_blocked blocked;
    while (!bytes.empty()) {
        const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0 && errno == EAGAIN) { // a descriptor of somebody's who does not wait
            pollfd ready{descriptor_, POLLOUT, 0};
            ::poll(&ready, 1, -1);
            continue;
        }
        if (written < 0) fail(errno);
        if (written == 0) fail(EIO);
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
}

inline void AtomicFile::commit() {
    const bool direct = temporary_.empty();
    if (!direct && ::fsync(descriptor_) != 0) fail(errno);
    if (::close(std::exchange(descriptor_, -1)) != 0) fail(errno);
    if (direct) return;
    if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail(errno);
    temporary_.clear();

    const std::filesystem::path parent = target_.parent_path();
    const int folder = ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0 && errno == EACCES) return; // a folder one may write but not list: the name reaches the disk later
    if (folder < 0) fail(errno);
    const int number = ::fsync(folder) == 0 || errno == EINVAL ? 0 : errno; // EINVAL: a file system without it
    ::close(folder);
    if (number != 0) fail(number);
}

inline void AtomicFile::fail(int number) const {
    const std::filesystem::path parent = target_.parent_path();
    throw file_error(path_.string(), detail::write_failure(number, parent.empty() ? "." : parent));
}

inline void AtomicFile::close_and_remove() noexcept {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
    temporary_.clear();
}

} // namespace ikebana
