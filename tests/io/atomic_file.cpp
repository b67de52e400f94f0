// atomic_file.hpp: a file appears whole or not at all, the old one survives every failure, nothing temporary is left,
// and each cause is named. Needs no permissions; where it runs as root, it becomes nobody for the permission cases.
#include <doctest/doctest.h>
#include <fstream>
#include <ikebana/io/atomic_file.hpp>
#include <iterator>
#include <vector>

#include <csignal>
#include <sys/resource.h>
#include <sys/wait.h>

namespace fs = std::filesystem;
using ikebana::AtomicFile;
using ikebana::write_file;

namespace {

/// An empty folder of this test's own, removed at the end.
struct Folder {
    fs::path path = fs::temp_directory_path() / ("ikebana-atomic-" + std::to_string(getpid()));
    Folder() {
        fs::remove_all(path);
        fs::create_directories(path);
    }
    ~Folder() {
        fs::permissions(path, fs::perms::owner_all);
        fs::remove_all(path);
    }
    fs::path operator/(const char* name) const { return path / name; }
    std::vector<std::string> names() const {
        std::vector<std::string> all;
        for (const auto& entry : fs::directory_iterator(path)) all.push_back(entry.path().filename().string());
        return all;
    }
};

std::string content(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// The error's text, or "" where the file was written.
std::string failure(const fs::path& path, std::string_view text = "new") {
    try {
        write_file(path, text);
        return "";
    } catch (const ikebana::error& e) {
        return e.what();
    }
}

/// The exit code of `body`, run in a child process of its own.
template <class F>
int in_child(F body) {
    const pid_t child = fork();
    if (child == 0) _exit(body());
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

using names = std::vector<std::string>;

} // namespace

TEST_CASE("a file appears at commit, whole, and replaces the old one") {
    Folder folder;
    {
        AtomicFile file(folder / "a");
        file.write("one ");
        CHECK_FALSE(fs::exists(folder / "a"));
        file.write("two");
        file.commit();
    }
    CHECK(content(folder / "a") == "one two");
    write_file(folder / "a", "three");
    CHECK(content(folder / "a") == "three");
    CHECK(folder.names() == names{"a"});
    write_file(folder / "a", "");
    CHECK(content(folder / "a").empty());
}

TEST_CASE("without commit nothing changes and nothing is left") {
    Folder folder;
    write_file(folder / "a", "old");
    {
        AtomicFile file(folder / "a");
        file.write("new");
        CHECK(folder.names().size() == 2);
    }
    CHECK(content(folder / "a") == "old");
    CHECK(folder.names() == names{"a"});
}

TEST_CASE("a new file gets the permissions that the user's mask leaves") {
    Folder folder;
    const mode_t before = umask(027);
    write_file(folder / "a", "x");
    umask(before);
    CHECK((fs::status(folder / "a").permissions() & fs::perms::mask) == static_cast<fs::perms>(0640));
}

TEST_CASE("a file that is replaced keeps its permissions") {
    Folder folder;
    write_file(folder / "a", "old");
    for (const int mode : {0600, 0664}) {
        fs::permissions(folder / "a", static_cast<fs::perms>(mode));
        write_file(folder / "a", "new");
        CHECK((fs::status(folder / "a").permissions() & fs::perms::mask) == static_cast<fs::perms>(mode));
    }
}

TEST_CASE("causes are named") {
    Folder folder;
    write_file(folder / "file", "x");
    const std::string f = folder.path.string();
    CHECK(failure(folder / "none/a") == f + "/none/a: cannot write: folder " + f + "/none does not exist");
    CHECK(failure(folder / "file/a") == f + "/file/a: cannot write: " + f + "/file is not a folder");
    CHECK(failure(folder.path) == f + ": cannot write: it is a folder");
    CHECK(failure(folder / "new/") == f + "/new/: cannot write: it is a folder");
    CHECK(failure("") == "cannot write a file without a name");
    CHECK(failure(folder / std::string(300, 'n').c_str()).find("File name too long") != std::string::npos);
    CHECK(folder.names() == names{"file"});
}

TEST_CASE("names of the greatest length that a file system has") {
    Folder folder;
    const std::string name(255, 'n');
    CHECK(failure(folder / name.c_str()) == "");
    CHECK(content(folder / name.c_str()) == "new");
}

TEST_CASE("no permission") {
    Folder folder;
    write_file(folder / "protected", "old");
    fs::permissions(folder / "protected", fs::perms::owner_read | fs::perms::others_read);
    fs::permissions(folder.path, static_cast<fs::perms>(0555));
    const std::string wanted = ": cannot write: no permission (in folder " + folder.path.string() + ")";
    const int code = in_child([&] {
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) return 2;
        const bool folder_named = failure(folder / "a") == (folder / "a").string() + wanted;
        const bool file_named = failure(folder / "protected") == (folder / "protected").string() + wanted;
        return folder_named && file_named ? 0 : 1;
    });
    CHECK(code == 0);
    CHECK(content(folder / "protected") == "old");
}

TEST_CASE("a full disk: the device that is always full") {
    CHECK(failure("/dev/full") == "/dev/full: cannot write: the disk is full (No space left on device)");
    CHECK(failure("/dev/null") == "");
}

TEST_CASE("a limit on file sizes is an error and no signal, after a short write too; the old file survives") {
    Folder folder;
    write_file(folder / "a", "old");
    const int code = in_child([&] {
        const rlimit limit{1000, 1000}; // 1500 bytes: 1000 are written, then none
        if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
        const std::string wanted =
            (folder / "a").string() + ": cannot write: the limit on file sizes is reached (File too large)";
        if (failure(folder / "a", std::string(1500, 'x')) != wanted) return 3;
        sigset_t blocked;
        pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
        if (sigismember(&blocked, SIGXFSZ) != 0) return 4; // the caller's signals are as they were
        return failure(folder / "b", std::string(1000, 'x')) == "" ? 0 : 5;
    });
    CHECK(code == 0);
    CHECK(content(folder / "a") == "old");
    CHECK(content(folder / "b").size() == 1000);
    CHECK(folder.names().size() == 2);
}

TEST_CASE("links are followed: the file behind them is replaced") {
    Folder folder;
    write_file(folder / "real", "old");
    fs::create_symlink("real", folder / "link");
    write_file(folder / "link", "new");
    CHECK(fs::is_symlink(folder / "link"));
    CHECK(content(folder / "real") == "new");
    fs::create_symlink("nothing", folder / "dangling");
    CHECK(failure(folder / "dangling").ends_with("it is a link to a file that does not exist"));
    fs::create_symlink("circle", folder / "circle");
    CHECK(failure(folder / "circle").find("symbolic links") != std::string::npos);
}

TEST_CASE("a pipe is written directly") {
    Folder folder;
    REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
    const int reader = ::open((folder / "pipe").c_str(), O_RDONLY | O_NONBLOCK);
    write_file(folder / "pipe", "through");
    char text[16] = {};
    CHECK(::read(reader, text, sizeof text) == 7);
    CHECK(std::string(text) == "through");
    ::close(reader);
    CHECK(fs::is_fifo(folder / "pipe"));

    int ends[2];
    REQUIRE(pipe(ends) == 0);
    write_file("/dev/fd/" + std::to_string(ends[1]), "again"); // a link to a pipe, as /dev/stdout may be
    CHECK(::read(ends[0], text, sizeof text) == 5);
    ::close(ends[0]);
    ::close(ends[1]);
}

TEST_CASE("a descriptor that leads to a file is written where it is, and the file stays") {
    Folder folder;
    write_file(folder / "log", "before ");
    const int log = ::open((folder / "log").c_str(), O_WRONLY | O_APPEND);
    const int code = in_child([&] { // as a program whose output goes to the end of a file
        if (::dup2(log, STDOUT_FILENO) < 0 || ::write(STDOUT_FILENO, "one ", 4) != 4) return 2;
        if (failure("/dev/stdout", "two ") != "" || ::write(STDOUT_FILENO, "three ", 6) != 6) return 3;
        return failure("/dev/fd/" + std::to_string(log), "four") == "" ? 0 : 4;
    });
    CHECK(code == 0);
    CHECK(content(folder / "log") == "before one two three four");
    ::close(log);
    const int over = ::open((folder / "log").c_str(), O_WRONLY | O_TRUNC); // not at its end
    CHECK(::write(over, "a", 1) == 1);
    write_file("/proc/self/fd/" + std::to_string(over), "b");
    CHECK(::write(over, "c", 1) == 1);
    ::close(over);
    CHECK(content(folder / "log") == "abc");
    CHECK(folder.names() == names{"log"});
}
