// Trainer of a network on a device: parameters and optimiser state live there. step() and fit() begin with the
// network's numbers and end by giving them back; within fit() they come back after each pass, before its test. Next to
// read: train/device_program.hpp.
#pragma once
#include <ikebana/train/device_program.hpp>
#include <ikebana/train/trainer.hpp>

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
    static constexpr std::size_t extent = Net::parameter_offset.back();

    Trainer(Net& net, Loss = {}, Optimizer optimizer = {}, Threads = {}, Seed seed = {})
        : net_(net), optimizer_(optimizer), seed_(seed), moments_(Optimizer::arrays * extent), gradients_(extent) {}

    /// One training step on a batch: N images of the network's input shape and N labels. Returns the mean cost.
    /// Throws error if shapes or labels don't fit, or if the cost is not finite.
    template <class B>
    double step(const B& batch) {
        program_.take(net_);
        const double cost = train_on(batch);
        program_.give(net_);
        return cost;
    }

    /// Cost and gradients of a batch, without an update. gradients() is laid out like Network::parameters().
    template <class B>
    double compute_gradients(const B& batch) {
        program_.take(net_);
        const double cost = run(batch);
        to_host(program_.on(), gradients_.data(), program_.gradients(), extent);
        return cost;
    }
    std::span<const T> gradients() const { return gradients_; }

    /// Trains for some passes; handlers are called with StepEnd and PassEnd. Returns what every pass ended with.
    template <class Train, class Test, class... Handlers>
    std::vector<PassEnd> fit(Train train, Test test, Passes passes, Handlers&&... handlers) {
        static_assert(reader_fits<Net, Train>() && reader_fits<Net, Test>());
        program_.take(net_);
        auto history = run_passes(
            std::move(train), passes,
            [&](const Batch& batch, const RunPosition& at) {
                position_ = at;
                return train_on(batch);
            },
            [&] {
                program_.give(net_);
                return evaluate(test);
            },
            handlers...);
        position_.progress = 0;
        return history;
    }

    /// Mean cost and accuracy over a reader of batches, by the inference program.
    template <class Reader>
    Evaluation evaluate(Reader&& reader) {
        return ikebana::evaluate<Loss>(net_.inference(), reader, workers_);
    }

    void set_schedule(Schedule schedule) { schedule_ = schedule; }
    /// Notes the parts of every step from now on, each waited for; null ends it. The profile must outlive that.
    void set_profile(Profile* profile) {
        profile_ = profile;
        program_.set_profile(profile);
    }
    Optimizer& optimizer() { return optimizer_; }
    int threads() const { return workers_.count(); }
    static constexpr std::size_t workspace_bytes(int n, int) { return DeviceProgram<Net, Loss>::workspace_bytes(n); }

  private:
    template <class B>
    double run(const B& batch) {
        const std::size_t n = check_batch<Net>(batch, staged_labels_);
        const T* rows = rows_of(batch.images, n * Net::input::size, staged_images_);
        const double cost =
            program_.run(rows, staged_labels_.data(), static_cast<int>(n), seed_, static_cast<std::uint64_t>(steps_));
        if (!std::isfinite(cost)) throw_not_finite(position_, cost, program_.first_not_finite(), layer_names<Net>());
        return cost;
    }

    template <class B>
    double train_on(const B& batch) {
        if (profile_) profile_->begin_step(threads(), Net::layer_count);
        const double cost = run(batch);
        ++steps_, ++position_.step;
        program_.update_state();
        std::array<T*, Optimizer::arrays> state;
        for (std::size_t k = 0; k < state.size(); ++k) state[k] = moments_.data() + k * extent;
        program_.timed(Part::update, 0, [&] {
            optimizer_.update(program_.on(), extent, program_.parameters(), state,
                              Elements<const T>{program_.gradients()}, steps_,
                              optimizer_.learning_rate * learning_rate_factor(schedule_, position_.progress));
        });
        if (profile_) profile_->end_step();
        return cost;
    }

    Net& net_;
    Optimizer optimizer_;
    Schedule schedule_ = Schedule::constant;
    Seed seed_;
    typename backend::workers workers_{1};
    DeviceProgram<Net, Loss> program_;
    typename backend::template array<T> moments_;
    std::vector<T> gradients_, staged_images_;
    std::vector<int> staged_labels_;
    RunPosition position_;
    Profile* profile_ = nullptr;
    long steps_ = 0;
};

} // namespace ikebana
