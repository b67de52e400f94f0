// Gradients against central differences, in double on the reference backend:
//   check_layer<B>(findings)           one layer alone: f = Σ dy · y with random dy, by its input and its parameters
//   check_network<Net, Loss>(findings) the mean cost of a batch by all parameters, as the trainer computes it
// The error of a tensor is max |a − b| / max |b| over the coordinates tried; all of a small tensor, a random choice of
// a large one. A coordinate whose step changes a kink's side (another place wins a max pool, a ReLU opens) gets a
// smaller step, and counts as not comparable if that doesn't help; there must be few of those.
#pragma once
#include "interpret.hpp"
#include "samples.hpp"

#include <numeric>
#include <optional>

namespace ikebana::test {

inline constexpr double gradient_bound = 1e-6;

/// Up to `limit` different numbers below n, at random.
inline std::vector<std::size_t> some_of(std::size_t n, std::size_t limit, Random& random) {
    std::vector<std::size_t> all(n);
    std::iota(all.begin(), all.end(), std::size_t{0});
    const std::size_t wanted = std::min(n, limit);
    for (std::size_t i = 0; i < wanted; ++i)
        std::swap(all[i], all[i + random.below(static_cast<std::uint32_t>(n - i))]);
    all.resize(wanted);
    return all;
}

/// Σ weights · values at the two ends of a step, and the sides of all kinks there.
struct Probe {
    std::vector<double> values;
    std::uint64_t pattern;
};

/// d (Σ weights · values) / d at, or nothing if every step crosses a kink. evaluate() returns a Probe.
template <class Evaluate>
std::optional<double> central_difference(double& at, std::uint64_t pattern, std::span<const double> weights,
                                         Evaluate evaluate) {
    const double here = at;
    for (double step = 1e-5; step > 1e-7; step /= 8) {
        at = here + step;
        const double high = at;
        const Probe up = evaluate();
        at = here - step;
        const double low = at;
        const Probe down = evaluate();
        at = here;
        if (up.pattern != pattern || down.pattern != pattern) continue;
        double sum = 0;
        for (std::size_t i = 0; i < weights.size(); ++i) sum += weights[i] * (up.values[i] - down.values[i]);
        return sum / (high - low);
    }
    return std::nullopt;
}

/// Gradients of one function by several tensors, to be compared together: a tensor whose gradient is a thousandth of
/// the largest is measured by that.
class Comparison {
  public:
    explicit Comparison(Findings& findings) : findings_(findings) {}

    void add(const std::string& what, std::vector<double> computed, std::vector<double> expected, std::size_t skipped) {
        if (computed.size() < 3 * skipped) findings_.expect(what + ": kinks too near to compare", false);
        rows_.push_back({what, std::move(computed), std::move(expected)});
    }
    void finish(double bound) {
        double most = 0;
        for (const Row& row : rows_) most = std::max(most, largest(span_of(row.expected)));
        for (const Row& row : rows_)
            findings_.expect(row.what, relative_error(span_of(row.computed), span_of(row.expected), 1e-3 * most),
                             bound);
    }

