// run_program: what every main() does around its work. It parses the command line, calls `run` with the options, and
// answers each error with one line on standard error and exit code 1 (a full disk behind standard output included).
//   int main(int argc, char** argv) { return run_program({"lenet5", "LeNet-5"}, argc, argv, run<Network...>); }
#pragma once
#include <apps/options.hpp>
#include <functional>

namespace ikebana::apps {

/// The exit code for "the digits must be fetched".
inline constexpr int needs_digits = 3;

/// Returns the exit code: 0 after work or help that was asked for, 1 after an error. apps/run asks before it fetches
/// anything: with IKEBANA_ASK in the environment no work is done, and the code is `needs_digits` where it would read
/// the digits that apps/fetch_mnist fetches.
int run_program(const ProgramInfo& program, int argc, const char* const* argv,
                const std::function<void(const Options&)>& run);

} // namespace ikebana::apps
