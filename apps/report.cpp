// The lines of test, predict and describe.
#include <apps/report.hpp>
#include <cstdio>
#include <ikebana/io/atomic_file.hpp>
#include <ikebana/train/print_progress.hpp>
#include <ikebana/train/table_text.hpp>

namespace ikebana::apps {

void report_test(const Options& options, const Evaluation& e, std::span<const int> predicted) {
    std::printf("Test avg_cost: %s, acc: %s\nThe classification accuracy is %.2f%%\n", shortest_decimal(e.cost).c_str(),
                shortest_decimal(e.accuracy).c_str(), 100 * e.accuracy);
    if (!options.dump) return;
    std::string lines;
    for (const int c : predicted) lines += std::to_string(c) + "\n";
    write_file(*options.dump, lines);
}

void report_prediction(const Options& options, const std::filesystem::path& image, int predicted,
                       std::span<const float> probabilities) {
    std::printf("Inference result of %s is: %d\n", image.string().c_str(), predicted);
    for (std::size_t k = 0; options.probabilities && k < probabilities.size(); ++k)
        std::printf("  %zu  %.6f\n", k, static_cast<double>(probabilities[k]));
}

void report_table(const NetworkTable& table) { std::fputs(table_text(table).c_str(), stdout); }

} // namespace ikebana::apps
