// apps/program.hpp: exit codes, and where each kind of output goes.
#include <apps/program.hpp>
#include <doctest/doctest.h>
#include <ikebana/core/error.hpp>
#include <new>

#include "capture.hpp"

using namespace ikebana;
using apps::Options;

namespace {

int run(std::vector<const char*> words, const std::function<void(const Options&)>& work) {
    words.insert(words.begin(), "mlp");
    return apps::run_program({"mlp", "multilayer perceptron"}, static_cast<int>(words.size()), words.data(), work);
}

const auto nothing = [](const Options&) {};

} // namespace

TEST_CASE("work is done with the options, and the exit code is 0") {
    int epochs = 0;
    CHECK(run({"train", "--epochs", "3"}, [&](const Options& o) { epochs = o.epochs; }) == 0);
    CHECK(epochs == 3);
}

TEST_CASE("asked, a program only says whether it needs the digits that are fetched") {
    const auto must_not = [](const Options&) { throw error("it ran"); };
    capture_descriptor err(2);
    setenv("IKEBANA_ASK", "digits", 1);
    CHECK(run({"train"}, must_not) == apps::needs_digits);
    CHECK(run({"train", "--sample"}, must_not) == 0);
    CHECK(run({"predict", "a.png"}, must_not) == 0);
    CHECK(err.text().empty());
    CHECK(run({"train", "--bogus"}, must_not) == 1);
    CHECK(err.text() == "mlp: train does not take '--bogus' (see mlp train --help)\n");
    unsetenv("IKEBANA_ASK");
}

TEST_CASE("an error is one line on standard error, and the exit code 1") {
    capture_descriptor err(2);
    CHECK(run({"train"}, [](const Options&) { throw error("a.png: not\nan image"); }) == 1);
    CHECK(run({"train"}, [](const Options&) { throw std::bad_alloc(); }) == 1);
    CHECK(run({"train", "--epochs", "x"}, nothing) == 1);
    CHECK(err.text() == "mlp: a.png: not an image\nmlp: out of memory\nmlp: --epochs: takes a whole number from 1 to "
                        "1000000, not 'x' (see mlp train --help)\n");
}

TEST_CASE("help that was asked for goes to standard output, help for a missing command to standard error") {
    capture_descriptor out(1);
    capture_descriptor err(2);
    CHECK(run({"--help"}, nothing) == 0);
    CHECK(out.text().starts_with("multilayer perceptron\n"));
    CHECK(err.text().empty());
    CHECK(run({}, nothing) == 1);
    CHECK(err.text() == out.text());
}

TEST_CASE("a full disk behind standard output") {
    capture_descriptor err(2);
    {
        const redirect_descriptor full(1, "/dev/full");
        CHECK(run({"describe"}, [](const Options&) { std::printf("text\n"); }) == 1);
        std::clearerr(stdout);
    }
    CHECK(err.text() == "mlp: standard output: cannot write: No space left on device\n");
}
