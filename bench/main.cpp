// main() of every benchmark program. Google Benchmark prints a result at once, but a share of peak is known only when
// the peak was measured again at the end: runs are kept until then, and handed to Google's own reporter.
//   --batch=N --threads=N   of single layers (bench/layers.hpp), else 64 and 1; N of a batch is a multiple of 16
//   exit code 1   a rate above 105 % of what the machine can do (report.hpp): the compiler removed the work
//   void          a line in the context (JSON) and on stderr: the machine's peak changed meanwhile
#include "report.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

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

    /// A rate too high is a doubt about the peak first: neighbours on the machine may have held it down both times.
    void doubt_peaks() {
        for (const auto& group : groups_)
            for (const Run& run : group)
                for (int times = 0; times < 5 && rate_of(run) > limit_of(run); ++times) peak_of(run).again();
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
    static const char* unit_of(const Run& run) {
        return run.counters.count(counter::flop) ? counter::flop : counter::bytes;
    }
    static double rate_of(const Run& run) { return run.counters.at(unit_of(run)) * 1e9; }
    static Peak& peak_of(const Run& run) { return peaks()[static_cast<std::size_t>(run.counters.at(counter::peak))]; }
    static double limit_of(const Run& run) {
        return (1 + tolerance) * run.counters.at(counter::limit) * peak_of(run).value();
    }

    static bool add_share(Run& run) {
        const char* unit = unit_of(run);
        const double rate = rate_of(run), peak = peak_of(run).value(), limit = limit_of(run);
        run.counters.erase(counter::limit);
        run.counters[unit] = rate * 1e-9; // no longer flagged as a rate, which the console would show as GFLOP/s/s
        run.counters[counter::peak] = peak * 1e-9;
        run.counters[counter::share] = rate / peak;
        if (rate <= limit) return true;
        std::fprintf(stderr, "%s: %.1f %s, and the machine does at most %.1f: the compiler removed the work\n",
                     run.benchmark_name().c_str(), rate * 1e-9, unit, limit * 1e-9);
        return false;
    }

    std::optional<Context> context_;
    std::vector<std::vector<Run>> groups_;
};

/// Both measurements of every peak into the context; those that differ are named once more.
void tell_peaks() {
    std::string changed;
    for (const Peak& peak : peaks()) {
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

/// --NAME=NUMBER into `to`, and out of the arguments. False after a line on stderr.
bool take_number(const char* name, int step, int most, int& to, int& argc, char** argv) {
    const std::string start = std::string("--") + name + "=";
    const auto found =
        std::find_if(argv + 1, argv + argc, [&](const char* a) { return std::string(a).starts_with(start); });
    if (found == argv + argc) return true;
    const char* const text = *found + start.size();
    const auto [end, error] = std::from_chars(text, text + std::strlen(text), to);
    if (error != std::errc() || *end != '\0' || to < step || to > most || to % step != 0) {
        std::fprintf(stderr, "--%s takes a multiple of %d up to %d, not '%s'\n", name, step, most, text);
        return false;
    }
    std::rotate(found, found + 1, argv + argc);
    --argc;
    return true;
}

} // namespace
} // namespace ikebana::bench

int main(int argc, char** argv) {
    using namespace ikebana::bench;
    const Layers usual;
    if (!take_number("batch", 16, 4096, layers.batch, argc, argv) ||
        !take_number("threads", 1, 256, layers.threads, argc, argv))
        return 1;
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
    benchmark::SetDefaultTimeUnit(benchmark::kMicrosecond);
    add_benchmarks();
    if (!layers.asked_for && (layers.batch != usual.batch || layers.threads != usual.threads)) {
        std::fprintf(stderr, "--batch and --threads are of single layers, and this program measures none\n");
        return 1;
    }
    Keep kept;
    if (benchmark::RunSpecifiedBenchmarks(&kept) == 0 || peaks().empty()) return 0; // none chosen, or only listed
    for (Peak& peak : peaks()) peak.again();
    kept.doubt_peaks();
    tell_peaks();
    const int impossible = kept.add_shares();
    const std::unique_ptr<benchmark::BenchmarkReporter> report(benchmark::CreateDefaultDisplayReporter());
    kept.hand_over(*report);
    return impossible > 0;
}
