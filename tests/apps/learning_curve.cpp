// apps/learning_curve.hpp, terminal_curve.hpp, cost_axis.hpp, history.hpp: what the drawings hold, at the edges too
// (one pass, no step, costs that are zero, equal, not finite), and that the files are whole after each pass.
#include <apps/cost_axis.hpp>
#include <apps/history.hpp>
#include <apps/learning_curve.hpp>
#include <apps/terminal_curve.hpp>
#include <cmath>
#include <cstdlib>
#include <doctest/doctest.h>
#include <fstream>
#include <ikebana/core/error.hpp>
#include <iterator>
#include <limits>

#include <unistd.h>

using namespace ikebana;
using namespace ikebana::apps;

namespace {

constexpr double no_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinite = std::numeric_limits<double>::infinity();

TrainingRecord record(const std::vector<std::pair<double, double>>& costs, int steps = 0) {
    TrainingRecord r;
    int pass = 0;
    for (const auto& [train, test] : costs) {
        for (int step = 0; step < steps; ++step) r(StepEnd{pass, step, steps, 64, train});
        r(PassEnd{pass++, train, test, 0.9, 1.0});
    }
    return r;
}

std::size_t count(const std::string& text, const std::string& what) {
    std::size_t n = 0;
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
    return n;
}

std::string content(const std::filesystem::path& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::filesystem::path scratch(const char* name) {
    return std::filesystem::temp_directory_path() / ("ikebana-" + std::to_string(getpid()) + "-" + name);
}

} // namespace

TEST_CASE("steps become about twenty means a pass, at their place between the passes") {
    TrainingRecord r;
    for (int step = 0; step < 938; ++step) r(StepEnd{2, step, 938, 64, step < 469 ? 1.0 : 3.0});
    REQUIRE(r.steps().size() == 20);
    CHECK(r.steps().front().x == doctest::Approx(1 + 46.0 / 938));
    CHECK(r.steps().front().cost == 1);
    CHECK(r.steps().back().cost == 3);
    TrainingRecord unknown;
    for (int step = 0; step < 938; ++step) unknown(StepEnd{0, step, 0, 64, 1.0});
    CHECK(unknown.steps().empty());
    TrainingRecord spread;
    for (const double cost : {9.0, 0.5, 0.001}) spread(StepEnd{0, 0, 1, 64, cost});
    CHECK(spread.costs().empty());
    spread(PassEnd{0, 0.3, 0.6, 0.9, 1.0});
    CHECK(spread.costs() == std::vector<double>{0.3, 0.6, 0.6 * 1.5, 0.5, 0.3 / 1.5}); // steps only so far away
    CHECK(record({{1, no_number}, {infinite, 0.5}}).costs() == std::vector<double>{1, 0.5});
}

TEST_CASE("an axis covers its costs with round ticks") {
    const auto check = [](std::vector<double> costs, bool logarithmic, double low, double high) {
        const CostAxis axis(costs);
        CHECK(axis.logarithmic() == logarithmic);
        CHECK(axis.ticks().size() >= 2);
        CHECK(axis.ticks().size() <= 20);
        CHECK(axis.low() <= low);
        CHECK(axis.high() >= high);
        CHECK(std::isfinite(axis.position(low)));
        for (const double tick : axis.ticks()) CHECK((axis.position(tick) > -1e-9 && axis.position(tick) < 1 + 1e-9));
    };
    check({0.01, 2.3}, true, 0.01, 2.3);
    check({1e-9, 1e9}, true, 1e-9, 1e9);
    check({0.2, 1.9}, false, 0.2, 1.9);
    check({0, 2.3}, false, 0, 2.3);
    check({-1, 2.3}, false, -1, 2.3);
    check({0.5, 0.5}, false, 0.5, 0.5);
    check({0}, false, 0, 0);
    check({}, false, 0, 1);
    const std::vector<double> costs{0.2, 1.9};
    const CostAxis axis(costs);
    CHECK(axis.ticks().front() == 0);
    CHECK(axis.ticks().back() == 2);
    CHECK(axis.position(1) == doctest::Approx(0.5));
    CHECK(tick_label(0.05) == "0.05");
    CHECK(pass_ticks(4, 15) == std::vector<int>{0, 1, 2, 3, 4});
    CHECK(pass_ticks(19, 15).size() == 10);
    CHECK(pass_ticks(999'999, 15).size() <= 15);
    CHECK(pass_ticks(0, 15) == std::vector<int>{0});
}

TEST_CASE("the picture has title, axes, legend, both curves and the best pass") {
    const std::string svg = learning_curve_svg(record({{0.5, 0.3}, {0.2, 0.1}, {0.1, 0.15}}, 40), "a < b & 'c'");
    CHECK(svg.starts_with("<svg "));
    CHECK(svg.ends_with("</svg>\n"));
    CHECK(count(svg, "a &lt; b &amp; &apos;c&apos;") == 2);
    for (const char* text : {">pass (a point at its end)<", ">mean cost", ">train cost<", ">test cost<",
                             ">within the pass<", ">best pass 1: test cost 0.1, accuracy 90.00 %<"})
        CHECK(count(svg, text) == 1);
    CHECK(count(svg, "r='3.6'") == 2 * 3 + 2); // points, and two in the legend
}

TEST_CASE("pictures at the edges hold numbers only") {
    const std::vector<TrainingRecord> edges{record({}),
                                            record({{0.5, 0.3}}),
                                            record({{0.5, 0.3}}, 10),
                                            record({{0, 0}, {0, 0}}),
                                            record({{no_number, no_number}}),
                                            record({{0.5, no_number}, {no_number, 0.3}, {0.2, infinite}}, 10),
                                            record({{1e-30, 1e30}})};
    for (const TrainingRecord& edge : edges) {
        const std::string svg = learning_curve_svg(edge, "t");
        CHECK(svg.ends_with("</svg>\n"));
        CHECK(svg.find("nan") == std::string::npos);
        CHECK(svg.find("inf") == std::string::npos);
    }
    CHECK(learning_curve_svg(edges[4], "t").find("best pass") == std::string::npos);
    const std::string gaps = learning_curve_svg(edges[5], "t");
    CHECK(gaps.find("best pass 1: test cost 0.3") != std::string::npos);
}

TEST_CASE("pictures are well-formed XML, as Python's parser sees it") {
    const auto path = scratch("curve.svg");
    const std::string parse = "python3 -c 'import sys, xml.dom.minidom as m; m.parse(sys.argv[1])' " + path.string();
    LearningCurve curve(path, "<&>'\"");
    for (const PassEnd& e : {PassEnd{0, 2.5, 0.03, 0.9, 1.0}, PassEnd{1, no_number, infinite, 0.9, 1.0}}) {
        curve(StepEnd{e.pass, 0, 1, 64, 0.5});
        curve(e);
        CHECK(std::system(parse.c_str()) == 0);
    }
    std::ofstream(path) << "<svg>";
    CHECK(std::system((parse + " 2> /dev/null").c_str()) != 0); // the check itself works
    std::filesystem::remove(path);
}

TEST_CASE("the handlers write whole files after each pass") {
    const auto svg = scratch("curve.svg"), csv = scratch("history.csv");
    LearningCurve curve(svg, "t");
    History history(csv);
    curve(StepEnd{0, 0, 1, 64, 0.5});
    CHECK_FALSE(std::filesystem::exists(svg));
    for (int pass = 0; pass < 2; ++pass) {
        const PassEnd e{pass, 0.5, 0.25 + pass, 0.9771, 12.34567};
        curve(e);
        history(e);
        CHECK(content(svg).ends_with("</svg>\n"));
    }
    CHECK(content(csv) == "pass,train_cost,test_cost,test_accuracy,seconds\n0,0.5,0.25,0.9771,12.346\n"
                          "1,0.5,1.25,0.9771,12.346\n");
    std::filesystem::remove(svg);
    std::filesystem::remove(csv);
    CHECK_THROWS_AS(History("/nowhere/history.csv")(PassEnd{}), error);
}

TEST_CASE("the terminal's curve fits its columns and rows") {
    const TrainingRecord r = record({{0.5, 0.3}, {0.2, 0.1}, {0.1, 0.08}}, 40);
    const auto lines = terminal_curve(r, {60, 7, false});
    REQUIRE(lines.size() == 8);
    std::string all;
    for (const std::string& line : lines) {
        CHECK(line.size() <= 60);
        all += line;
    }
    CHECK(all.find('*') != std::string::npos);
    CHECK(count(all, "o") > 5);
    CHECK(lines.back().find("* train cost   o test cost   3 passes") != std::string::npos);
    CHECK(lines.front().find('*') < 12); // starts high on the left
    CHECK(terminal_curve(r, {60, 7, true}).front().find("\033[34m") != std::string::npos);
    CHECK(terminal_curve(r, {24, 7, false}).back() == "         * train cost");
    CHECK(terminal_curve(r, {36, 7, false}).back() == "         * train cost   o test cost");
    CHECK(terminal_curve(r, {20, 7, false}).empty());
    CHECK(terminal_curve(r, {60, 2, false}).empty());
    CHECK(terminal_curve(record({{no_number, no_number}}), {60, 7, false}).empty());
    CHECK(terminal_curve(record({{0.5, 0.3}}), {24, 3, false}).size() == 4);
    CHECK(terminal_curve(record({{0, infinite}, {0, 0}}), {40, 5, true}).size() == 6);
}
