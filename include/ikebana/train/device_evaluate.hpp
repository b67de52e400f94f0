// evaluate on a device (network/device.hpp): a batch is one sequence of launches, from samples to sums of costs and of
// right answers, which stay on the device until result() reads them. The next batch is copied while the device works.
//   load samples → layers → loss → sums
// Memory of a tile: what the inference program needs (network/inference.hpp) | labels, mask, costs | the loss's scratch
// Next to read: train/device_trainer.hpp.
#pragma once
#include <ikebana/train/device_data.hpp>

#include <optional>

namespace ikebana {

/// To the next batch.
struct NextBatch {
    DeviceRun* run;
    constexpr void operator()(std::size_t) const {
        ++run->forward.batch;
        run->forward.slot = (run->forward.slot + 1) % run->forward.slots;
    }
};

template <class Loss, class Model>
requires DeviceBackend<typename Model::backend>
class Evaluator<Loss, Model> {
  public:
    using network = typename Model::network;
    using T = typename Model::scalar;
    using backend = typename Model::backend;
    using workers = typename backend::workers;
    static constexpr int L = Model::L;

    Evaluator(const Model& model, workers&) : model_(model), run_(1), sums_(2) {
        on_.stream = stream_.get(), on_.run = run_.data(), on_.step = tile_bytes;
        start();
    }

    /// Adds a batch; `predicted`, if given, gets a class for each sample.
    template <class B>
    void add(const B& batch, std::vector<int>* predicted) {
        const std::size_t n = batch.labels.size();
        if (n > most_) { // from now on as large, in places of their own
            synchronize(on_);
            slots_.reserve(n, slots);
            most_ = n;
            start();
        }
        copied_[next_].wait(); // the batch before the last one's copy
        const std::size_t samples = slots_.put(on_, next_, most_, batch);
        copied_[next_].record(on_.stream);
        next_ = (next_ + 1) % slots;
        add(slots_.samples(), static_cast<int>(most_), static_cast<int>(samples), predicted);
    }

    /// The same with the next n samples that are on the device, where a batch but the last has `batch` of them.
    template <class U>
    void add(const DeviceSamples<U>& from, int batch, int n, std::vector<int>* predicted) {
        on_.tiles = (n + L - 1) / L;
        if (memory_.size() < static_cast<std::size_t>(on_.tiles) * tile_bytes) {
            synchronize(on_);
            memory_ = array<std::byte>(static_cast<std::size_t>(on_.tiles) * tile_bytes);
        }
        T *labels = at(0), *mask = at(1), *costs = at(2);
        load_samples(on_, Tile<T, typename Model::input, L>{reinterpret_cast<T*>(memory_.data())}, labels, mask, from,
                     batch, n);
        const auto z = model_.template run_loaded<layers>(on_, n, memory_.data());
        evaluate_loss<Loss>(on_, costs, Nothing{}, z, static_cast<const T*>(labels), static_cast<const T*>(mask), T(1),
                            at(3));
        int* classes = nullptr;
        if (predicted) {
            if (classes_.size() < static_cast<std::size_t>(n)) classes_ = array<int>(static_cast<std::size_t>(n));
            classes = classes_.data();
        }
        add_answers(on_, sums_.data(), classes, static_cast<const T*>(costs), static_cast<const T*>(labels), z, n);
        run_each(on_, 1, NextBatch{run_.data()});
        samples_ += n;
        if (!predicted) return;
        const std::size_t before = predicted->size();
        predicted->resize(before + static_cast<std::size_t>(n));
        synchronize(on_);
        to_host(on_, predicted->data() + before, classes, static_cast<std::size_t>(n));
    }

    Evaluation result() const {
        if (samples_ == 0) throw error("evaluate: the reader gave no sample");
        double sums[2];
        synchronize(on_);
        to_host(on_, sums, sums_.data(), 2);
        const auto n = static_cast<double>(samples_);
        return {sums[0] / n, sums[1] / n, samples_};
    }

  private:
    template <class U>
    using array = typename backend::template array<U>;

    static constexpr std::size_t slots = 2;
    static constexpr std::size_t lanes_at = (Model::Workspace::bytes + 255) / 256 * 256;
    static constexpr std::size_t tile_bytes = (lanes_at + 7 * L * sizeof(T) + 255) / 256 * 256;
    /// What the loss is computed from: all layers, or all but the Softmax that CrossEntropy takes over.
    static constexpr int layers =
        Model::program::size - (Model::chain::size - Loss::template program<typename Model::chain>::size);

    T* at(std::size_t lanes) { return reinterpret_cast<T*>(memory_.data() + lanes_at) + lanes * L; }
    void start() {
        const DeviceRun first{{.slots = slots}, {}};
        to_device(on_, run_.data(), &first, 1);
        next_ = 0;
    }

    const Model& model_;
    typename backend::stream_type stream_;
    backend on_;
    array<DeviceRun> run_;
    array<double> sums_; // of costs, of right answers
    array<std::byte> memory_;
    array<int> classes_;
    BatchSlots<network> slots_;
    typename backend::event copied_[slots];
    std::size_t most_ = 0, next_ = 0;
    long samples_ = 0;
};

/// A reader that is evaluated again and again; its batches are copied each time.
template <class Net, class Reader>
class DeviceTests {
    using backend = typename Net::backend;

  public:
    explicit DeviceTests(Reader reader) : reader_(std::move(reader)) {}

    template <class Loss, class Model>
    Evaluation evaluate(const Model& model, typename backend::workers& workers) {
        return ikebana::evaluate<Loss>(model, reader_, workers);
    }

  private:
    Reader reader_;
};

/// Stored samples (data/stored.hpp) stay on the device where they take up to three quarters of what is free there.
template <class Net, StoredReader Reader>
class DeviceTests<Net, Reader> {
    using backend = typename Net::backend;

  public:
    explicit DeviceTests(Reader reader) : reader_(std::move(reader)) {
        if (StoredBatches<Net, Reader>::bytes(reader_) <= free_bytes(backend{}) / 4 * 3)
            stored_.emplace(std::move(reader_));
    }

    template <class Loss, class Model>
    Evaluation evaluate(const Model& model, typename backend::workers& workers) {
        if (!stored_) return ikebana::evaluate<Loss>(model, reader_, workers);
        Evaluator<Loss, Model> evaluator(model, workers);
        stored_->start(backend{}, 0);
        while (const int n = stored_->next(backend{}, 0))
            evaluator.add(stored_->samples(), stored_->batch(), n, nullptr);
        return evaluator.result();
    }

  private:
    Reader reader_;
    std::optional<StoredBatches<Net, Reader>> stored_;
};

} // namespace ikebana
