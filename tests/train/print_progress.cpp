// train/print_progress.hpp: the lines word for word, which steps get one, and which pass is the best.
#include <cstdio>
#include <doctest/doctest.h>
#include <ikebana/train/print_progress.hpp>
#include <limits>
#include <vector>

#include <unistd.h>

using namespace ikebana;

namespace {

/// What `body` prints on standard output.
template <class F>
std::string printed(F body) {
    std::fflush(stdout);
    std::FILE* file = std::tmpfile();
    const int before = dup(1);
    dup2(fileno(file), 1);
    body();
    std::fflush(stdout);
    dup2(before, 1);
    close(before);
    std::string text(4096, '\0');
    std::rewind(file);
    text.resize(std::fread(text.data(), 1, text.size(), file));
    std::fclose(file);
    return text;
}

PassEnd pass(int number, double test_cost, double accuracy = 0.5) { return {number, 1.0, test_cost, accuracy, 1.0}; }

} // namespace

TEST_CASE("numbers are printed as short as a float allows") {
    CHECK(shortest_decimal(0.0531) == "0.0531");
    CHECK(shortest_decimal(0.98229) == "0.98229");
    CHECK(shortest_decimal(1) == "1.0");
    CHECK(shortest_decimal(0) == "0.0");
    CHECK(shortest_decimal(5e-6) == "5e-06");
    CHECK(shortest_decimal(1.0 / 3) == "0.33333334");
    CHECK(shortest_decimal(-2) == "-2.0");
}

TEST_CASE("the lines are the original's") {
    CHECK(step_line({0, 100, 938, 64, 0.161387}) == "Pass 0, Batch 100, Cost 0.161387");
    CHECK(pass_line({0, 0.2, 0.0531, 0.98229, 3.0}) == "Test with Epoch 0, avg_cost: 0.0531, acc: 0.98229");
    CHECK(best_pass_lines(pass(4, 0.03125, 0.992)) ==
          "Best pass is 4, testing Avgcost is 0.03125\nThe classification accuracy is 99.20%");
}

TEST_CASE("print_progress prints every hundredth step and every pass") {
    const std::string text = printed([] {
        for (int step = 0; step < 250; ++step) print_progress(StepEnd{1, step, 250, 64, 0.5});
        print_progress(pass(1, 0.25));
    });
    CHECK(text == "Pass 1, Batch 0, Cost 0.500000\nPass 1, Batch 100, Cost 0.500000\nPass 1, Batch 200, Cost 0.500000\n"
                  "Test with Epoch 1, avg_cost: 0.25, acc: 0.5\n");
}

TEST_CASE("the best pass has the lowest cost, the first of equals, and that is finite") {
    const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
    const std::vector<PassEnd> passes{pass(0, nan), pass(1, 0.3), pass(2, 0.2), pass(3, 0.2), pass(4, 0.4)};
    CHECK(best_pass(passes).pass == 2);
    CHECK_THROWS_WITH_AS(best_pass({}), "there is no best pass: none has a finite test cost", error);
    CHECK_THROWS_AS(best_pass(std::vector<PassEnd>{pass(0, nan), pass(1, inf)}), error);
}
