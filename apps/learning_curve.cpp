// SVG by hand: a frame with grid and ticks, three curves, the best pass, a legend above the plot where no curve can be.
#include <apps/cost_axis.hpp>
#include <apps/learning_curve.hpp>
#include <ikebana/io/atomic_file.hpp>
#include <ikebana/train/print_progress.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>

namespace ikebana::apps {
namespace {

constexpr double width = 860, height = 520;
constexpr double left = 78, right = 832, top = 84, bottom = 462; // the plot's frame
constexpr double margin = 16;                                    // between the last pass and the frame
constexpr const char* train_colour = "#2563a8";
constexpr const char* test_colour = "#d9601a";

struct Point {
    double x, cost;
};

std::string xml(const std::string& text) {
    std::string result;
    for (const char c : text) {
        if (c == '&')
            result += "&amp;";
        else if (c == '<')
            result += "&lt;";
        else if (c == '\'')
            result += "&apos;";
        else
            result += c;
    }
    return result;
}

class Drawing {
  public:
    explicit Drawing(const TrainingRecord& record)
        : axis_(record.costs()), last_(std::max<int>(static_cast<int>(record.passes().size()) - 1, 0)) {}

    std::string text;

    void frame(const std::string& title);
    void curve(const std::vector<Point>& points, const char* colour, bool thin);
    void best(const PassEnd& pass);
    void legend(bool thin_line);

  private:
    template <class... Values>
    void add(fmt::format_string<Values...> form, Values&&... values) {
        fmt::format_to(std::back_inserter(text), form, std::forward<Values>(values)...);
    }
    double x(double pass) const { return left + (pass + 1) / (last_ + 1) * (right - margin - left); }
    double y(double cost) const { return bottom - axis_.position(cost) * (bottom - top); }

    CostAxis axis_;
    int last_; // pass
};

void Drawing::frame(const std::string& title) {
    add("<svg xmlns='http://www.w3.org/2000/svg' width='{0}' height='{1}' viewBox='0 0 {0} {1}' "
        "font-family='Helvetica, Arial, sans-serif' font-size='14' fill='#333'>\n",
        width, height);
    add("<title>{}</title>\n", xml(title));
    add("<clipPath id='plot'><rect x='{}' y='{}' width='{}' height='{}'/></clipPath>\n", left, top, right - left,
        bottom - top);
    add("<rect width='{}' height='{}' fill='white'/>\n", width, height);
    add("<text x='{}' y='34' font-size='20' font-weight='bold'>{}</text>\n", left, xml(title));
    for (const double tick : axis_.ticks())
        add("<path d='M{0} {2:.1f}H{1}' stroke='#e2e2e2'/><text x='{3}' y='{4:.1f}' text-anchor='end'>{5}</text>\n",
            left, right, y(tick), left - 9, y(tick) + 5, tick_label(tick));
    for (const int pass : pass_ticks(last_, 15))
        add("<path d='M{0:.1f} {1}V{2}' stroke='#e2e2e2'/><text x='{0:.1f}' y='{3}' text-anchor='middle'>{4}</text>\n",
            x(pass), top, bottom, bottom + 20, pass);
    add("<rect x='{}' y='{}' width='{}' height='{}' fill='none' stroke='#888'/>\n", left, top, right - left,
        bottom - top);
    add("<text x='{}' y='{}' text-anchor='middle'>pass (a point at its end)</text>\n", (left + right) / 2, bottom + 44);
    add("<text transform='translate(22 {}) rotate(-90)' text-anchor='middle'>mean cost{}</text>\n", (top + bottom) / 2,
        axis_.logarithmic() ? ", logarithmic" : "");
}

/// A line through the points; a cost that is not finite interrupts it.
void Drawing::curve(const std::vector<Point>& points, const char* colour, bool thin) {
    std::string path;
    bool interrupted = true;
    for (const Point& p : points) {
        if (std::isfinite(p.cost)) path += fmt::format("{}{:.1f} {:.1f}", interrupted ? 'M' : 'L', x(p.x), y(p.cost));
        interrupted = !std::isfinite(p.cost);
    }
    if (path.empty()) return;
    add("<path d='{}' fill='none' stroke='{}' stroke-width='{}' stroke-opacity='{}' stroke-linejoin='round' "
        "clip-path='url(#plot)'/>\n",
        path, colour, thin ? 1.2 : 2.2, thin ? 0.45 : 1);
    if (thin) return;
    for (const Point& p : points)
        if (std::isfinite(p.cost))
            add("<circle cx='{:.1f}' cy='{:.1f}' r='3.6' fill='{}'/>\n", x(p.x), y(p.cost), colour);
}

void Drawing::best(const PassEnd& pass) {
    const double at = x(pass.pass), height_of = y(pass.test_cost);
    add("<path d='M{0:.1f} {1}V{2}' stroke='#555' stroke-dasharray='5 4'/>"
        "<circle cx='{0:.1f}' cy='{3:.1f}' r='7.5' fill='none' stroke='#555' stroke-width='1.6'/>\n",
        at, top, bottom, height_of);
    add("<text x='{}' y='58'>best pass {}: test cost {:.4g}, accuracy {:.2f} %</text>\n", left, pass.pass,
        pass.test_cost, 100 * pass.test_accuracy);
}

/// Above the plot, from the right: test, train, train within a pass.
void Drawing::legend(bool thin_line) {
    double at = right - 98;
    const auto entry = [&](const char* name, const char* colour, bool thin) {
        add("<path d='M{} 53h28' stroke='{}' stroke-width='{}' stroke-opacity='{}'/>", at, colour, thin ? 1.2 : 2.2,
            thin ? 0.45 : 1);
        if (!thin) add("<circle cx='{}' cy='53' r='3.6' fill='{}'/>", at + 14, colour);
        add("<text x='{}' y='58'>{}</text>\n", at + 35, name);
    };
    entry("test cost", test_colour, false);
    at -= 116;
    entry("train cost", train_colour, false);
    at -= 158;
    if (thin_line) entry("within the pass", train_colour, true);
}

} // namespace

std::string learning_curve_svg(const TrainingRecord& record, const std::string& title) {
    std::vector<Point> within, train, test;
    for (const StepCost& step : record.steps()) within.push_back({step.x, step.cost});
    for (const PassEnd& pass : record.passes()) {
        train.push_back({static_cast<double>(pass.pass), pass.train_cost});
        test.push_back({static_cast<double>(pass.pass), pass.test_cost});
    }
    Drawing drawing(record);
    drawing.frame(title);
    drawing.legend(!within.empty());
    if (const PassEnd* best = find_best_pass(record.passes())) drawing.best(*best);
    drawing.curve(within, train_colour, true);
    drawing.curve(train, train_colour, false);
    drawing.curve(test, test_colour, false);
    return drawing.text + "</svg>\n";
}

void LearningCurve::operator()(const PassEnd& e) {
    record_(e);
    write_file(path_, learning_curve_svg(record_, "Learning curve of " + name_));
}

} // namespace ikebana::apps
