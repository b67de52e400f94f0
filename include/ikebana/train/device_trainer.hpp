// Trainer of a network on a device: parameters and optimiser state live there. A step is captured once for each size of
// batch and then launched: load samples → forward → loss → backward → running statistics → update. Its numbers wait on
// the device before it does, and costs come back in groups, so the host is ahead by one group of steps and waits for
// nothing else. step() and fit() begin with the network's numbers and end by giving them back, by an exception, too;
// within fit() they come back after each pass, before its test.
// Next to read: train/device_program.hpp, train/device_data.hpp.
#pragma once
#include <ikebana/train/device_evaluate.hpp>
#include <ikebana/train/device_program.hpp>
#include <ikebana/train/trainer.hpp>

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

namespace ikebana {

template <class Net, class Loss, class Optimizer>
requires DeviceBackend<typename Net::backend>
class Trainer<Net, Loss, Optimizer> {
    static_assert(can_train<Net, Loss, Optimizer>());

  public:
    using network = Net;
    using loss = Loss;
    using T = typename Net::scalar;
    using backend = typename Net::backend;
    using program = DeviceProgram<Net, Loss>;
    static constexpr std::size_t extent = Net::parameter_offset.back();

    Trainer(Net& net, Loss = {}, Optimizer optimizer = {}, Threads = {}, Seed seed = {})
        : net_(net), optimizer_(optimizer), seed_(seed), costs_(program::slots), moments_(Optimizer::arrays * extent),
          gradients_(extent) {}

    /// One training step on a batch: N images of the network's input shape and N labels. Returns the mean cost.
    /// Throws error if shapes or labels don't fit, or if the cost is not finite.
    template <class B>
    double step(const B& batch) {
        program_.take(net_);
        Group& group = groups_[0];
        put(batch, group);
        note_update(group, position_.progress);
        ask_for(one_.samples(), group.samples[0], group);
        double cost = 0;
        settle(group, position_, [&](double c, int) { cost = c; });
        ++position_.step;
        give();
        return cost;
    }

    /// Cost and gradients of a batch, without an update. gradients() is laid out like Network::parameters().
    template <class B>
    double compute_gradients(const B& batch) {
        program_.take(net_);
        put(batch, groups_[0]);
        groups_[0].ready.hold(program_.on().stream);
        const int n = groups_[0].samples[0];
        program_.run(one_.samples(), n, n, seed_);
        double cost = 0;
        to_host(program_.on(), &cost, program_.costs(), 1);
        check_cost(cost, position_, n);
        to_host(program_.on(), gradients_.data(), program_.gradients(), extent);
        return cost;
    }
    std::span<const T> gradients() const { return gradients_; }

    /// Trains for some passes; handlers are called with StepEnd and PassEnd. Returns what every pass ended with. Stored
    /// samples (data/stored.hpp), those to train with and those to test with, are kept on the device where they take up
    /// to three quarters of what is free there; other batches are copied, each while the device works on the one
    /// before.
    template <class Train, class Test, class... Handlers>
    std::vector<PassEnd> fit(Train train, Test test, Passes passes, Handlers&&... handlers) {
        static_assert(reader_fits<Net, Train>() && reader_fits<Net, Test>());
        const detail::ProgressOfRun of_this_run{position_};
        program_.take(net_);
        ahead_ = false;
        if constexpr (StoredReader<Train>) {
            reserve(static_cast<int>(train.batch_size()));
            if (StoredBatches<Net, Train>::bytes(train) <= free_bytes(program_.on()) / 4 * 3)
                return fit_from(StoredBatches<Net, Train>(std::move(train)), std::move(test), passes, handlers...);
        }
        return fit_from(CopiedBatches<Net, Train>(std::move(train)), std::move(test), passes, handlers...);
    }

    /// Mean cost and accuracy over a reader of batches, by the inference program.
    template <class Reader>
    Evaluation evaluate(Reader&& reader) {
        return ikebana::evaluate<Loss>(net_.inference(), reader, workers_);
    }

    /// The learning rate over the passes of fit(); in a loop of one's own, by set_progress().
    void set_schedule(Schedule schedule) { schedule_ = schedule; }
    /// How far a run is, from 0 to 1: where the schedule is at the next step. fit() keeps it itself.
    void set_progress(double progress) { position_.progress = progress; }
    /// Notes the parts of every step from now on, each waited for and none captured; null ends it. The profile must
    /// outlive that.
    void set_profile(Profile* profile) {
        profile_ = profile;
        program_.set_profile(profile);
    }
    Optimizer& optimizer() { return optimizer_; }
    int threads() const { return workers_.count(); }
    static constexpr std::size_t workspace_bytes(int n, int) { return program::workspace_bytes(n); }

