#include <apps/profile.hpp>
#include <backends/cpu/peak.hpp>
#include <cstdio>
#include <ikebana/io/atomic_file.hpp>
#include <ikebana/train/profile_report.hpp>

namespace ikebana::apps {

void report_profile(const Options& options, const Profile& profile, const std::vector<LayerRow>& layers) {
    std::fputs(profile_table(profile, layers, options.batch, cpu::multiply_add_peak()).c_str(), stdout);
    write_file(options.out / "profile.json", chrome_trace(profile, layers));
}

} // namespace ikebana::apps
