// evaluate: mean cost and accuracy of a network that predicts, over a reader of batches. And the checks of what is
// handed in: at compile time of a reader, at run time of every batch.
#pragma once
#include <ikebana/data/batch.hpp>
#include <ikebana/data/label.hpp>
#include <ikebana/data/reader.hpp>
#include <ikebana/loss/cross_entropy.hpp>
#include <ikebana/network/inference.hpp>
#include <ikebana/train/evaluation.hpp>

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

namespace ikebana {

template <class What, class Expected, class Given>
struct reader_mismatch; // never defined: its name is the message
struct a_reader_of_batches;
struct sample_shape;
template <int N>
struct classes;

/// True, or the sentence that says why a reader is none for this network.
template <class Net, class Reader>
consteval bool reader_fits() {
    constexpr int K = static_cast<int>(Net::output::size);
    if constexpr (!BatchReader<Reader>)
        (void)sizeof(reader_mismatch<Reader, expected<a_reader_of_batches>, given<Reader>>);
    else if constexpr (!std::is_same_v<typename Reader::shape, typename Net::input>)
        (void)sizeof(reader_mismatch<sample_shape, expected<typename Net::input>, given<typename Reader::shape>>);
    else if constexpr (Reader::classes != K)
        (void)sizeof(reader_mismatch<classes<Reader::classes>, expected<classes<K>>, given<classes<Reader::classes>>>);
    return true;
}

inline void check_label_count(std::size_t labels, std::size_t axes, std::size_t images) {
    if (axes != 1) throw error("batch: labels of " + std::to_string(axes) + " dimensions, expected 1");
    if (labels != images)
        throw error("batch: " + std::to_string(labels) + " labels for " + std::to_string(images) + " images");
    if (images == 0) throw error("batch: no samples");
}
/// Throws error unless labels are classes, one an image, and there is one at least.
template <class Labels>
void check_labels(const Labels& labels, std::size_t images, int classes) {
    static_assert(std::is_integral_v<std::remove_cvref_t<decltype(*labels.begin())>>, "labels are integers");
    std::size_t axes = 1;
    if constexpr (HostTensor<Labels>) axes = HostSizes(labels).rank;
    check_label_count(static_cast<std::size_t>(std::distance(labels.begin(), labels.end())), axes, images);
    std::size_t sample = 0;
    for (const auto label : labels) checked_label(label, classes, "batch", sample++);
}

/// The number of samples in a batch that fits the network's type, its labels copied to `labels`; throws error where it
/// doesn't fit.
template <class Net, class B>
std::size_t check_batch(const B& batch, std::vector<int>& labels) {
    const std::size_t n = check_samples(HostSizes(batch.images), Net::input::sizes, "batch");
    check_labels(batch.labels, n, static_cast<int>(Net::output::size));
    labels.assign(batch.labels.begin(), batch.labels.end());
    return n;
}

/// Costs and classes of one batch after the other, tiles side by side on `workers`; sums run in the order of tiles.
template <class Loss, class Model>
class Evaluator {
  public:
    using T = typename Model::scalar;
    using backend = typename Model::backend;
    using workers = typename backend::workers;
    static constexpr int L = Model::L;

    Evaluator(const Model& model, workers& threads)
        : model_(model), workers_(threads), memory_(static_cast<std::size_t>(threads.count()) * worker_bytes),
          predictions_(static_cast<std::size_t>(threads.count()) * L) {}

    /// Adds a batch; `predicted`, if given, gets a class for each sample.
    template <class B>
    [[gnu::noinline]] void add(const B& batch, std::vector<int>* predicted) {
        const std::size_t n = check_batch<typename Model::network>(batch, labels_);
        const T* rows = rows_of(batch.images, n * Model::input::size, staged_);
        costs_.resize(n);
        classes_.resize(n);
        workers_.run(static_cast<int>((n + L - 1) / L), [&](int tile, int worker) {
            const auto first = static_cast<std::size_t>(tile) * L;
            evaluate_tile(rows, first, static_cast<int>(std::min<std::size_t>(L, n - first)), worker);
        });
        for (std::size_t i = 0; i < n; ++i) {
            cost_ += static_cast<double>(costs_[i]);
            right_ += classes_[i] == labels_[i];
        }
        samples_ += static_cast<long>(n);
        if (predicted) predicted->insert(predicted->end(), classes_.begin(), classes_.end());
    }

    Evaluation result() const {
        if (samples_ == 0) throw error("evaluate: the reader gave no sample");
        const auto n = static_cast<double>(samples_);
        return {cost_ / n, static_cast<double>(right_) / n, samples_};
    }

  private:
    static constexpr std::size_t K = Model::output::size;
    /// What the model needs, then labels, costs and the loss's scratch of a tile.
    static constexpr std::size_t worker_bytes = Model::Workspace::bytes + (6 * L * sizeof(T) + 63) / 64 * 64;
    /// What the loss is computed from: all layers, or all but the Softmax that CrossEntropy takes over.
    static constexpr int layers =
        Model::program::size - (Model::chain::size - Loss::template program<typename Model::chain>::size);

    void evaluate_tile(const T* rows_in, std::size_t first, int count, int worker) {
        T costs[L], labels[L];
        for (int lane = 0; lane < L; ++lane)
            labels[lane] = lane < count ? static_cast<T>(labels_[first + static_cast<std::size_t>(lane)]) : T(-1);
        std::byte* memory = memory_.data() + static_cast<std::size_t>(worker) * worker_bytes;
        T* lanes = reinterpret_cast<T*>(memory + Model::Workspace::bytes);
        to_device(backend{}, lanes, labels, L);
        const auto z = model_.template run<layers>(rows_in + first * Model::input::size, count, memory);
        Loss::evaluate(backend{}, lanes + L, Nothing{}, z, static_cast<const T*>(lanes), static_cast<const T*>(nullptr),
                       T(1), lanes + 2 * L);
        to_host(backend{}, costs, lanes + L, L);
        Prediction<T, K>* rows = predictions_.data() + static_cast<std::size_t>(worker) * L;
        Model::Tiles::template store_rows<K>(z, count, rows[0].values.data(), memory);
        for (int lane = 0; lane < count; ++lane) {
            costs_[first + static_cast<std::size_t>(lane)] = costs[lane];
            classes_[first + static_cast<std::size_t>(lane)] = rows[lane].argmax();
        }
    }

    const Model& model_;
    workers& workers_;
    Memory<backend, std::byte> memory_;
    std::vector<Prediction<T, K>> predictions_; // L of each worker
    std::vector<T> staged_, costs_;
    std::vector<int> labels_, classes_;
    double cost_ = 0;
    long right_ = 0, samples_ = 0;
};

/// Mean cost and accuracy of `model` over one pass of a reader of batches; `predicted`, if given, gets the classes.
template <class Loss, class Model, class Reader>
[[gnu::cold]] Evaluation evaluate(const Model& model, Reader&& reader, typename Model::backend::workers& workers,
                                  std::vector<int>* predicted = nullptr) {
    static_assert(reader_fits<typename Model::network, std::remove_cvref_t<Reader>>());
    Evaluator<Loss, Model> evaluator(model, workers);
    Batch batch;
    reader.start(0);
    while (reader.next(batch)) evaluator.add(batch, predicted);
    return evaluator.result();
}

} // namespace ikebana