  private:
    /// Steps that are asked for at once.
    struct Group {
        std::array<int, program::slots / 2> samples{};
        int count = 0, asked = 0;            // steps, and those that were asked for
        int first = 0, slot = 0;             // the first one's number within its pass, and its slot
        typename backend::event ready, done; // batches and numbers are on the device; costs are on the host
    };
    /// A step as it was asked for before; without a graph it was so once, since a kernel's code may be loaded then,
    /// which a capture forbids.
    struct Captured {
        struct Of {
            int samples, batch;
            std::size_t number_bytes;
            const void *images, *labels, *order;
            bool operator==(const Of&) const = default;
        } of;
        std::optional<typename backend::graph> graph;
    };

    template <class Source, class Test, class... Handlers>
    std::vector<PassEnd> fit_from(Source source, Test test, Passes passes, Handlers&... handlers) {
        static_assert(2 * Source::group <= program::slots);
        DeviceTests<Net, Test> tests(std::move(test));
        try {
            return run_passes_of(source, tests, passes, handlers...);
        } catch (...) {
            for (Group& group : groups_) end(group); // steps that nobody will be told of
            groups_[0].ready.record(copies_.get());
            groups_[0].ready.wait(); // what is copied is the source's
            if (ahead_) give();
            throw;
        }
    }

    template <class Source, class Tests, class... Handlers>
    std::vector<PassEnd> run_passes_of(Source& source, Tests& tests, Passes passes, Handlers&... handlers) {
        std::vector<PassEnd> history;
        RunPosition at;
        for (at.pass = 0; at.pass < passes.count; ++at.pass) {
            const auto begin = std::chrono::steady_clock::now();
            double sum = 0;
            long samples = 0;
            const auto settle_group = [&](Group& group) {
                at.step = group.first;
                settle(group, at, [&](double cost, int n) {
                    sum += cost * n;
                    samples += n;
                    (tell(handlers, StepEnd{at.pass, at.step++, source.steps(), n, cost}), ...);
                });
            };
            start(2 * Source::group);
            source.start(copies(), static_cast<unsigned>(at.pass));
            int half = 0;
            for (int first = 0;; first += Source::group, half = 1 - half) {
                Group& group = groups_[half];
                group.first = first, group.slot = half * Source::group;
                prepare(source, group,
                        [&](int step) { return detail::progress(at.pass, step, source.steps(), passes); });
                if (group.count == 0) break;
                ask_for(source.samples(), source.batch(), group);
                settle_group(groups_[1 - half]);
            }
            settle_group(groups_[1 - half]);
            if (samples == 0)
                throw error("fit: pass " + std::to_string(at.pass) + ": the training reader gave no sample");
            const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
            give();
            const Evaluation e = tests.template evaluate<Loss>(net_.inference(), workers_);
            history.push_back({at.pass, sum / static_cast<double>(samples), e.cost, e.accuracy, seconds});
            (tell(handlers, history.back()), ...);
        }
        return history;
    }

    backend copies() const {
        backend on{};
        on.stream = copies_.get();
        return on;
    }

    void give() {
        program_.give(net_);
        ahead_ = false;
    }

    void reserve(int n) {
        if (program_.reserve(n)) captured_.clear();
    }

    /// Nothing is under way: the next step is the first of a pass.
    void start(int slots) {
        for (Group& group : groups_) group.count = group.asked = 0;
        stopped_ = false;
        program_.start({static_cast<std::uint64_t>(steps_), 0, 0, static_cast<std::uint32_t>(slots)});
    }

    /// A group of one batch.
    template <class B>
    void put(const B& batch, Group& group) {
        const std::size_t n = batch.labels.size();
        start(1);
        one_.reserve(n, 1);
        group.samples[0] = static_cast<int>(one_.put(copies(), 0, n, batch));
        group.first = group.slot = 0;
        reserve(group.samples[0]);
        group.ready.record(copies_.get());
    }

    /// The group's next step gets the optimiser's numbers, in its slot.
    void note_update(Group& group, double progress) {
        std::array<T*, Optimizer::arrays> state;
        for (std::size_t k = 0; k < state.size(); ++k) state[k] = moments_.data() + k * extent;
        optimizer_.update(update_.note(), extent, program_.parameters(), state, Elements<const T>{program_.gradients()},
                          under_way() + 1, optimizer_.learning_rate * learning_rate_factor(schedule_, progress));
        const std::size_t bytes = update_.bytes().size();
        if (!update_.alike(captured_update_)) {
            if (group.count > 0) throw error("an optimiser's update must be of the same expressions at every step");
            captured_update_ = update_;
            updates_ = typename backend::template array<std::byte>(program::slots * bytes);
            host_updates_ = typename backend::template pinned<std::byte>(program::slots * bytes);
            captured_.clear();
        }
        std::copy_n(update_.bytes().data(), bytes,
                    host_updates_.data() + static_cast<std::size_t>(group.slot + group.count) * bytes);
        ++group.count;
    }
    /// Steps taken, and those that were asked for or are about to be.
    long under_way() const { return steps_ + groups_[0].count + groups_[1].count; }

