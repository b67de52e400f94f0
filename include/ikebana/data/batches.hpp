// batch(reader, size): groups samples into batches of (size, C, H, W). The last batch of a pass holds what is left and
// may be short (60,000 = 937·64 + 32); no sample is dropped. A batch given to next() again is refilled without
// allocating. Of a reader in memory, samples may also be drawn in order by one thread and copied by several.
#pragma once
#include <algorithm>
#include <ikebana/core/error.hpp>
#include <ikebana/data/label.hpp>
#include <ikebana/data/stored.hpp>
#include <string>
#include <utility>
#include <vector>

namespace ikebana {

template <SampleReader R>
class Batches {
  public:
    using shape = typename R::shape;
    static constexpr int classes = R::classes;

    /// At least 1 sample a batch: throws error for size 0.
    Batches(R reader, std::size_t size) : reader_(std::move(reader)), batch_size_(size) {
        if (size == 0) throw error("batch: a batch of 0 samples: expected at least 1");
        if constexpr (SizedReader<R>)
            batch_size_ = std::clamp<std::size_t>(static_cast<std::size_t>(reader_.size()), 1, size);
    }

    /// Samples in a full batch, at most those of a whole pass.
    std::size_t batch_size() const { return batch_size_; }

    /// Batches in a pass, the short one included.
    std::size_t size() const requires SizedReader<R> { return (reader_.size() + batch_size_ - 1) / batch_size_; }

    auto stored() const requires StoredReader<R> { return reader_.stored(); }
    void order(unsigned pass, std::vector<std::uint32_t>& to) const requires StoredReader<R> {
        reader_.order(pass, to);
    }

    void start(unsigned pass) { reader_.start(pass); }

    /// Fills b with up to batch_size() samples; false when none is left. Throws error for a label that is no class;
    /// what b holds then is no batch.
    bool next(Batch& b) {
        if constexpr (StoredReader<R>) {
            if (!draw(b)) return false;
            fill(b, 0, b.size());
            return true;
        } else {
            drawn_.resize(1);
            return take(
                b, [&](std::size_t) -> sample& { return drawn_[0]; }, [&](std::size_t n) { copy(b, n, drawn_[0]); });
        }
    }

    /// Like next(), but b's images are left to fill(), which must come before the next draw().
    bool draw(Batch& b) requires StoredReader<R> {
        drawn_.resize(batch_size_);
        return take(
            b, [&](std::size_t n) -> sample& { return drawn_[n]; }, [](std::size_t) {});
    }
    /// Images first … last of what was drawn. Several threads may fill parts of a batch at once.
    void fill(Batch& b, std::size_t first, std::size_t last) const requires StoredReader<R> {
        constexpr std::size_t ahead = 16;
        prefetch(first, std::min(first + ahead, last));
        for (std::size_t n = first; n < last; ++n) {
            if (n + ahead < last) prefetch(n + ahead, n + ahead + 1);
            copy(b, n, drawn_[n]);
        }
    }

  private:
    using sample = typename R::sample;

    /// Asks the memory for images first … last of what was drawn: in random order, they are in no cache.
    void prefetch(std::size_t first, std::size_t last) const {
        if constexpr (requires(const sample& s) { s.image.prefetch(); })
            for (std::size_t n = first; n < last; ++n) drawn_[n].image.prefetch();
    }

    /// The next samples become to(0), to(1), …; took(n) follows each.
    template <class To, class Took>
    bool take(Batch& b, To to, Took took) {
        if (!reader_.next(to(0))) return false;
        b.template resize<shape>(batch_size_);
        std::size_t n = 0;
        do {
            b.labels.data()[n] = checked_label(to(n).label, classes, "batch", n);
            took(n++);
        } while (n < batch_size_ && reader_.next(to(n)));
        b.template resize<shape>(n);
        return true;
    }

    static void copy(Batch& b, std::size_t n, const sample& s) {
        float* to = b.images.data() + n * shape::size;
        // The cores that trained on what lies there still hold it: the next image's place is asked for in time.
        if (n + 1 < b.size())
            for (std::size_t i = 0; i < shape::size; i += 16) __builtin_prefetch(to + shape::size + i, 1);
        for (std::size_t i = 0; i < shape::size; ++i) to[i] = static_cast<float>(s.image[i]);
    }

    R reader_;
    std::size_t batch_size_;
    std::vector<sample> drawn_;
};

/// Batches of `size` samples (at least 1). Throws error for size 0.
template <SampleReader R>
Batches<R> batch(R reader, std::size_t size) {
    return {std::move(reader), size};
}

} // namespace ikebana
