// prefetch(reader): while the caller works on one batch, a thread prepares the next ones, up to four. The thread lives
// as long as the reader. A batch changes hands by swapping storage, so between the first next() and the end of a pass
// nothing is allocated; an exception of the inner reader comes out of the next() that would have given its batch.
// Where all cores are at work on the batch before, one more thread only takes time from them, and a batch that another
// core prepared must come from there: a caller may take over the work of a reader in memory, and have it done in parts
// by its own threads whenever that suits (Trainer does).
#pragma once
#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <ikebana/core/error.hpp>
#include <ikebana/data/stored.hpp>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace ikebana {

template <BatchReader R>
class Prefetched {
  public:
    using shape = typename R::shape;
    static constexpr int classes = R::classes;
    static constexpr bool prepares_ahead = true;
    static constexpr bool drawn_in_parts = requires(R & r, Batch& b) {
        r.draw(b);
        r.fill(b, std::size_t{}, std::size_t{});
    };

    explicit Prefetched(R reader) {
        if constexpr (SizedReader<R>) size_ = reader.size();
        work_ = std::make_unique<Work>(std::move(reader));
    }

    std::size_t batch_size() const { return work_->batch_size; }

    std::size_t size() const requires SizedReader<R> { return size_; }

    // Of the reader, which must not be at work: before start(), or after the end of a pass.
    auto stored() const requires StoredReader<R> { return work_->reader.stored(); }
    void order(unsigned pass, std::vector<std::uint32_t>& to) const requires StoredReader<R> {
        work_->reader.order(pass, to);
    }

    /// May be called in the middle of a pass: what was prepared is dropped.
    void start(unsigned pass) { work_->start(pass); }

    bool next(Batch& b) { return work_->next(b); }

    /// From the next start() on, which must come before next(), batches are prepared by prepare() and, where it was not
    /// called for every part, by next().
    void take_over() requires drawn_in_parts {
        const std::lock_guard lock(work_->mutex);
        work_->taken_over = true;
    }

    /// Parts of the next batch, of 16 samples; and part 0 … parts() − 1 of it, each once, by any threads, several at
    /// once, but not during next() or start().
    int parts() const requires drawn_in_parts { return work_->parts(); }
    void prepare(int part) noexcept requires drawn_in_parts { work_->fill_part(part); }

  private:
    static constexpr std::size_t part_size = 16;

    enum class State { idle, reading, ended, failed };

    /// What caller and thread share; it stays in place when the reader is moved. While `working` the reader, the batch
    /// behind the filled ones and `failure` are the thread's, else the caller's.
    struct Work {
        explicit Work(R r) : reader(std::move(r)), batch_size(reader.batch_size()), thread(started()) {}

        std::thread started() {
            try {
                return std::thread([this] { serve(); });
            } catch (const std::system_error& e) {
                throw error("prefetch: its thread could not be started: " + e.code().message());
            }
        }

        ~Work() {
            {
                const std::lock_guard lock(mutex);
                leave = true;
                state = State::ended;
            }
            changed.notify_all();
            thread.join();
        }

        void start(unsigned pass) {
            std::unique_lock lock(mutex);
            state = State::ended; // the thread stops after its batch; what a start() that throws leaves
            changed.wait(lock, [this] { return !working; });
            filled = 0;
            drawn = false;
            reader.start(pass);
            for (Batch& b : ring) b.template reserve<shape>(batch_size);
            state = State::reading;
            changed.notify_all();
        }

        bool next(Batch& b) {
            std::unique_lock lock(mutex);
            if (state == State::idle) {
                lock.unlock();
                start(0);
                lock.lock();
            }
            if constexpr (drawn_in_parts)
                if (taken_over && state == State::reading) {
                    if (!drawn) draw();
                    if (drawn) {
                        if (parts_filled.load(std::memory_order_acquire) != parts())
                            reader.fill(ring[0], 0, ring[0].size());
                        b.template reserve<shape>(batch_size);
                        std::swap(b, ring[0]); // two batches take turns, in the cache
                        draw();
                        return true;
                    }
                }
            changed.wait(lock, [this] { return filled > 0 || state != State::reading; });
            if (filled > 0) {
                b.template reserve<shape>(batch_size);
                std::swap(b, ring[first]);
                first = (first + 1) % ring.size();
                --filled;
                if (wanted() && !working) changed.notify_all();
                return true;
            }
            if (state == State::failed) {
                state = State::ended;
                std::rethrow_exception(std::exchange(failure, nullptr));
            }
            return false;
        }

        /// The samples of the next batch. What fails shows in next().
        void draw() {
            parts_filled.store(0, std::memory_order_relaxed);
            drawn = false;
            try {
                drawn = reader.draw(ring[0]);
                if (!drawn) state = State::ended;
            } catch (...) {
                failure = std::current_exception();
                state = State::failed;
            }
        }
        int parts() const { return drawn ? static_cast<int>((ring[0].size() + part_size - 1) / part_size) : 0; }
        void fill_part(int part) {
            const std::size_t begin = static_cast<std::size_t>(part) * part_size;
            reader.fill(ring[0], begin, std::min(begin + part_size, ring[0].size()));
            parts_filled.fetch_add(1, std::memory_order_release);
        }

        /// The thread is woken when half of the batches are used up, not for each: waking it costs more than a batch.
        bool wanted() const { return !taken_over && state == State::reading && filled <= ring.size() / 2; }

        void serve() {
            std::unique_lock lock(mutex);
            while (true) {
                changed.wait(lock, [this] { return leave || wanted(); });
                if (leave) return;
                working = true;
                while (state == State::reading && filled < ring.size()) prepare(lock);
                working = false;
                changed.notify_all();
            }
        }

        void prepare(std::unique_lock<std::mutex>& lock) {
            Batch& b = ring[(first + filled) % ring.size()];
            lock.unlock();
            State outcome = State::failed;
            try {
                outcome = reader.next(b) ? State::reading : State::ended;
            } catch (...) {
                failure = std::current_exception();
            }
            lock.lock();
            if (state != State::reading) return; // start() came in between: dropped
            state = outcome;
            if (outcome != State::reading) return;
            if (++filled == 1) changed.notify_all();
        }

        R reader;
        std::size_t batch_size;
        std::array<Batch, 4> ring; // `filled` batches from `first` on are ready
        std::size_t first = 0, filled = 0;
        std::exception_ptr failure;
        std::mutex mutex;
        std::condition_variable changed;
        State state = State::idle;
        bool working = false, leave = false, taken_over = false;
        bool drawn = false; // if taken over: ring[0] is the next batch
        std::atomic<int> parts_filled = 0;
        std::thread thread; // last: it starts when all above stand
    };

    std::size_t size_ = 0; // asked once: the reader belongs to the thread while it works
    std::unique_ptr<Work> work_;
};

/// The reader's batches, prepared ahead on a thread of their own. A reader that says it does so itself stays as it is.
template <BatchReader R>
auto prefetch(R reader) {
    if constexpr (requires { R::prepares_ahead; })
        return reader;
    else
        return Prefetched<R>(std::move(reader));
}

} // namespace ikebana
