// The command line, the same for all programs: MODEL train|test|predict|describe with options after the command.
// parse_command_line turns it into Options or into a text to print (help, or one line that says what is wrong); nothing
// here names a network, so it is compiled once. Next to read: program.hpp, which a main() calls.
#pragma once
#include <cstdint>
#include <filesystem>
#include <ikebana/optim/schedule.hpp>
#include <optional>
#include <string>
#include <vector>

namespace ikebana::apps {

enum class Command { train, test, predict, describe };
enum class OptimizerChoice { adam, sgd };
enum class Device { cpu, hip, automatic, reference };

struct Options {
    Command command = Command::train;

    int epochs = 5;
    int batch = 64;
    double lr = 0.001;
    Schedule schedule = Schedule::constant;
    OptimizerChoice optimizer = OptimizerChoice::adam;
    std::uint64_t seed = 1;
    int threads = 1;            // as many as there are cores, unless given
    std::filesystem::path data; // empty: fetched and cached
    std::filesystem::path out;  // build/out/MODEL, unless given
    Device device = Device::cpu;
    bool sample = false; // the digits in the repository
    bool plain = false;  // no progress bar, no colour, no curve in the terminal

    bool profile = false; // train: print where the time goes, and leave a Chrome trace

    std::optional<std::filesystem::path> dump;  // test: where to write the classes predicted
    std::optional<std::filesystem::path> model; // test, predict: another file than the output folder's best pass
    bool probabilities = false;                 // predict: print them
    std::vector<std::filesystem::path> images;  // predict: one or more
};

struct ProgramInfo {
    std::string name;        // "lenet5"
    std::string description; // one line for --help
};

/// Either options, or a text to print and the code to exit with: 0 for help that was asked for, 1 for an error.
struct CommandLine {
    std::optional<Options> options;
    std::string text;
    int exit_code = 0;
};

CommandLine parse_command_line(const ProgramInfo& program, int argc, const char* const* argv);

/// Whether the command reads the digits that apps/fetch_mnist fetches.
bool reads_fetched_digits(const Options& options);

/// Cores that this process may use, at most 256.
int available_cores();

} // namespace ikebana::apps
