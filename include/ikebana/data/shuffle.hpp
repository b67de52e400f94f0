// shuffle(reader, buffer): the samples of each window of `buffer` in random order, the windows one after the other. The
// order is a function of seed and pass: each pass has another, and the same pass of the same seed the same one.
#pragma once
#include <algorithm>
#include <ikebana/core/error.hpp>
#include <ikebana/core/random.hpp>
#include <ikebana/data/stored.hpp>
#include <limits>
#include <utility>
#include <vector>

namespace ikebana {

template <SampleReader R>
class Shuffled {
  public:
    using shape = typename R::shape;
    using sample = typename R::sample;
    static constexpr int classes = R::classes;

    Shuffled(R reader, std::size_t buffer, Seed seed) : reader_(std::move(reader)), window_(buffer), seed_(seed) {}

    void start(unsigned pass) {
        reader_.start(pass);
        random_ = Random(seed_, Stream::shuffle, pass);
        at_ = filled_ = 0;
    }

    bool next(sample& s) {
        if (at_ == filled_ && !fill()) return false;
        s = window_[at_++];
        return true;
    }

    std::size_t size() const requires SizedReader<R> { return reader_.size(); }

    auto stored() const requires StoredReader<R> { return reader_.stored(); }
    void order(unsigned pass, std::vector<std::uint32_t>& to) const requires StoredReader<R> {
        reader_.order(pass, to);
        Random random(seed_, Stream::shuffle, pass);
        for (std::size_t first = 0; first < to.size(); first += window_.size())
            shuffle_window(random, to.data() + first, std::min(window_.size(), to.size() - first));
    }

  private:
    /// Fisher and Yates.
    template <class X>
    static void shuffle_window(Random& random, X* window, std::size_t n) {
        for (std::size_t left = n; left > 1; --left) {
            using std::swap;
            swap(window[left - 1], window[random.below(static_cast<std::uint32_t>(left))]);
        }
    }

    /// The next window, shuffled; false when the reader has no more.
    bool fill() {
        at_ = filled_ = 0;
        while (filled_ < window_.size() && reader_.next(window_[filled_])) ++filled_;
        shuffle_window(random_, window_.data(), filled_);
        return filled_ > 0;
    }

    R reader_;
    std::vector<sample> window_;
    Seed seed_;
    Random random_{seed_, Stream::shuffle, 0};
    std::size_t at_ = 0, filled_ = 0;
};

/// Shuffles within windows of `buffer` samples (at least 1). Throws error for a buffer that cannot be.
template <SampleReader R>
Shuffled<R> shuffle(R reader, std::size_t buffer, Seed seed = {}) {
    if (buffer == 0 || buffer > std::numeric_limits<std::uint32_t>::max())
        throw error("shuffle: a buffer of " + std::to_string(buffer) + " samples: expected 1 … 4294967295");
    return {std::move(reader), buffer, seed};
}

} // namespace ikebana
