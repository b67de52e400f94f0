// apps/options.hpp: defaults, every option, what help says, and one line with exit code 1 for each wrong word.
#include <apps/options.hpp>
#include <doctest/doctest.h>
#include <sstream>

using namespace ikebana;
using namespace ikebana::apps;

namespace {

CommandLine parse(const std::vector<std::string>& words) {
    std::vector<const char*> argv{"lenet5"};
    for (const std::string& word : words) argv.push_back(word.c_str());
    return parse_command_line({"lenet5", "LeNet-5 on MNIST"}, static_cast<int>(argv.size()), argv.data());
}

/// The same for words separated by spaces.
CommandLine parse(const std::string& line) {
    std::istringstream in(line);
    std::vector<std::string> words;
    for (std::string word; in >> word;) words.push_back(word);
    return parse(words);
}

Options options(const std::string& line) {
    const CommandLine parsed = parse(line);
    CAPTURE(parsed.text);
    REQUIRE(parsed.options);
    return *parsed.options;
}

/// The message for a wrong line, after checking that it is one line of this program with exit code 1.
std::string complaint(const std::string& line) {
    const CommandLine parsed = parse(line);
    CHECK_FALSE(parsed.options);
    CHECK(parsed.exit_code == 1);
    CHECK(parsed.text.find('\n') == parsed.text.size() - 1);
    REQUIRE(parsed.text.starts_with("lenet5: "));
    return parsed.text.substr(8, parsed.text.rfind(" (see ") - 8);
}

} // namespace

TEST_CASE("defaults") {
    const Options o = options("train");
    CHECK(o.command == Command::train);
    CHECK(o.epochs == 5);
    CHECK(o.batch == 64);
    CHECK(o.lr == 0.001);
    CHECK(o.schedule == Schedule::constant);
    CHECK(o.optimizer == OptimizerChoice::adam);
    CHECK(o.seed == 1);
    CHECK(o.threads == available_cores());
    CHECK(o.data.empty());
    CHECK(o.out == "build/out/lenet5");
    CHECK(o.device == Device::cpu);
    CHECK_FALSE(o.sample);
    CHECK_FALSE(o.plain);
    CHECK(available_cores() >= 1);
}

TEST_CASE("every option of train") {
    const Options o =
        options("train --epochs 7 --batch 65536 --lr 1e-2 --schedule cosine --optimizer sgd "
                "--seed 18446744073709551615 --threads 256 --data /d --out o/p --device reference --plain");
    CHECK(o.epochs == 7);
    CHECK(o.batch == 65536);
    CHECK(o.lr == 0.01);
    CHECK(o.schedule == Schedule::cosine);
    CHECK(o.optimizer == OptimizerChoice::sgd);
    CHECK(o.seed == 18446744073709551615u);
    CHECK(o.threads == 256);
    CHECK(o.data == "/d");
    CHECK(o.out == "o/p");
    CHECK(o.device == Device::reference);
    CHECK(options("train --device hip").device == Device::hip);
    CHECK(options("train --device auto").device == Device::automatic);
    CHECK(o.plain);
    CHECK(options("train --sample --schedule=step").sample);
    CHECK(options("train --schedule=step").schedule == Schedule::step);
    CHECK(options("train --epochs 2 --epochs 3").epochs == 3);
}

TEST_CASE("the other commands") {
    CHECK(options("test --dump classes.txt --model m.safetensors").dump == "classes.txt");
    CHECK(options("test --model m.safetensors").model == "m.safetensors");
    CHECK_FALSE(options("test").dump);
    const Options o = options("predict a.png --probabilities b.jpg --out o");
    CHECK(o.command == Command::predict);
    CHECK(o.images == std::vector<std::filesystem::path>{"a.png", "b.jpg"});
    CHECK(o.probabilities);
    CHECK(o.out == "o");
    CHECK(options("predict -- -3.png").images.front() == "-3.png");
    CHECK(options("describe").command == Command::describe);
}

TEST_CASE("one set of common options serves every command") {
    for (const char* command : {"train", "test", "predict a.png", "describe"}) {
        const Options o = options(std::string(command) + " --batch 32 --seed 2 --threads 3 --sample --out o "
                                                         "--device reference --plain");
        CHECK(o.batch == 32);
        CHECK(o.threads == 3);
        CHECK(o.sample);
    }
}

TEST_CASE("help goes to standard output, for the program and for each command") {
    const CommandLine all = parse("--help");
    CHECK(all.exit_code == 0);
    for (const char* word : {"LeNet-5 on MNIST", "train ", "test ", "predict ", "describe ", "COMMAND --help"})
        CHECK(all.text.find(word) != std::string::npos);
    for (const char* command : {"train", "test", "predict", "describe"}) {
        const CommandLine help = parse(std::string(command) + " --help");
        CHECK(help.exit_code == 0);
        CHECK_FALSE(help.options);
        for (const char* option :
             {"--batch", "--seed", "--threads", "--data", "--out", "--device", "--sample", "--plain"})
            CHECK(help.text.find(option) != std::string::npos);
    }
    for (const char* option : {"--epochs N", "--lr X", "constant|cosine|step", "adam|sgd", "(build/out/lenet5)"})
        CHECK(parse("train -h").text.find(option) != std::string::npos);
    CHECK(parse("test -h").text.find("--dump FILE") != std::string::npos);
    CHECK(parse("predict -h").text.find("IMAGE") != std::string::npos);
    CHECK(parse("predict -h").text.find("light on dark") != std::string::npos);
    CHECK(parse("--help tran").exit_code == 0);
}

