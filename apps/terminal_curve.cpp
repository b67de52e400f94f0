// A canvas of dots, two by four in a character, with lines drawn by stepping along the longer side.
#include <apps/cost_axis.hpp>
#include <apps/terminal_curve.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace ikebana::apps {
namespace {

constexpr int label_width = 7;
constexpr const char* train_colour = "\033[34m";
constexpr const char* test_colour = "\033[33m";
constexpr const char* no_colour = "\033[39m";

enum class Series : std::uint8_t { none, train, test };

const char* colour_of(Series series) {
    return series == Series::train ? train_colour : series == Series::test ? test_colour : no_colour;
}

/// Text of the Unicode character U+2800 + dots, in UTF-8.
std::string braille(unsigned dots) {
    return {static_cast<char>(0xE2), static_cast<char>(0xA0 | dots >> 6), static_cast<char>(0x80 | (dots & 0x3F))};
}

class Canvas {
  public:
    Canvas(int columns, int rows, bool dots)
        : columns_(columns), rows_(rows), dots_(dots), cells_(static_cast<std::size_t>(columns * rows)) {}

    int width() const { return columns_ * (dots_ ? 2 : 1); }
    int height() const { return rows_ * (dots_ ? 4 : 1); }

    /// A line between two points, each coordinate from 0 (left, bottom) to 1 (right, top).
    void line(double x0, double y0, double x1, double y1, Series series) {
        y0 = std::clamp(y0, 0.0, 1.0); // what lies outside is drawn at the edge
        y1 = std::clamp(y1, 0.0, 1.0);
        const double w = width() - 1, h = height() - 1;
        const int steps = 1 + static_cast<int>(std::max(std::abs(x1 - x0) * w, std::abs(y1 - y0) * h));
        for (int i = 0; i <= steps; ++i) {
            const double t = static_cast<double>(i) / steps;
            set(static_cast<int>(std::lround((x0 + t * (x1 - x0)) * w)),
                static_cast<int>(std::lround((1 - y0 - t * (y1 - y0)) * h)), series);
        }
    }

    std::string row(int r) const {
        std::string text;
        Series before = Series::none;
        for (int c = 0; c < columns_; ++c) {
            const Cell& cell = cells_[static_cast<std::size_t>(r * columns_ + c)];
            if (dots_ && cell.series != before) text += colour_of(cell.series);
            before = cell.series;
            if (cell.series == Series::none)
                text += ' ';
            else
                text += dots_ ? braille(cell.dots) : cell.series == Series::train ? "*" : "o";
        }
        return dots_ && before != Series::none ? text + no_colour : text;
    }

  private:
    struct Cell {
        Series series = Series::none;
        unsigned dots = 0;
    };

    void set(int x, int y, Series series) {
        constexpr unsigned bits[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
        Cell& cell = cells_[static_cast<std::size_t>((dots_ ? y / 4 : y) * columns_ + (dots_ ? x / 2 : x))];
        cell.series = series; // the later curve lies on top
        cell.dots |= bits[y % 4][x % 2];
    }

    int columns_, rows_;
    bool dots_;
    std::vector<Cell> cells_;
};

struct Point {
    double x, cost;
};

/// The train cost: along the steps where they are known, else a point a pass.
std::vector<Point> train_points(const TrainingRecord& record) {
    std::vector<Point> points;
    for (const StepCost& step : record.steps()) points.push_back({step.x, step.cost});
    if (points.empty())
        for (const PassEnd& pass : record.passes()) points.push_back({double(pass.pass), pass.train_cost});
    return points;
}

std::vector<Point> test_points(const TrainingRecord& record) {
    std::vector<Point> points;
    for (const PassEnd& pass : record.passes()) points.push_back({double(pass.pass), pass.test_cost});
    return points;
}

/// A label for each row, most of them empty: every tick, or every second, third, … so that they don't touch.
std::vector<std::string> row_labels(const CostAxis& axis, int rows) {
    for (std::size_t stride = 1;; ++stride) {
        std::vector<std::string> labels(static_cast<std::size_t>(rows));
        bool crowded = false;
        for (std::size_t i = 0; i < axis.ticks().size(); i += stride) {
            const double tick = axis.ticks()[i];
            const auto row = static_cast<std::size_t>(std::lround((1 - axis.position(tick)) * (rows - 1)));
            crowded = crowded || !labels[row].empty() || (row + 1 < labels.size() && !labels[row + 1].empty());
            labels[row] = tick_label(tick);
        }
        if (!crowded) return labels;
    }
}

/// As many entries as there is room for.
std::string legend(const TrainingRecord& record, const CurveStyle& style) {
    const auto sign = [&](Series series, const char* letter) {
        return style.dots ? colour_of(series) + braille(0x36) + no_colour : std::string(letter);
    };
    const std::size_t passes = record.passes().size();
    std::string text(label_width + 2, ' ');
    int room = style.columns - label_width - 2;
    const auto entry = [&](const std::string& drawn_sign, const std::string& words) {
        const int columns = static_cast<int>(words.size()) + (drawn_sign.empty() ? 0 : 2) + 3;
        room -= columns;
        if (room + 3 >= 0) text += drawn_sign + (drawn_sign.empty() ? "" : " ") + words + "   ";
    };
    entry(sign(Series::train, "*"), "train cost");
    entry(sign(Series::test, "o"), "test cost");
    entry("", fmt::format("{} {}", passes, passes == 1 ? "pass" : "passes"));
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
}

} // namespace

std::vector<std::string> terminal_curve(const TrainingRecord& record, const CurveStyle& style) {
    const std::vector<double> costs = record.costs();
    if (costs.empty() || style.columns < 24 || style.rows < 3) return {};
    const CostAxis axis(costs);
    const double last = std::max(static_cast<double>(record.passes().size()) - 1,
                                 record.steps().empty() ? 0.0 : record.steps().back().x);

    Canvas canvas(style.columns - label_width - 2, style.rows, style.dots);
    const auto draw = [&](const std::vector<Point>& points, Series series) {
        const Point* before = nullptr;
        for (const Point& p : points) {
            if (!std::isfinite(p.cost)) {
                before = nullptr;
                continue;
            }
            const Point& from = before != nullptr ? *before : p;
            canvas.line((from.x + 1) / (last + 1), axis.position(from.cost), (p.x + 1) / (last + 1),
                        axis.position(p.cost), series);
            before = &p;
        }
    };
    draw(train_points(record), Series::train);
    draw(test_points(record), Series::test);

    const std::vector<std::string> labels = row_labels(axis, style.rows);
    std::vector<std::string> lines;
    for (int r = 0; r < style.rows; ++r) {
        const std::string& label = labels[static_cast<std::size_t>(r)];
        const char* frame = style.dots ? (label.empty() ? "│" : "┤") : (label.empty() ? "|" : "+");
        lines.push_back(fmt::format("{:>{}} {}{}", label, label_width, frame, canvas.row(r)));
    }
    lines.push_back(legend(record, style));
    return lines;
}

} // namespace ikebana::apps
