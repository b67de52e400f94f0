// prefetch(reader): while the caller works on one batch, a thread prepares the next. The thread lives as long as the
// reader. A batch changes hands by swapping storage, so between the first next() and the end of a pass nothing is
// allocated; an exception of the inner reader comes out of the next() that would have given its batch.
//
//   empty --(thread: inner next)--> filled | ended | failed --(caller: next)--> empty
#pragma once
#include <condition_variable>
#include <exception>
#include <ikebana/data/reader.hpp>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

namespace ikebana {

template <BatchReader R>
class Prefetched {
  public:
    using shape = typename R::shape;
    static constexpr int classes = R::classes;

    explicit Prefetched(R reader) {
        if constexpr (SizedReader<R>) size_ = reader.size();
        work_ = std::make_unique<Work>(std::move(reader));
    }

    std::size_t batch_size() const { return work_->batch_size; }

    std::size_t size() const requires SizedReader<R> { return size_; }

    /// May be called in the middle of a pass: what was prepared is dropped.
    void start(unsigned pass) { work_->start(pass); }

    bool next(Batch& b) { return work_->next(b); }

  private:
    enum class Slot { idle, empty, filled, ended, failed };

    /// What caller and thread share; it stays in place when the reader is moved. The thread touches `reader`, `ready`
    /// and `failure` only while the slot is empty, the caller only while it isn't.
    struct Work {
        explicit Work(R r) : reader(std::move(r)), batch_size(reader.batch_size()), thread([this] { prepare(); }) {}

        ~Work() {
            {
                const std::lock_guard lock(mutex);
                leave = true;
            }
            changed.notify_all();
            thread.join();
        }

        void start(unsigned pass) {
            std::unique_lock lock(mutex);
            changed.wait(lock, [this] { return slot != Slot::empty; });
            slot = Slot::ended; // what a start() that throws leaves
            reader.start(pass);
            ready.template reserve<shape>(batch_size);
            hand_over(lock, Slot::empty);
        }

        bool next(Batch& b) {
            std::unique_lock lock(mutex);
            if (slot == Slot::idle) {
                lock.unlock();
                start(0);
                lock.lock();
            }
            changed.wait(lock, [this] { return slot != Slot::empty; });
            if (slot == Slot::ended) return false;
            if (slot == Slot::failed) {
                slot = Slot::ended;
                std::rethrow_exception(std::exchange(failure, nullptr));
            }
            b.template reserve<shape>(batch_size);
            std::swap(b, ready);
            hand_over(lock, Slot::empty);
            return true;
        }

        void prepare() {
            std::unique_lock lock(mutex);
            while (true) {
                changed.wait(lock, [this] { return leave || slot == Slot::empty; });
                if (leave) return;
                lock.unlock();
                Slot outcome = Slot::failed;
                try {
                    outcome = reader.next(ready) ? Slot::filled : Slot::ended;
                } catch (...) {
                    failure = std::current_exception();
                }
                lock.lock();
                slot = outcome;
                changed.notify_all();
            }
        }

        void hand_over(std::unique_lock<std::mutex>& lock, Slot to) {
            slot = to;
            lock.unlock();
            changed.notify_all();
        }

        R reader;
        std::size_t batch_size;
        Batch ready;
        std::exception_ptr failure;
        std::mutex mutex;
        std::condition_variable changed;
        Slot slot = Slot::idle;
        bool leave = false;
        std::thread thread; // last: it starts when all above stand
    };

    std::size_t size_ = 0; // asked once: the reader belongs to the thread while it works
    std::unique_ptr<Work> work_;
};

/// The reader's batches, each prepared one ahead on a thread of its own.
template <BatchReader R>
Prefetched<R> prefetch(R reader) {
    return Prefetched<R>(std::move(reader));
}

} // namespace ikebana