    /// The next group's batches and numbers; progress(step of the pass) is the run's.
    template <class Source, class Progress>
    void prepare(Source& source, Group& group, Progress progress) {
        while (group.count < Source::group) {
            const int n = source.next(copies(), group.slot + group.count);
            if (n == 0) break;
            group.samples[static_cast<std::size_t>(group.count)] = n;
            reserve(n);
            note_update(group, progress(group.first + group.count));
        }
    }

    /// Asks for a group's steps, once their numbers are on the device, and then for their costs.
    template <class U>
    void ask_for(const DeviceSamples<U>& samples, int batch, Group& group) {
        const auto slot = static_cast<std::size_t>(group.slot), count = static_cast<std::size_t>(group.count);
        const std::size_t bytes = update_.bytes().size();
        ask_to_device(copies(), updates_.data() + slot * bytes, host_updates_.data() + slot * bytes, count * bytes);
        group.ready.record(copies_.get());
        group.ready.hold(program_.on().stream);
        for (std::size_t i = 0; i < count; ++i) ask_for_step(samples, batch, group.samples[i]);
        ask_to_host(program_.on(), costs_.data() + slot, program_.costs() + slot, count);
        group.done.record(program_.on().stream);
        group.asked = group.count;
        ahead_ = true;
    }

    template <class U>
    void ask_for_step(const DeviceSamples<U>& samples, int batch, int n) {
        const auto run = [&] { run_step(samples, batch, n); };
        if (profile_) {
            const Profile::Step step(profile_, threads(), Net::layer_count);
            return run();
        }
        const typename Captured::Of of{n, batch, sizeof(U), samples.images, samples.labels, samples.order};
        auto at = std::find_if(captured_.begin(), captured_.end(), [&](const Captured& c) { return c.of == of; });
        if (at == captured_.end()) {
            if (captured_.size() == 8) captured_.clear();
            captured_.push_back({of, {}});
            return run();
        }
        if (!at->graph) at->graph = backend::graph::capture(program_.on().stream, run);
        at->graph->launch(program_.on().stream);
    }

    template <class U>
    void run_step(const DeviceSamples<U>& samples, int batch, int n) {
        program_.run(samples, batch, n, seed_);
        program_.update_state();
        program_.timed(Part::update, 0, [&] {
            captured_update_.launch(program_.on(), updates_.data(), captured_update_.bytes().size());
        });
    }

    /// Waits for a group's steps and returns how many there were. From one without a finite cost on, they changed
    /// nothing and don't count.
    int end(Group& group) {
        group.count = 0;
        const int asked = std::exchange(group.asked, 0);
        if (asked > 0) group.done.wait();
        for (int i = 0; i < asked && !stopped_; ++i) {
            stopped_ = !std::isfinite(costs_.data()[group.slot + i]);
            steps_ += !stopped_;
        }
        return asked;
    }

    /// Ends a group; f(cost, samples) for each of its steps. `at` is the first one's place.
    template <class F>
    void settle(Group& group, RunPosition at, F f) {
        const int count = end(group);
        for (int i = 0; i < count; ++i, ++at.step) {
            const int n = group.samples[static_cast<std::size_t>(i)];
            const double cost = costs_.data()[group.slot + i];
            check_cost(cost, at, n);
            f(cost, n);
        }
    }

    void check_cost(double cost, const RunPosition& at, int n) const {
        if (!std::isfinite(cost))
            throw_not_finite(at, cost, program_.first_non_finite_sample(n), program_.first_not_finite(n),
                             layer_names<Net>());
    }

    Net& net_;
    Optimizer optimizer_;
    Schedule schedule_ = Schedule::constant;
    Seed seed_;
    typename backend::workers workers_{1};
    typename backend::stream_type copies_; // from the host, beside the program's
    DeviceProgram<Net, Loss> program_;
    typename backend::template pinned<double> costs_; // one a slot
    typename backend::template array<T> moments_;
    std::vector<T> gradients_;
    BatchSlots<Net> one_; // of step()
    Group groups_[2];
    typename backend::updates update_, captured_update_; // of the next step; of the steps captured
    typename backend::template array<std::byte> updates_;
    typename backend::template pinned<std::byte> host_updates_;
    std::vector<Captured> captured_;
    RunPosition position_;
    Profile* profile_ = nullptr;
    long steps_ = 0;
    bool stopped_ = false; // by a cost that is not finite, until the next start
    bool ahead_ = false;   // of the network's numbers
};

} // namespace ikebana
