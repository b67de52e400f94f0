// Trainer: owns gradients, optimiser state and workspace; one step is
//   load tiles → forward through the segments → loss → backward through the segments → update.
// A batch is cut into tiles of L samples. Tiles are dealt to a fixed number of gradient slots (tile t to slot t mod
// used), a slot is worked by one thread in the order of tiles, and slots are added in their order: the bits are the
// same for any number of threads. After the first step of a batch size nothing allocates.
//   Trainer trainer(net, CrossEntropy{}, Adam{.learning_rate = 1e-3f}, Threads{2});
//   trainer.fit(batch(shuffle(train, 500), 64), batch(test, 64), Passes{5}, print_progress);
// Next to read: train/program.hpp, optim/adam.hpp.
#pragma once
#include <ikebana/network/inference.hpp>
#include <ikebana/network/signature.hpp>
#include <ikebana/optim/schedule.hpp>
#include <ikebana/train/can_train.hpp>
#include <ikebana/train/fit.hpp>
#include <ikebana/train/program.hpp>

#include <numeric>
#include <thread>
#include <vector>

namespace ikebana {

struct Threads {
    int count = 0; // 0: as many as the machine has
};

/// `sample` is the first of the batch that holds a number that is not finite itself, or −1; `first` the position of the
/// first layer whose output does, names those of the input and the layers.
[[noreturn, gnu::cold]] inline void throw_not_finite(const RunPosition& at, double cost, int sample, int first,
                                                     const std::vector<std::string>& names) {
    const std::size_t name = static_cast<std::size_t>(first) + 1;
    const std::string where =
        sample >= 0 ? "sample " + std::to_string(sample) + " of the batch holds a number that is not finite"
                    : "the first output that is not finite is that of " +
                          (name == names.size() ? "the loss itself"
                                                : "layer " + std::to_string(first) + " (" + names[name] + ")");
    throw error("training stopped at step " + std::to_string(at.step) + " of pass " + std::to_string(at.pass) +
                ": the cost is " + (std::isnan(cost) ? "NaN" : "infinite") + "; " + where);
}

template <class Net, class Loss, class Optimizer>
class Trainer {
    static_assert(can_train<Net, Loss, Optimizer>());

  public:
    using network = Net;
    using loss = Loss;
    using T = typename Net::scalar;
    using backend = typename Net::backend;
    using program = Program<Net, Loss>;
    static constexpr int L = program::L;
    /// Gradient buffers: the parallelism of a step. Large networks get fewer, as each holds all parameters.
    static constexpr int slots = Net::parameter_offset.back() * sizeof(T) <= (std::size_t{8} << 20) ? 8 : 2;

    Trainer(Net& net, Loss = {}, Optimizer optimizer = {}, Threads threads = {}, Seed seed = {})
        : net_(net), optimizer_(optimizer), seed_(seed),
          workers_(threads.count > 0 ? threads.count : hardware_threads()), gradients_(slots * extent),
          moments_(Optimizer::arrays * extent),
          scratch_(static_cast<std::size_t>(workers_.count()) * program::scratch_bytes),
          batch_(program::batch_offset.back()),
          packed_(packed_copies(workers_.count()) * program::packed_offset.back()) {}

    /// One training step on a batch: N images of the network's input shape and N labels. Returns the mean cost.
    /// Throws error if shapes or labels don't fit, or if the cost is not finite. What is to be done meanwhile is done
    /// by all threads; not if the step throws.
    template <class B>
    [[gnu::noinline]] double step(const B& batch, Meanwhile meanwhile = {}) {
        const Profile::Step profiled(profile_, threads(), Net::layer_count);
        const double cost = run(batch);
        ++steps_, ++position_.step;
        update_state();
        const double rate = optimizer_.learning_rate * learning_rate_factor(schedule_, position_.progress);
        over_gradients(false, meanwhile, [&](std::size_t first, std::size_t n, const T* gradient, int worker) {
            const Timed timed(profile_, worker, Part::update, 0);
            std::array<T*, Optimizer::arrays> state;
            for (std::size_t k = 0; k < state.size(); ++k) state[k] = moments_.data() + k * extent + first;
            optimizer_.update(backend{}, n, net_.parameters().data() + first, state, Elements<const T>{gradient},
                              steps_, rate);
        });
        return cost;
    }

