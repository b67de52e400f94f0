// CostAxis: the vertical axis of a learning curve. Logarithmic where the costs span more than a factor of ten, else
// linear; with ticks at round numbers.
#pragma once
#include <span>
#include <string>
#include <vector>

namespace ikebana::apps {

class CostAxis {
  public:
    /// Covers all `costs` (finite numbers; none: 0 to 1).
    explicit CostAxis(std::span<const double> costs);

    bool logarithmic() const { return logarithmic_; }
    double low() const { return low_; }
    double high() const { return high_; }
    const std::vector<double>& ticks() const { return ticks_; }

    /// Where a cost lies: 0 at the bottom, 1 at the top.
    double position(double cost) const;

  private:
    void make_logarithmic(double least, double most);
    void make_linear(double least, double most);

    bool logarithmic_ = false;
    double low_ = 0, high_ = 1;
    std::vector<double> ticks_;
};

/// A tick's number: "0.05", "2", "1e-05".
std::string tick_label(double value);

/// Whole numbers from 0 to `last` at equal distances, at most `most` of them (most > 1).
std::vector<int> pass_ticks(int last, int most);

} // namespace ikebana::apps
