// Profile: where the time of training goes. A trainer that is given one notes when each thread begins and ends a part
// of a step: a layer's forward or backward on a tile, the loss, the update.
//   Profile profile;
//   trainer.set_profile(&profile);
// Without a profile a part costs a comparison. Next to read: profile_report.hpp, which prints it.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace ikebana {

/// Parts of a step. Forward, backward and pack are a layer's; read is the work on the next batch that the threads do
/// meanwhile.
enum class Part { read, load, pack, forward, loss, backward, update };

class Profile {
  public:
    /// Keeps the spans of the first `traced_steps` steps, and the sums of all.
    explicit Profile(int traced_steps = 20) : traced_steps_(traced_steps) {}

    long steps() const { return steps_; }
    int threads() const { return static_cast<int>(workers_.size()); }
    /// Seconds from the first step's begin to the last one's end, and those of them within steps.
    double wall_seconds() const { return seconds(last_ - first_); }
    double step_seconds() const { return seconds(in_steps_); }
    /// Seconds of all threads together.
    double total(Part part, int layer = 0) const {
        std::int64_t sum = 0;
        for (const Worker& w : workers_) sum += w.total[index(part, layer)];
        return seconds(sum);
    }

    struct Span {
        Part part;
        int layer;
        std::int64_t begin, end; // ns, of the steady clock
    };
    const std::vector<Span>& spans(int worker) const { return workers_[static_cast<std::size_t>(worker)].spans; }

    /// A step, whatever ends it; nothing if there is no profile.
    class Step {
      public:
        Step(Profile* profile, int threads, int layers) : profile_(profile) {
            if (profile_) profile_->begin_step(threads, layers);
        }
        ~Step() {
            if (profile_) profile_->end_step();
        }
        Step(const Step&) = delete;
        Step& operator=(const Step&) = delete;

      private:
        Profile* profile_;
    };

    // ---- called by the trainer

    [[gnu::cold]] void begin_step(int threads, int layers) {
        layers_ = layers;
        workers_.resize(static_cast<std::size_t>(threads));
        for (Worker& w : workers_) w.total.resize(parts * static_cast<std::size_t>(layers));
        in_step_ = true;
        step_begin_ = now();
        if (steps_ == 0) first_ = step_begin_;
    }
    [[gnu::cold]] void end_step() {
        last_ = now();
        in_step_ = false;
        in_steps_ += last_ - step_begin_;
        ++steps_;
    }
    [[gnu::cold]] void add(int worker, Part part, int layer, std::int64_t begin) {
        if (!in_step_) return; // gradients alone
        const std::int64_t end = now();
        Worker& w = workers_[static_cast<std::size_t>(worker)];
        w.total[index(part, layer)] += end - begin;
        if (steps_ < traced_steps_) w.spans.push_back({part, layer, begin, end});
    }
    static std::int64_t now() {
        return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
            .count();
    }

  private:
    static constexpr std::size_t parts = 7;
    struct alignas(64) Worker {
        std::vector<std::int64_t> total; // ns of each part and layer
        std::vector<Span> spans;
    };

    std::size_t index(Part part, int layer) const {
        return static_cast<std::size_t>(part) * static_cast<std::size_t>(layers_) + static_cast<std::size_t>(layer);
    }
    static double seconds(std::int64_t ns) { return static_cast<double>(ns) * 1e-9; }

    int traced_steps_, layers_ = 0;
    long steps_ = 0;
    bool in_step_ = false;
    std::int64_t first_ = 0, last_ = 0, step_begin_ = 0, in_steps_ = 0;
    std::vector<Worker> workers_;
};

/// Notes a part for as long as it lives; nothing if there is no profile.
class Timed {
  public:
    Timed(Profile* profile, int worker, Part part, int layer)
        : profile_(profile), worker_(worker), layer_(layer), part_(part), begin_(profile ? Profile::now() : 0) {}
    Timed(const Timed&) = delete;
    Timed& operator=(const Timed&) = delete;
    ~Timed() {
        if (profile_) profile_->add(worker_, part_, layer_, begin_);
    }

  private:
    Profile* profile_;
    int worker_, layer_;
    Part part_;
    std::int64_t begin_;
};

} // namespace ikebana
