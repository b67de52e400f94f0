// Where each event of a run goes, and what --profile leaves.
#include <apps/output_folder.hpp>
#include <apps/training_run.hpp>
#include <cmath>
#include <cstdio>
#include <ikebana/io/atomic_file.hpp>
#include <ikebana/train/profile_report.hpp>

namespace ikebana::apps {
namespace {

const Options& with_output_folder(const Options& options) {
    make_output_folder(options.out);
    return options;
}

/// What the digits' levels go through (tensor/scale.hpp), and the classes.
const ModelMetadata metadata{"x / 255 * 2 - 1", "0,1,2,3,4,5,6,7,8,9"};

} // namespace

TrainingRun::TrainingRun(const Options& options, const std::string& name, const char* backend, int vector_width,
                         int threads)
    : options_(with_output_folder(options)), history_(history_file(options)), curve_(curve_file(options), name),
      console_(options.epochs, options.plain) {
    console_.print(std::string("backend ") + backend + ", vectors of " + std::to_string(vector_width) + ", threads " +
                   std::to_string(threads));
}

TrainingRun::~TrainingRun() = default;

void TrainingRun::operator()(const StepEnd& e) {
    curve_(e);
    console_(e);
}

void TrainingRun::operator()(const PassEnd& e) {
    history_(e);
    curve_(e);
    console_(e);
}

void TrainingRun::keep(const PassEnd& e, const ModelContent& model) {
    save_model(pass_file(options_, e.pass), model, metadata);
    if (e.test_cost < best_)
        save_model(best_file(options_), model, metadata), best_ = e.test_cost;
    else if (std::isinf(best_))
        remove_earlier(best_file(options_));
}

void TrainingRun::finish(std::span<const PassEnd> passes) {
    remove_later_passes(options_, static_cast<int>(passes.size()));
    console_.finish(passes);
}

void TrainingRun::report_profile(const std::vector<LayerRow>& layers, double peak, const char* of) const {
    std::fputs(profile_table(profile_, layers, options_.batch, peak, of).c_str(), stdout);
    write_file(options_.out / "profile.json", chrome_trace(profile_, layers));
}

} // namespace ikebana::apps
