// Gradients against central differences, in double on the reference backend, to a relative error of 1e-6:
//   check_layer<B>(findings)           one layer alone: f = Σ dy · y with random dy, by its input and its parameters
//   check_whole<Net, Loss>(findings)   the mean cost of a batch by all parameters, as the trainer computes it
//   check_gradients<In, Layers, Loss>  each layer, then the whole
// All coordinates of a small tensor, a random choice of a large one. Next to read: differences.hpp.
#pragma once
#include "differences.hpp"
#include "interpret.hpp"
#include "samples.hpp"

namespace ikebana::test {

/// First values of a layer's parameters, its vectors moved off their trivial ones; adds a row for each array.
template <class... P>
void start_parameters(Parameters<P...>, [[maybe_unused]] std::vector<double>& p, [[maybe_unused]] Random& random,
                      std::vector<ArrayRow>& rows) {
    [[maybe_unused]] std::size_t at = 0;
    ((P::initial::fill(p.data() + at, typename P::shape{}, random), rows.push_back({P::name::text, at, P::shape::size}),
      at += padded(P::shape::size)),
     ...);
    std::size_t i = 0;
    for (const bool vector : {P::shape::rank == 1 ..., false}) {
        if (vector)
            for (std::size_t k = 0; k < rows[i].size; ++k) p[rows[i].at + k] += 0.3 * random.normal();
        ++i;
    }
}

/// What a layer reads and writes, of any type.
struct LayerUnderTest {
    std::string name;
    std::vector<double>&x, &y, &dx, &dy, &p;
    const std::vector<ArrayRow>& rows;
    long work; // multiply-adds of a forward
    std::function<void()> forward;
    std::function<void(double* dp)> backward;
    std::function<std::uint64_t()> pattern;
};

inline void check_layer(Findings& findings, const LayerUnderTest& run, Random& random) {
    std::vector<double> dp(run.p.size());
    spread_values(run.x, random);
    for (double& v : run.dy) v = random.normal();
    for (double& v : dp) v = random.normal(); // backward adds to it …
    const std::vector<double> before = dp, dy = run.dy;
    std::fill(run.dx.begin(), run.dx.end(), std::numeric_limits<double>::quiet_NaN()); // … and overwrites this
    run.forward();
    run.backward(dp.data());
    for (std::size_t i = 0; i < dp.size(); ++i) dp[i] -= before[i];

    std::vector<Variables> tensors{{"x", run.x, run.dx}};
    for (const ArrayRow& row : run.rows)
        tensors.push_back(
            {row.name, std::span(run.p).subspan(row.at, row.size), span_of(dp).subspan(row.at, row.size)});
    compare_with_differences(findings, "layer " + run.name + " alone, d", tensors,
                             coordinates(run.work, tensors.size()), dy, random, [&] {
                                 run.forward();
                                 return Probe{run.y, run.pattern()};
                             });
}

template <class B>
void check_layer(Findings& findings, int samples = 4) {
    Random random(Seed{5}, Stream::test, static_cast<std::uint32_t>(B::position));
    std::vector<double> p(parameter_extent<typename B::parameters>);
    std::vector<ArrayRow> rows;
    start_parameters(typename B::parameters{}, p, random, rows);
    LayerRun<B> run(samples);
    run.p = p.data();
    const long work = samples * (multiply_adds_of<typename B::layer, typename B::input>() + 2 * long(B::input::size));
    check_layer(findings,
                {std::to_string(B::position) + " (" + layer_name<typename B::layer>() + ")", run.x, run.y, run.dx,
                 run.dy, p, rows, work, [&] { run.forward(); }, [&](double* dp) { run.backward(dp); },
                 [&] {
                     std::uint64_t pattern = 0;
                     run.add_pattern(pattern);
                     return pattern;
                 }},
                random);
}

/// Gradients of the mean cost of n samples.
inline void check_whole(Findings& findings, std::size_t n, double cost, const std::vector<ArrayRow>& rows,
                        std::span<double> parameters, std::span<const double> gradients, long work,
                        const std::function<Probe()>& evaluate) {
    const Probe here = evaluate();
    const double mean = std::accumulate(here.values.begin(), here.values.end(), 0.0) / static_cast<double>(n);
    findings.expect("cost of the trainer against the layers one by one", std::abs(cost - mean) / std::abs(mean), 1e-12);
    std::vector<Variables> tensors;
    for (const ArrayRow& row : rows)
        tensors.push_back({row.name, parameters.subspan(row.at, row.size), gradients.subspan(row.at, row.size)});
    const std::vector<double> weights(n, 1.0 / static_cast<double>(n));
    Random random(Seed{6}, Stream::test);
    compare_with_differences(findings, "whole network, ", tensors, coordinates(work, tensors.size()), weights, random,
                             evaluate);
}

template <class Net, class Loss>
void check_whole(Findings& findings, std::size_t n = 9) {
    Net net(Seed{3});
    randomise_vectors(net, 1);
    const auto samples = random_samples<double, typename Net::input>(n, static_cast<int>(Net::output::size), 9);
    Trainer<Net, Loss, Sgd> trainer(net);
    const double cost = trainer.compute_gradients(samples);
    Interpreter<Net, Loss> interpreter(net, static_cast<int>(n));
    check_whole(findings, n, cost, parameter_rows<Net>(), net.parameters(), trainer.gradients(),
                static_cast<long>(n) * Net::multiply_adds, [&] {
                    auto costs = interpreter.costs(samples.images.data(), samples.labels.data());
                    return Probe{std::move(costs), interpreter.pattern()};
                });
}

template <class In, class Layers, class Loss>
void check_gradients(Findings& findings) {
    using Net = Network<In, Layers, reference::backend, double>;
    Net::each_layer([&]<class B>(B) { check_layer<B>(findings); });
    check_whole<Net, Loss>(findings);
}

} // namespace ikebana::test