TEST_CASE("without a command: help, as an error") {
    CHECK(parse("").text == parse("--help").text);
    CHECK(parse("").exit_code == 1);
}

TEST_CASE("values that an option does not take") {
    CHECK(complaint("train --epochs 0") == "--epochs: takes a whole number from 1 to 1000000, not '0'");
    CHECK(complaint("train --epochs -1") == "--epochs: takes a whole number from 1 to 1000000, not '-1'");
    CHECK(complaint("train --epochs 2.5").ends_with("not '2.5'"));
    CHECK(complaint("train --epochs 99999999999").ends_with("not '99999999999'"));
    CHECK(complaint("train --epochs 5x").ends_with("not '5x'"));
    CHECK(complaint("train --batch 65537") == "--batch: takes a whole number from 1 to 65536, not '65537'");
    CHECK(complaint("train --batch 0").ends_with("not '0'"));
    for (const char* lr : {"0", "-1", "inf", "nan", "1e999", "x", "1,5"})
        CHECK(complaint(std::string("train --lr ") + lr) ==
              std::string("--lr: takes a number above 0, not '") + lr + "'");
    CHECK(complaint("train --seed -1").ends_with("not '-1'"));
    CHECK(complaint("train --threads 257") == "--threads: takes a whole number from 1 to 256, not '257'");
    CHECK(complaint("train --threads 0").ends_with("not '0'"));
    CHECK(complaint("train --schedule linear") == "--schedule: takes constant|cosine|step, not 'linear'");
    CHECK(complaint("train --optimizer Adam") == "--optimizer: takes adam|sgd, not 'Adam'");
    CHECK(complaint("describe --device gpu") == "--device: takes cpu|hip|auto|reference, not 'gpu'");
    CHECK(complaint("train --epochs") == "--epochs needs a value");
    CHECK(complaint("predict a.png --model") == "--model needs a value");
    CHECK(complaint("train --out") == "--out needs a value");
    CHECK(complaint("train --sample --data d") == "--sample and --data exclude each other");
    const CommandLine empty = parse(std::vector<std::string>{"train", "--out", ""});
    CHECK(empty.text.starts_with("lenet5: --out: takes a folder, not ''"));
    const CommandLine two_lines = parse(std::vector<std::string>{"train", "--lr", "a\nb"});
    CHECK(two_lines.text.starts_with("lenet5: --lr: takes a number above 0, not 'a b'"));
}

TEST_CASE("a forgotten value does not swallow the next option") {
    CHECK(complaint("test --dump --sample --model m") == "--dump: takes a file, not '--sample'");
    CHECK(complaint("train --out -h") == "--out: takes a folder, not '-h'");
    CHECK(complaint("test --model --sample") == "--model: takes a file, not '--sample'");
    CHECK(complaint("predict a.png --model --probabilities") == "--model: takes a file, not '--probabilities'");
    CHECK(complaint("train --out --sample") == "--out: takes a folder, not '--sample'");
    CHECK(complaint("train --data --plain") == "--data: takes a folder, not '--plain'");
    CHECK(complaint("train --epochs --plain") == "--epochs: takes a whole number from 1 to 1000000, not '--plain'");
    CHECK(complaint("train --lr --plain") == "--lr: takes a number above 0, not '--plain'");
    CHECK(complaint("train --schedule --plain") == "--schedule: takes constant|cosine|step, not '--plain'");
    CHECK(options("test --dump ./--sample").dump == "./--sample");
}

TEST_CASE("only train and test read digits that are fetched, unless others are named") {
    CHECK(reads_fetched_digits(options("train --epochs 1")));
    CHECK(reads_fetched_digits(options("test --dump classes.txt")));
    for (const char* line : {"train --sample", "train --data d", "test --data=d", "predict a.png", "describe"})
        CHECK_FALSE(reads_fetched_digits(options(line)));
}

TEST_CASE("words that have no place") {
    CHECK(complaint("tran") == "no command 'tran': there are train, test, predict and describe");
    CHECK(complaint("--epochs 3 train") == "the command comes first, then options such as --epochs");
    CHECK(complaint("test --epochs 3") == "test has no option --epochs (train has)");
    CHECK(complaint("train --dump=x") == "train has no option --dump (test has)");
    CHECK(complaint("train --fast") == "train does not take '--fast'");
    CHECK(complaint("train test") == "train does not take 'test'");
    CHECK(complaint("predict") == "predict needs at least one image");
}
