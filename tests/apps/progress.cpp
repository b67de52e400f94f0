// apps/progress.hpp: fraction, rate and time left by a clock of the test's own, and the line at every width.
#include <apps/progress.hpp>
#include <doctest/doctest.h>

using namespace ikebana;
using apps::Progress;

namespace {

Progress::clock::time_point at(double seconds) {
    return Progress::clock::time_point(std::chrono::milliseconds(static_cast<long>(seconds * 1000)));
}

} // namespace

TEST_CASE("nothing is told before it is known") {
    Progress progress(5);
    CHECK(progress.fraction() == 0);
    CHECK(progress.samples_per_second() < 0);
    progress.step({0, 0, 100, 64, 1.0}, at(10));
    CHECK(progress.samples_per_second() < 0);
    CHECK(progress.seconds_left() < 0);
    CHECK(progress.fraction() == doctest::Approx(0.002));
}

TEST_CASE("the rate is that of the steps after the first; the time left counts all passes and tests") {
    Progress progress(2);
    progress.step({0, 0, 100, 64, 1.0}, at(10));
    for (int step = 1; step < 50; ++step) progress.step({0, step, 100, 64, 1.0}, at(10 + step * 0.1));
    CHECK(progress.samples_per_second() == doctest::Approx(640));
    CHECK(progress.seconds_left() == doctest::Approx((50 + 100) * 0.1));
    CHECK(progress.fraction() == doctest::Approx(0.25));
    for (int step = 50; step < 100; ++step) progress.step({0, step, 100, 64, 1.0}, at(10 + step * 0.1));
    CHECK(progress.testing());
    progress.pass({0, 1.0, 1.0, 0.5, 10.0}, at(19.9 + 3));
    CHECK_FALSE(progress.testing());
    CHECK(progress.fraction() == 0.5);
    CHECK(progress.seconds_left() == doctest::Approx(100 * 0.1 + 3)); // at the old rate
    progress.step({1, 0, 100, 64, 1.0}, at(30));
    CHECK(progress.samples_per_second() == doctest::Approx(640));
    for (int step = 1; step < 50; ++step) progress.step({1, step, 100, 64, 1.0}, at(30 + step * 0.05)); // faster
    CHECK(progress.samples_per_second() == doctest::Approx(1280));
    CHECK(progress.seconds_left() == doctest::Approx(50 * 0.05 + 3));
    progress.pass({1, 1.0, 1.0, 0.5, 10.0}, at(40));
    CHECK(progress.fraction() == 1);
    CHECK(progress.seconds_left() == 0);
}

TEST_CASE("the line, as much of it as fits") {
    Progress progress(2);
    for (int step = 0; step < 50; ++step) progress.step({0, step, 100, 64, 1.0}, at(10 + step * 0.1));
    CHECK(progress.line(80, false) ==
          "[##########...............................]  25 %     640 samples/s   0:15 left");
    CHECK(progress.line(80, true).find("█") == 0);
    for (int columns = 0; columns < 120; ++columns)
        CHECK(static_cast<int>(progress.line(columns, false).size()) <= std::max(columns - 1, 0));
    CHECK(progress.line(8, false) == " 25 %");
}

TEST_CASE("without the number of steps the line counts them") {
    Progress progress(2);
    for (int step = 0; step < 50; ++step) progress.step({1, step, 0, 64, 1.0}, at(step * 0.1));
    CHECK(progress.fraction() < 0);
    CHECK(progress.line(80, false) == "pass 1, 50 steps     640 samples/s");
}

TEST_CASE("durations") {
    CHECK(apps::duration_text(0) == "0:00");
    CHECK(apps::duration_text(6.2) == "0:07");
    CHECK(apps::duration_text(754) == "12:34");
    CHECK(apps::duration_text(3723) == "1:02:03");
}