    /// Cost and gradients of a batch, without an update. gradients() is laid out like Network::parameters().
    template <class B>
    double compute_gradients(const B& batch) {
        const double cost = run(batch);
        over_gradients(true, {}, [](std::size_t, std::size_t, const T*, int) {});
        return cost;
    }
    std::span<const T> gradients() const { return gradients_.span().first(extent); }

    /// Trains for some passes; handlers are called with StepEnd and PassEnd. Returns what every pass ended with.
    template <class Train, class Test, class... Handlers>
    std::vector<PassEnd> fit(Train train, Test test, Passes passes, Handlers&&... handlers) {
        static_assert(reader_fits<Net, Train>() && reader_fits<Net, Test>());
        // A short step takes longer to fetch a batch from another core than to prepare it.
        const bool takes_over = threads() >= hardware_threads() || runs_alone(train.batch_size());
        const detail::ProgressOfRun of_this_run{position_};
        return run_passes(
            std::move(train), passes, takes_over,
            [&](const Batch& batch, const RunPosition& at, Meanwhile meanwhile) {
                position_ = at;
                return step(batch, meanwhile);
            },
            [&] { return evaluate(test); }, handlers...);
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
    /// Notes the parts of every step from now on; null ends it. The profile must outlive that.
    void set_profile(Profile* profile) { profile_ = profile; }
    Optimizer& optimizer() { return optimizer_; }
    int threads() const { return workers_.count(); }

    /// Whether a step on n samples is the calling thread's alone: forward some tens of microseconds in all, it is too
    /// short to be shared.
    static constexpr bool runs_alone(std::size_t n) { return static_cast<long>(n) * Net::multiply_adds < 1'000'000; }

    /// Bytes of workspace that batches of n samples take: tiles with activations and their gradients, shares of meeting
    /// layers, packed parameters, scratch of each thread. Gradients of parameters and optimiser state come on top.
    static constexpr std::size_t workspace_bytes(int n, int threads) {
        const auto tiles = static_cast<std::size_t>((n + L - 1) / L);
        return tiles * (program::tile_bytes + 2 * program::partial_offset.back() * sizeof(T)) +
               (program::batch_offset.back() + packed_copies(threads) * program::packed_offset.back()) * sizeof(T) +
               static_cast<std::size_t>(threads) * program::scratch_bytes;
    }

  private:
    static constexpr std::size_t extent = Net::parameter_offset.back();
    using View = typename program::View;

    static int hardware_threads() { return std::max(1, static_cast<int>(std::thread::hardware_concurrency())); }

    /// Packed parameters up to a megabyte are packed once for each thread that has a slot: fetching what another has
    /// just written would take longer. Larger ones are shared, as copies would crowd a cache that threads share.
    static constexpr std::size_t packed_copies(int threads) {
        return program::packed_offset.back() * sizeof(T) <= (1u << 20)
                   ? static_cast<std::size_t>(std::min(threads, slots))
                   : 1;
    }

    void reserve(std::size_t n) {
        const std::size_t tiles = (n + L - 1) / L;
        if (tiles_.size() < tiles * program::tile_bytes) {
            tiles_ = Arena<std::byte>(tiles * program::tile_bytes);
            partials_ = Arena<T>(tiles * program::partial_offset.back());
            compact_ = Arena<T>(tiles * program::partial_offset.back());
        }
        samples_.assign(tiles, L);
        samples_.back() = static_cast<int>(n - (tiles - 1) * L);
    }

    /// The packed parameters that a slot reads.
    T* packed(int slot) {
        return packed_.data() +
               static_cast<std::size_t>(slot) % packed_copies(threads()) * program::packed_offset.back();
    }

    View view(int slot, int worker, int tile) {
        const auto t = static_cast<std::size_t>(tile);
        return {net_.parameters().data(),
                packed(slot),
                gradients_.data() + static_cast<std::size_t>(slot) * extent,
                partials_.data() + t * program::partial_offset.back(),
                batch_.data(),
                tiles_.data() + t * program::tile_bytes,
                scratch_.data() + static_cast<std::size_t>(worker) * program::scratch_bytes,
                scale_,
                seed_,
                static_cast<std::uint64_t>(steps_),
                static_cast<std::uint32_t>(tile * L),
                samples_[t],
                profile_,
                worker,
                backend::sweeping(program::tile_bytes * (program::segments > 1 ? samples_.size() : threads()))};
    }

    /// f(task, worker), by all threads or, where waking them costs more than a step's work, by the caller alone: the
    /// bits are the same.
    template <class F>
    void run_tasks(int tasks, F f) {
        // Compiled once, not in each of the loops that call it.
        const auto one = [&](int task, int worker) __attribute__((noinline)) { f(task, worker); };
        if (alone_)
            for (int task = 0; task < tasks; ++task) one(task, 0);
        else
            workers_.run(tasks, one);
    }

    /// A region on every tile; a slot's tiles in order, slots side by side. The first one loads them.
    void over_tiles(void (*region)(const View&, std::size_t k), std::size_t k, bool first) {
        run_tasks(used_, [&](int slot, int worker) {
            for (int t = slot; t < static_cast<int>(samples_.size()); t += used_) {
                const View v = view(slot, worker, t);
                if (first) start_tile(v);
                region(v, k);
            }
        });
    }

    /// f(first, n, gradient) on pieces of the parameter arena. Shares of slots are added here while they are in the
    /// cache, and gradients over the whole batch are taken, each by the thread that then uses it: in scratch, or in
    /// their place in the arena if `keep`. What is done meanwhile comes first, part p by worker p mod count;
    /// empty tasks fill up their number, so that each worker keeps its pieces.
    template <class F>
    void over_gradients(bool keep, Meanwhile meanwhile, F f) {
        constexpr std::size_t chunk = 4096;
        constexpr auto chunks = [](const auto& s) {
            return s.batch_wide ? 0 : static_cast<int>((s.end - s.begin + chunk - 1) / chunk);
        };
        constexpr auto stretches = program::stretches;
        constexpr int batch_tasks = static_cast<int>(program::batch_tasks.back());
        const int others = (meanwhile.parts + threads() - 1) / threads() * threads();
        int tasks = others + batch_tasks;
        for (const auto& s : stretches.first) tasks += chunks(s);
        run_tasks(tasks, [&](int task, int worker) {
            if (task < others) {
                if (task >= meanwhile.parts) return;
                const Timed timed(profile_, worker, Part::read, 0);
                return meanwhile.work(meanwhile.argument, task);
            }
            task -= others;
            if constexpr (batch_tasks > 0)
                if (task < batch_tasks)
                    return program::batch_gradient(
                        view(0, worker, 0), rows_, task, keep ? gradients_.data() : nullptr,
                        [&](std::size_t first, std::size_t n, const T* g) { f(first, n, g, worker); });
            task -= batch_tasks;
            const auto* s = stretches.first.data();
            for (; task >= chunks(*s); ++s) task -= chunks(*s);
            const std::size_t first = s->begin + static_cast<std::size_t>(task) * chunk,
                              n = std::min(chunk, s->end - first);
            T* at = gradients_.data() + first;
            prefetch_to_write(backend{}, net_.parameters().data() + first, n);
            if (used_ > 1) {
                const Timed timed(profile_, worker, Part::update, 0);
                assign(backend{}, n, at, SumOfArrays<T>{at, extent, used_});
            }
            f(first, n, static_cast<const T*>(at), worker);
        });
    }

    template <class B>
    double run(const B& batch) {
        const std::size_t n = check_batch<Net>(batch, staged_labels_);
        reserve(n);
        alone_ = runs_alone(n);
        used_ = alone_ ? 1 : std::min<int>(slots, static_cast<int>(samples_.size()));
        scale_ = T(1) / static_cast<T>(n);
        rows_ = program::input_rows(rows_of(batch.images, n * Net::input::size, staged_images_), static_cast<int>(n));
        if constexpr (program::packed_offset.back() > 0) pack_parameters();
        run_regions();
        double cost = 0;
        for (int t = 0; t < static_cast<int>(samples_.size()); ++t) {
            const View v = view(0, 0, t);
            for (int lane = 0; lane < v.samples; ++lane) cost += static_cast<double>(v.costs()[lane]);
        }
        cost /= static_cast<double>(n);
        if (!std::isfinite(cost)) stop_at_first_not_finite(cost);
        return cost;
    }

    /// Every layer that packs its parameters: side by side, or one after the other in each of several copies.
    void pack_parameters() {
        const int copies = std::min(static_cast<int>(packed_copies(threads())), used_);
        const auto pack = [&](int i, int copy, int worker) {
            const auto& layer = program::of_layer(i);
            if (!layer.pack) return;
            const View v = view(copy, worker, 0);
            const Timed timed = v.timed(Part::pack, layer.position);
            layer.pack(v, packed(copy));
        };
        if (copies == 1)
            run_tasks(program::count, [&](int i, int worker) { pack(i, 0, worker); });
        else
            run_tasks(copies, [&](int copy, int worker) {
                for (int i = 0; i < program::count; ++i) pack(i, copy, worker);
            });
    }

    /// Forward region by region to the loss, and back.
    void run_regions() {
        const auto opens = [](std::size_t k) -> const auto& {
            return program::of_layer(program::cut.segments[k].begin);
        };
        for (std::size_t k = 0; k < program::segments; ++k) {
            if (k > 0) {
                const auto& m = opens(k);
                if (m.tasks > 0)
                    run_tasks(m.tasks, [&](int task, int worker) { m.batch_forward(view(0, worker, 0), rows_, task); });
                else
                    m.finish(batch_.data(), shares(m), samples_);
            }
            if (k == 0 || program::has_forward_region(k)) over_tiles(&program::forward_region, k, k == 0);
        }
        for (std::size_t k = program::segments - 1; k-- > 0;) {
            const auto& m = opens(k + 1);
            if (m.tasks > 0)
                run_tasks(m.input_tasks, [&](int task, int worker) {
                    m.batch_backward(view(0, worker, 0), static_cast<int>(samples_.size()), task);
                });
            else if (m.finish_backward)
                m.finish_backward(batch_.data(), gradients_.data(), shares(m), samples_);
            if (program::has_backward_region(k)) over_tiles(&program::backward_region, k, false);
        }
    }

    void start_tile(const View& v) {
        if (v.sample / L < static_cast<std::uint32_t>(used_)) // a slot's first tile
            for (std::size_t k = 0; k < program::stretches.second; ++k)
                if (const auto& s = program::stretches.first[k]; !s.batch_wide)
                    std::fill(v.gradient + s.begin, v.gradient + s.end, T(0));
        program::load(v, rows_, static_cast<int>(v.sample) / L, staged_labels_.data() + v.sample);
    }

    /// The shares of one meeting layer, tile after tile without gaps.
    std::span<const T> shares(const LayerProgram<View, T>& meeting) {
        if constexpr (program::partial_offset.back() == 0) return {}; // no layer meets
        const std::size_t size = meeting.partial_size;
        for (std::size_t t = 0; t < samples_.size(); ++t)
            std::copy_n(partials_.data() + t * program::partial_offset.back() + meeting.partial, size,
                        compact_.data() + t * size);
        return {compact_.data(), samples_.size() * size};
    }

    /// Running statistics, from the batch that was just trained on.
    void update_state() {
        const long n = std::accumulate(samples_.begin(), samples_.end(), 0L);
        for (int i = 0; i < program::count; ++i)
            if (const auto update = program::of_layer(i).update_state) update(net_.state().data(), batch_.data(), n);
    }

    [[noreturn, gnu::cold]] void stop_at_first_not_finite(double cost) {
        int first = Net::layer_count; // of any tile: a batch norm spreads one tile's NaN to all
        for (int t = 0; t < static_cast<int>(samples_.size()); ++t) {
            const int position = program::first_not_finite(view(0, 0, t));
            if (position >= 0) first = std::min(first, position);
        }
        int sample = 0;
        const auto row = [&](int n) { return rows_.tile(n / L) + static_cast<std::size_t>(n % L) * rows_.step; };
        while (sample < rows_.samples && all_finite(row(sample), Net::input::size, 1, 1)) ++sample;
        throw_not_finite(position_, cost, sample < rows_.samples ? sample : -1, first, layer_names<Net>());
    }

    Net& net_;
    Optimizer optimizer_;
    Schedule schedule_ = Schedule::constant;
    Seed seed_;
    typename backend::workers workers_;
    Arena<T> gradients_, moments_;
    Arena<std::byte> tiles_, scratch_;
    Arena<T> partials_, compact_, batch_, packed_;
    std::vector<int> samples_; // of each tile
    std::vector<int> staged_labels_;
    std::vector<T> staged_images_;
    InputRows<T> rows_{}; // the batch's images while a step runs
    RunPosition position_;
    T scale_ = 1;
    Profile* profile_ = nullptr;
    bool alone_ = false; // the step is too small to be shared
    long steps_ = 0;
    int used_ = 0;
};

} // namespace ikebana
