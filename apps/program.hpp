// run_program: what every main() does around its work. It parses the command line, calls `run` with the options, and
// answers each error with one line on standard error and exit code 1 (a full disk behind standard output included).
//   int main(int argc, char** argv) { return run_program({"lenet5", "LeNet-5"}, argc, argv, run<Network...>); }
#pragma once
#include <apps/options.hpp>
#include <functional>

namespace ikebana::apps {

/// Returns the exit code: 0 after work or help that was asked for, 1 after an error.
int run_program(const ProgramInfo& program, int argc, const char* const* argv,
                const std::function<void(const Options&)>& run);

} // namespace ikebana::apps
