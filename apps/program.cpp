// The frame of every program: command line in, exit code out.
#include <apps/program.hpp>
#include <ikebana/core/error.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <system_error>

namespace ikebana::apps {
namespace {

int complain(const ProgramInfo& program, std::string what) {
    std::replace(what.begin(), what.end(), '\n', ' ');
    std::fprintf(stderr, "%s: %s\n", program.name.c_str(), what.c_str());
    return 1;
}

/// Standard output may be a file on a full disk: what could not be written is an error like any other.
void finish_output() {
    errno = 0;
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
        throw error("standard output: cannot write: " + std::generic_category().message(errno != 0 ? errno : EIO));
}

} // namespace

int run_program(const ProgramInfo& program, int argc, const char* const* argv,
                const std::function<void(const Options&)>& run) {
    std::signal(SIGXFSZ, SIG_IGN); // a limit on file sizes: writes then fail, with a message
    const CommandLine line = parse_command_line(program, argc, argv);
    try {
        if (!line.options) {
            std::fputs(line.text.c_str(), line.exit_code == 0 ? stdout : stderr);
            finish_output();
            return line.exit_code;
        }
        if (std::getenv("IKEBANA_ASK") != nullptr) return reads_fetched_digits(*line.options) ? needs_digits : 0;
        run(*line.options);
        finish_output();
        return 0;
    } catch (const std::bad_alloc&) {
        return complain(program, "out of memory");
    } catch (const std::exception& e) {
        return complain(program, e.what());
    }
}

} // namespace ikebana::apps
