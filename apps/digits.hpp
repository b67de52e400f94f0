// What the programs read: the digits in batches, and pictures. The readers are hidden behind one virtual call a batch,
// so that files, shuffling, scaling and prefetching are compiled once and not with every network.
#pragma once
#include <apps/options.hpp>
#include <ikebana/core/shape.hpp>
#include <ikebana/data/stored.hpp>
#include <memory>

namespace ikebana::apps {

/// A reader of batches of digits (data/reader.hpp says what that is).
class DigitBatches {
  public:
    using shape = Shape<1, 28, 28>;
    static constexpr int classes = 10;
    static constexpr bool prepares_ahead = true; // those for training, by data/prefetch.hpp

    struct Reader {
        virtual ~Reader() = default;
        virtual void start(unsigned pass) = 0;
        virtual bool next(Batch& batch) = 0;
        virtual void take_over() = 0;
        virtual int parts() const = 0;
        virtual void prepare(int part) noexcept = 0;
        virtual Stored<Grey> stored() const = 0;
        virtual void order(unsigned pass, std::vector<std::uint32_t>& to) const = 0;
    };

    DigitBatches(std::unique_ptr<Reader> reader, std::size_t batches, std::size_t batch_size)
        : reader_(std::move(reader)), size_(batches), batch_size_(batch_size) {}

    void start(unsigned pass) { reader_->start(pass); }
    bool next(Batch& batch) { return reader_->next(batch); }
    void take_over() { reader_->take_over(); }
    int parts() const { return reader_->parts(); }
    void prepare(int part) noexcept { reader_->prepare(part); }
    std::size_t size() const { return size_; }
    std::size_t batch_size() const { return batch_size_; }
    Stored<Grey> stored() const { return reader_->stored(); }
    void order(unsigned pass, std::vector<std::uint32_t>& to) const { reader_->order(pass, to); }

  private:
    std::unique_ptr<Reader> reader_;
    std::size_t size_, batch_size_;
};

struct Digits {
    DigitBatches train; // shuffled anew for each pass
    DigitBatches test;  // in file order
};

/// The digits of the folder that options name: --data, the repository's sample, or the cache that apps/fetch_mnist
/// fills. Throws error.
Digits read_digits(const Options& options);

/// A picture file as an input (1,28,28). Throws file_error.
BatchTensor<float, 3> read_digit(const std::filesystem::path& picture);

} // namespace ikebana::apps