  private:
    struct Row {
        std::string what;
        std::vector<double> computed, expected;
    };
    Findings& findings_;
    std::vector<Row> rows_;
};

/// Compares `computed` (as long as the tensor) with differences at some coordinates of it.
template <class Evaluate>
void compare_tensor(Comparison& comparison, const std::string& what, double* at, std::span<const double> computed,
                    std::size_t limit, std::uint64_t pattern, std::span<const double> weights, Random& random,
                    Evaluate evaluate) {
    std::vector<double> a, b;
    std::size_t skipped = 0;
    for (const std::size_t i : some_of(computed.size(), limit, random)) {
        const auto slope = central_difference(at[i], pattern, weights, evaluate);
        if (!slope) {
            ++skipped;
            continue;
        }
        a.push_back(computed[i]);
        b.push_back(*slope);
    }
    comparison.add(what, std::move(a), std::move(b), skipped);
}

/// Values in (−2, 2), all 4 / size apart and at least a quarter of that from 0, in random order: no kink is near.
inline void spread_values(std::span<double> x, Random& random) {
    const auto n = static_cast<double>(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = 4 * (static_cast<double>(i) + 0.5) / n - 2 + (x.size() % 2) / n;
    for (std::size_t i = x.size(); i > 1; --i) std::swap(x[i - 1], x[random.below(static_cast<std::uint32_t>(i))]);
}

/// Coordinates of a tensor to try, when one evaluation takes `work` multiply-adds.
constexpr std::size_t coordinates(long work, std::size_t tensors) {
    const long most = 400'000'000 / (2 * (work + 1000) * static_cast<long>(tensors));
    return static_cast<std::size_t>(std::clamp(most, 4L, 60L));
}

template <class B>
void check_layer(Findings& findings, int samples = 4) {
    using P = typename B::parameters;
    constexpr std::size_t extent = parameter_extent<P>;
    Random random(Seed{5}, Stream::test, static_cast<std::uint32_t>(B::position));
    std::vector<double> p(extent), dp(extent), before(extent);
    std::vector<std::pair<std::string, std::span<double>>> arrays;
    [&]<class... Q>(Parameters<Q...>) {
        [[maybe_unused]] double* at = p.data();
        [[maybe_unused]] const auto start = [&]<class Name, class S, class I>(Parameter<Name, S, I>) {
            I::fill(at, S{}, random);
            for (std::size_t k = 0; S::rank == 1 && k < S::size; ++k) at[k] += 0.3 * random.normal();
            arrays.push_back({Name::text, {at, S::size}});
            at += padded(S::size);
        };
        (start(Q{}), ...);
    }(P{});

    LayerRun<B> run(samples);
    run.p = p.data();
    spread_values(run.x, random);
    for (double& v : run.dy) v = random.normal();
    for (double& v : dp) v = random.normal(); // backward adds to it …
    before = dp;
    std::fill(run.dx.begin(), run.dx.end(), std::numeric_limits<double>::quiet_NaN()); // … and overwrites this
    const std::vector<double> dy = run.dy;
    run.forward();
    run.backward(dp.data());
    const std::vector<double> dx = run.dx;
    for (std::size_t i = 0; i < extent; ++i) dp[i] -= before[i];

    const auto evaluate = [&] {
        run.forward();
        std::uint64_t pattern = 0;
        run.add_pattern(pattern);
        return Probe{run.y, pattern};
    };
    const std::uint64_t pattern = evaluate().pattern;
    const std::string name =
        "layer " + std::to_string(B::position) + " (" + layer_name<typename B::layer>() + ") alone, d";
    const std::size_t limit =
        coordinates(samples * (multiply_adds_of<typename B::layer, typename B::input>() + 2 * long(B::input::size)),
                    1 + arrays.size());
    Comparison comparison(findings);
    compare_tensor(comparison, name + "x", run.x.data(), span_of(dx), limit, pattern, dy, random, evaluate);
    for (const auto& [what, array] : arrays)
        compare_tensor(comparison, name + what, array.data(),
                       span_of(dp).subspan(static_cast<std::size_t>(array.data() - p.data()), array.size()), limit,
                       pattern, dy, random, evaluate);
    comparison.finish(gradient_bound);
}

/// More samples than a trainer has gradient buffers, so that one of them is added to by two tiles.
template <class Net, class Loss>
void check_whole(Findings& findings, std::size_t n = 9) {
    Net net(Seed{3});
    randomise_vectors(net, 1);
    constexpr int classes = static_cast<int>(Net::output::size);
    const auto samples = random_samples<double, typename Net::input>(n, classes, 9);
    Trainer<Net, Loss, Sgd> trainer(net);
    const double cost = trainer.compute_gradients(samples);
    const std::vector<double> gradients(trainer.gradients().begin(), trainer.gradients().end());

    Interpreter<Net, Loss> interpreter(net, static_cast<int>(n));
    const auto evaluate = [&] {
        const auto costs = interpreter.costs(samples.images.data(), samples.labels.data());
        return Probe{costs, interpreter.pattern()};
    };
    const Probe here = evaluate();
    const double mean = std::accumulate(here.values.begin(), here.values.end(), 0.0) / static_cast<double>(n);
    findings.expect("cost of the trainer against the layers one by one", std::abs(cost - mean) / std::abs(mean), 1e-12);

    const std::vector<double> weights(n, 1.0 / static_cast<double>(n));
    std::size_t tensors = 0;
    each_parameter<Net>(net.parameters(), [&](const std::string&, auto) { ++tensors; });
    Random random(Seed{6}, Stream::test);
    Comparison comparison(findings);
    each_parameter<Net>(net.parameters(), [&](const std::string& what, std::span<double> array) {
        const auto at = static_cast<std::size_t>(array.data() - net.parameters().data());
        compare_tensor(comparison, "whole network, " + what, array.data(), span_of(gradients).subspan(at, array.size()),
                       coordinates(static_cast<long>(n) * Net::multiply_adds, tensors), here.pattern, weights, random,
                       evaluate);
    });
    comparison.finish(gradient_bound);
}

/// Each layer alone, then all together.
template <class In, class Layers, class Loss>
void check_gradients(Findings& findings) {
    using Net = Network<In, Layers, reference::backend, double>;
    Net::each_layer([&]<class B>(B) { check_layer<B>(findings); });
    check_whole<Net, Loss>(findings);
}

} // namespace ikebana::test
