// Options by CLI11. Values are parsed here and not by CLI11, so that each error names the option, what it takes and
// what was given.
#include <apps/options.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <limits>

#include <sched.h>

namespace ikebana::apps {
namespace {

using CLI::App;

[[noreturn]] void refuse(const std::string& option, const std::string& takes, const std::string& given) {
    throw CLI::ValidationError(option, "takes " + takes + ", not '" + given + "'");
}

/// An option with one value, which `parse` takes or refuses; the last of several counts.
void value_option(App& app, const std::string& name, const std::string& kind, const std::string& help,
                  std::function<void(const std::string&)> parse) {
    app.add_option_function<std::string>(name, std::move(parse), help)
        ->type_name(kind)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

template <class T>
bool parse_whole(const std::string& text, T& value) {
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    return code == std::errc{} && end == text.data() + text.size() && !text.empty();
}

template <class T>
void whole_number(App& app, const std::string& name, T& to, T least, T most, const std::string& help) {
    const auto parse = [&to, name, least, most](const std::string& text) {
        T value{};
        if (!parse_whole(text, value) || value < least || value > most)
            refuse(name, "a whole number from " + std::to_string(least) + " to " + std::to_string(most), text);
        to = value;
    };
    value_option(app, name, "N", help, parse);
}

void positive_number(App& app, const std::string& name, double& to, const std::string& help) {
    const auto parse = [&to, name](const std::string& text) {
        double value = 0;
        if (!parse_whole(text, value) || !std::isfinite(value) || value <= 0) refuse(name, "a number above 0", text);
        to = value;
    };
    value_option(app, name, "X", help, parse);
}

template <class Enum>
void choice(App& app, const std::string& name, Enum& to, const std::vector<std::pair<std::string, Enum>>& choices,
            const std::string& help) {
    std::string names;
    for (const auto& one : choices) names += (names.empty() ? "" : "|") + one.first;
    const auto parse = [&to, name, names, choices](const std::string& text) {
        const auto found = std::find_if(choices.begin(), choices.end(), [&](auto& one) { return one.first == text; });
        if (found == choices.end()) refuse(name, names, text);
        to = found->second;
    };
    value_option(app, name, names, help, parse);
}

template <class Path>
void path_option(App& app, const std::string& name, const std::string& kind, Path& to, const std::string& help) {
    const auto parse = [&to, name, takes = kind == "DIR" ? "a folder" : "a file"](const std::string& text) {
        // The next option, where the value was forgotten; ./--name is a file of such a name.
        if (text.empty() || text.starts_with("--") || text == "-h") refuse(name, takes, text);
        to = std::filesystem::path(text);
    };
    value_option(app, name, kind, help, parse);
}

void training_options(App& app, Options& o) {
    whole_number(app, "--epochs", o.epochs, 1, 1'000'000, "passes over the training data (5)");
    positive_number(app, "--lr", o.lr, "learning rate at the start (0.001)");
    choice<Schedule>(app, "--schedule", o.schedule,
                     {{"constant", Schedule::constant}, {"cosine", Schedule::cosine}, {"step", Schedule::step}},
                     "how the learning rate goes on (constant)");
    choice<OptimizerChoice>(app, "--optimizer", o.optimizer,
                            {{"adam", OptimizerChoice::adam}, {"sgd", OptimizerChoice::sgd}},
                            "Adam, or gradient descent with momentum 0.9 (adam)");
    app.add_flag("--profile", o.profile, "time, GFLOP/s and share of peak of each layer; a trace in OUT/profile.json");
}

/// Options of every command, so that one set serves a train, a test and a predict; help says which have no effect.
void common_options(App& app, Options& o, const std::string& without_effect) {
    whole_number(app, "--batch", o.batch, 1, 65536, "samples in a batch (64)");
    whole_number<std::uint64_t>(app, "--seed", o.seed, 0, std::numeric_limits<std::uint64_t>::max(),
                                "of the first parameters and of the shuffle (1)");
    whole_number(app, "--threads", o.threads, 1, 256, "threads (" + std::to_string(o.threads) + ", the cores here)");
    path_option(app, "--data", "DIR", o.data, "folder with the four IDX files (fetched once, cached)");
    app.add_flag("--sample", o.sample, "the 2,500 digits of the repository instead of all");
    path_option(app, "--out", "DIR", o.out, "folder of models and curves (" + o.out.string() + ")");
    choice<Device>(
        app, "--device", o.device,
        {{"cpu", Device::cpu}, {"hip", Device::hip}, {"auto", Device::automatic}, {"reference", Device::reference}},
        "cpu: vectors, threads; hip: the GPU, where built with it; auto: hip where there is a GPU, else cpu; "
        "reference: plain loops (cpu)");
    app.add_flag("--plain", o.plain, "plain lines: no progress bar, curve or colour");
    for (const char* name : {"--batch", "--seed", "--threads", "--data", "--sample", "--out", "--device", "--plain"})
        if (without_effect.find(std::string(name) + " ") != std::string::npos)
            app.get_option(name)->group("Accepted, but without effect here");
}

App& add_command(App& app, Options& o, Command command, const std::string& name, const std::string& help,
                 const std::string& without_effect) {
    App& added = *app.add_subcommand(name, help);
    added.parse_complete_callback([&o, command] { o.command = command; });
    added.footer("");
    if (command == Command::train) training_options(added, o);
    if (command == Command::test || command == Command::predict)
        path_option(added, "--model", "FILE", o.model, "a model file instead of best.safetensors in --out");
    common_options(added, o, without_effect);
    return added;
}

void add_commands(App& app, Options& o) {
    add_command(app, o, Command::train, "train", "Train, test after each pass, keep the best pass", "")
        .footer("Leaves pass-N.safetensors, best.safetensors, history.csv and learning_curve.svg in --out, and removes "
                "pass-N of an earlier, longer run.");

    App& test = add_command(app, o, Command::test, "test", "Test the best pass on the test images", "--seed --plain ");
    path_option(test, "--dump", "FILE", o.dump, "write the class predicted for each image, a line each");

    App& predict = add_command(app, o, Command::predict, "predict", "Recognise the digit in each image",
                               "--batch --seed --data --sample --plain --threads ");
    predict.footer("The digit must be light on dark, as those of MNIST are.");
    predict.add_flag("--probabilities", o.probabilities, "print the probability of each digit as well");
    const auto images = [&o](const std::vector<std::string>& names) { o.images.assign(names.begin(), names.end()); };
    predict.add_option_function<std::vector<std::string>>("IMAGE", images, "PNG, JPEG or BMP, any size")
        ->type_name("")
        ->required();

    add_command(app, o, Command::describe, "describe", "Print the layers, their sizes and what they run on",
                "--seed --data --sample --out --plain ");
}

std::string one_line(std::string text) {
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text;
}

/// What to say about an argument that no option takes: another command's option, or a slip.
std::string unexpected(const App& app, const App& command, const std::string& argument) {
    const std::string option = argument.substr(0, argument.find('='));
    if (option.starts_with("-"))
        for (const App* other : app.get_subcommands([](const App*) { return true; }))
            if (other->get_option_no_throw(option) != nullptr)
                return command.get_name() + " has no option " + option + " (" + other->get_name() + " has)";
    return command.get_name() + " does not take '" + argument + "'";
}

} // namespace

int available_cores() {
    cpu_set_t cores;
    CPU_ZERO(&cores);
    if (sched_getaffinity(0, sizeof cores, &cores) != 0) return 1;
    return std::clamp(CPU_COUNT(&cores), 1, 256);
}

bool reads_fetched_digits(const Options& o) {
    return (o.command == Command::train || o.command == Command::test) && !o.sample && o.data.empty();
}

CommandLine parse_command_line(const ProgramInfo& program, int argc, const char* const* argv) {
    Options options;
    options.threads = available_cores();
    options.out = std::filesystem::path("build/out") / program.name;

    App app(program.description, program.name);
    app.get_formatter()->column_width(38);
    app.get_formatter()->label("SUBCOMMAND", "COMMAND");
    app.get_formatter()->label("Subcommands", "Commands");
    app.require_subcommand(1);
    app.footer("Options come after the command and are listed by: " + program.name + " COMMAND --help");
    add_commands(app, options);

    const App* command = nullptr;
    const auto wrong = [&](const std::string& what) {
        const std::string help = program.name + (command != nullptr ? " " + command->get_name() : "") + " --help";
        return CommandLine{std::nullopt, program.name + ": " + one_line(what) + " (see " + help + ")\n", 1};
    };

    if (argc <= 1) return {std::nullopt, app.help(), 1};
    const std::string first = argv[1];
    const bool help = first == "-h" || first == "--help";
    if (first.starts_with("-") && !help) return wrong("the command comes first, then options such as " + first);
    for (const App* one : app.get_subcommands([](const App*) { return true; }))
        if (one->check_name(first)) command = one;
    if (command == nullptr && !help)
        return wrong("no command '" + first + "': there are train, test, predict and describe");
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        return {std::nullopt, app.help(), 0};
    } catch (const CLI::ExtrasError&) {
        return wrong(unexpected(app, *command, app.remaining(true).at(0)));
    } catch (const CLI::RequiredError&) {
        return wrong("predict needs at least one image");
    } catch (const CLI::ArgumentMismatch& e) {
        const std::string what = e.what(); // "--epochs: 1 required N missing"
        return wrong(what.substr(0, what.find(':')) + " needs a value");
    } catch (const CLI::Error& e) {
        return wrong(e.what());
    }
    if (options.sample && !options.data.empty()) return wrong("--sample and --data exclude each other");
    return {options, "", 0};
}

} // namespace ikebana::apps
