// main() of every benchmark program. Google Benchmark prints a result at once, but a share of peak is known only when
// the peak was measured again at the end: runs are kept until then, and handed to Google's own reporter.
//   exit code 1   a rate above 105 % of what the machine can do: the compiler removed the work
//   void          a line in the context (JSON) and on stderr: the machine's peak changed meanwhile
#include "report.hpp"

#include <cstdio>
#include <memory>
#include <optional>

namespace ikebana::bench {
namespace {

constexpr double tolerance = 0.05;

class Keep : public benchmark::BenchmarkReporter {
  public:
    bool ReportContext(const Context& context) override {
        context_.emplace(context);
        return true;
    }
    void ReportRuns(const std::vector<Run>& runs) override {
        auto& group = groups_.emplace_back();
        for (const Run& run : runs) // means of shares and of peaks' numbers would mean nothing
            if (run.run_type == Run::RT_Iteration) group.push_back(run);
    }

    /// Shares into all runs; how many rates cannot be.
    int add_shares() {
        int impossible = 0;
        for (auto& group : groups_)
            for (Run& run : group) impossible += !add_share(run);
        return impossible;
    }

    void hand_over(benchmark::BenchmarkReporter& to) {
        to.ReportContext(*context_);
        for (const auto& group : groups_) to.ReportRuns(group);
        to.Finalize();
    }

  private:
    static bool add_share(Run& run) {
        auto& counters = run.counters;
        const auto index = static_cast<std::size_t>(counters.at(counter::peak).value);
        const double limit = counters.at(counter::limit).value;
        const char* unit = counters.count(counter::flop) ? counter::flop : counter::bytes;
        const double rate = counters.at(unit).value, peak = peaks()[index].value() * 1e-9;
        counters.erase(counter::limit);
        counters[unit] = rate; // no longer flagged as a rate, which the console would show as GFLOP/s/s
        counters[counter::peak] = peak;
        counters[counter::share] = rate / peak;
        if (rate <= (1 + tolerance) * limit * peak) return true;
        std::fprintf(stderr, "%s: %.1f %s, and the machine can do %.1f: the compiler removed the work\n",
                     run.benchmark_name().c_str(), rate, unit, limit * peak);
        return false;
    }

    std::optional<Context> context_;
    std::vector<std::vector<Run>> groups_;
};

/// The second measurement of every peak; what differs from the first is named.
void measure_again() {
    std::string changed;
    for (Peak& peak : peaks()) {
        peak.after = peak.measure();
        char line[200];
        std::snprintf(line, sizeof line, "%.1f G/s before, %.1f after", peak.before * 1e-9, peak.after * 1e-9);
        benchmark::AddCustomContext(peak.name, line);
        if (std::min(peak.before, peak.after) < (1 - tolerance) * peak.value())
            changed += (changed.empty() ? "" : "; ") + peak.name + ": " + line;
    }
    if (changed.empty()) return;
    benchmark::AddCustomContext("void", changed);
    std::fprintf(stderr, "this run is void, the machine was not quiet: %s\n", changed.c_str());
}

} // namespace
} // namespace ikebana::bench

int main(int argc, char** argv) {
    using namespace ikebana::bench;
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
    benchmark::SetDefaultTimeUnit(benchmark::kMicrosecond);
    add_benchmarks();
    Keep kept;
    if (benchmark::RunSpecifiedBenchmarks(&kept) == 0 || peaks().empty()) return 0; // none chosen, or only listed
    measure_again();
    const int impossible = kept.add_shares();
    const std::unique_ptr<benchmark::BenchmarkReporter> report(benchmark::CreateDefaultDisplayReporter());
    kept.hand_over(*report);
    return impossible > 0;
}
