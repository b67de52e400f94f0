// Round numbers for axes: 1, 2 and 5 times powers of ten.
#include <apps/cost_axis.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace ikebana::apps {
namespace {

/// The least of 1, 2, 5, 10, 20, … (and 0.5, 0.2, …) that is not below x > 0.
double round_up(double x) {
    const double power = std::pow(10.0, std::floor(std::log10(x)));
    for (const double digit : {1.0, 2.0, 5.0})
        if (digit * power >= x * (1 - 1e-9)) return digit * power;
    return 10 * power;
}

} // namespace

CostAxis::CostAxis(std::span<const double> costs) {
    double least = 0, most = 1;
    if (!costs.empty()) {
        least = *std::min_element(costs.begin(), costs.end());
        most = *std::max_element(costs.begin(), costs.end());
    }
    if (least > 0 && most / least > 10)
        make_logarithmic(least, most);
    else
        make_linear(least, most);
}

void CostAxis::make_logarithmic(double least, double most) {
    logarithmic_ = true;
    low_ = least / 1.15;
    high_ = most * 1.15;
    const double decades = std::log10(high_ / low_);
    const int stride = std::max(1, static_cast<int>(decades / 6)); // of powers
    const auto digits = decades > 3 ? std::vector<double>{1} : std::vector<double>{1, 2, 5};
    const int first = static_cast<int>(std::floor(std::log10(low_)));
    for (int power = first; std::pow(10.0, power) <= high_; power += stride)
        for (const double digit : digits) {
            const double tick = digit * std::pow(10.0, power);
            if (tick >= low_ && tick <= high_) ticks_.push_back(tick);
        }
}

void CostAxis::make_linear(double least, double most) {
    if (most - least <= std::abs(most) * 1e-6) { // a single value: in the middle
        const double room = most != 0 ? std::abs(most) / 2 : 1;
        least -= room, most += room;
    }
    const double step = round_up((most - least) / 6);
    const double first = std::floor(least / step), last = std::ceil(most / step);
    for (double i = first; i <= last; ++i) ticks_.push_back(i * step);
    low_ = first * step;
    high_ = last * step;
}

double CostAxis::position(double cost) const {
    if (logarithmic_) return std::log(cost / low_) / std::log(high_ / low_);
    return (cost - low_) / (high_ - low_);
}

std::string tick_label(double value) { return fmt::format("{:.4g}", value); }

std::vector<int> pass_ticks(int last, int most) {
    const int stride = last < most ? 1 : static_cast<int>(round_up(static_cast<double>(last) / (most - 1)));
    std::vector<int> ticks;
    for (int pass = 0; pass <= last; pass += stride) ticks.push_back(pass);
    return ticks;
}

} // namespace ikebana::apps
