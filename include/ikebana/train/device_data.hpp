// Where the batches of a pass come from on a device. A source gives
//   group                      steps that are asked for at once; their batches have slots of their own
//   batch(), steps()           samples of a full batch, batches of a pass or 0 if that isn't known
//   start(on, pass)            before a pass; the device has done all that was asked of it
//   next(on, slot)             the next batch's number of samples, 0 at the end; the batch is in `slot`, where it is
//                              once what was asked of on.stream is done
//   samples()                  what the device finds them by
// Next to read: train/device_trainer.hpp.
#pragma once
#include <ikebana/data/prefetch.hpp>
#include <ikebana/data/stored.hpp>
#include <ikebana/network/device.hpp>
#include <ikebana/tensor/device_step.hpp>
#include <ikebana/train/evaluate.hpp>
#include <ikebana/train/fit.hpp>

namespace ikebana {

/// Batches on the device, one a slot, copied there from pinned memory.
template <class Net>
class BatchSlots {
    using backend = typename Net::backend;
    using T = typename Net::scalar;
    static constexpr std::size_t size = Net::input::size;

  public:
    /// Room for `slots` batches of n samples; what was there is lost if there was less.
    void reserve(std::size_t n, std::size_t slots) {
        if (n * slots <= labels_.size()) return;
        images_ = typename backend::template array<T>(n * slots * size);
        labels_ = typename backend::template array<int>(n * slots);
        host_images_ = typename backend::template pinned<T>(n * slots * size);
        host_labels_ = typename backend::template pinned<int>(n * slots);
    }
    /// Asks for a batch's copy to the place of `slot`, `batch` samples being the most of any.
    template <class B>
    std::size_t put(backend on, std::size_t slot, std::size_t batch, const B& b) {
        const std::size_t n = check_batch<Net>(b, labels_given_), at = slot * batch;
        const T* rows = rows_of(b.images, n * size, staged_);
        std::copy_n(rows, n * size, host_images_.data() + at * size);
        std::copy_n(labels_given_.data(), n, host_labels_.data() + at);
        ask_to_device(on, images_.data() + at * size, host_images_.data() + at * size, n * size);
        ask_to_device(on, labels_.data() + at, host_labels_.data() + at, n);
        return n;
    }
    DeviceSamples<T> samples() const { return {images_.data(), labels_.data(), nullptr}; }

  private:
    typename backend::template array<T> images_;
    typename backend::template array<int> labels_;
    typename backend::template pinned<T> host_images_;
    typename backend::template pinned<int> host_labels_;
    std::vector<T> staged_;
    std::vector<int> labels_given_;
};

/// Any reader's batches, each copied while the device works on the one before.
template <class Net, class Reader>
class CopiedBatches {
    using backend = typename Net::backend;

  public:
    static constexpr int group = 1;

    explicit CopiedBatches(Reader reader) : steps_(steps_of(reader)), reader_(prefetch(std::move(reader))) {
        most_ = reader_.batch_size();
        slots_.reserve(most_, 2 * group);
    }
    int batch() const { return static_cast<int>(most_); }
    int steps() const { return steps_; }
    void start(backend, unsigned pass) { reader_.start(pass); }
    int next(backend on, int slot) {
        if (!reader_.next(batch_)) return 0;
        if (batch_.size() > most_)
            throw error("fit: a batch of " + std::to_string(batch_.size()) + " samples from a reader of batches of " +
                        std::to_string(most_));
        return static_cast<int>(slots_.put(on, static_cast<std::size_t>(slot), most_, batch_));
    }
    auto samples() const { return slots_.samples(); }

  private:
    int steps_;
    decltype(prefetch(std::declval<Reader>())) reader_;
    std::size_t most_;
    BatchSlots<Net> slots_;
    Batch batch_;
};

/// A reader's stored samples, which the device holds as they are, 8-bit levels as bytes. A pass is its order: a number
/// a sample, drawn on the host by the reader's own rule, where each swap of a shuffle waits for the one before.
template <class Net, StoredReader Reader>
class StoredBatches {
    using backend = typename Net::backend;
    using number = typename decltype(std::declval<const Reader&>().stored())::number;
    template <class T>
    using array = typename backend::template array<T>;

  public:
    static constexpr int group = 16;

    explicit StoredBatches(Reader reader)
        : reader_(std::move(reader)), batch_(reader_.batch_size()), steps_(steps_of(reader_)) {
        const auto stored = reader_.stored();
        check_labels(stored.labels, stored.images.size() / Net::input::size, static_cast<int>(Net::output::size));
        samples_ = stored.labels.size();
        images_ = array<number>(stored.images.size());
        labels_ = array<int>(samples_);
        order_ = array<std::uint32_t>(samples_);
        to_device(backend{}, images_.data(), stored.images.data(), stored.images.size());
        to_device(backend{}, labels_.data(), stored.labels.data(), samples_);
    }
    /// Bytes that the device needs for them.
    static std::size_t bytes(const Reader& reader) {
        const auto stored = reader.stored();
        return stored.images.size_bytes() + stored.labels.size() * (sizeof(int) + sizeof(std::uint32_t));
    }

    int batch() const { return static_cast<int>(batch_); }
    int steps() const { return steps_; }
    void start(backend, unsigned pass) {
        reader_.order(pass, order_given_);
        to_device(backend{}, order_.data(), order_given_.data(), samples_);
        at_ = 0;
    }
    int next(backend, int) {
        const std::size_t n = std::min(batch_, samples_ - at_);
        at_ += n;
        return static_cast<int>(n);
    }
    DeviceSamples<number> samples() const { return {images_.data(), labels_.data(), order_.data()}; }

  private:
    Reader reader_;
    std::size_t batch_, samples_ = 0, at_ = 0;
    int steps_;
    array<number> images_;
    array<int> labels_;
    array<std::uint32_t> order_;
    std::vector<std::uint32_t> order_given_;
};

} // namespace ikebana
