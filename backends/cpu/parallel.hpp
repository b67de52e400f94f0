// A pool of threads for the regions of a step. Task t belongs to thread t mod count, so a thread finds its tiles' data
// in its own cache from region to region; one that is through takes tasks of threads that are late, because the system
// runs something else in their place. A region ends with its last task, whoever is still on the way.
// A thread that waits spins for some microseconds, the length of a gap between two regions; then it offers its core to
// others for the length of a gap between two steps; then it sleeps. Waking a thread takes longer than most regions.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <ikebana/core/error.hpp>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace ikebana::cpu {

class Workers {
  public:
    /// Throws error if the system gives no more threads.
    explicit Workers(int count)
        : count_(count < 1 ? 1 : count), queues_(std::make_unique<Queue[]>(static_cast<std::size_t>(count_))) {
        try {
            threads_.reserve(static_cast<std::size_t>(count_) - 1);
            for (int w = 1; w < count_; ++w) threads_.emplace_back([this, w] { serve(w); });
        } catch (const std::system_error& e) {
            end();
            throw error("only " + std::to_string(threads_.size() + 1) + " of " + std::to_string(count_) +
                        " threads could be started: " + e.code().message());
        } catch (...) {
            end();
            throw;
        }
    }
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;
    ~Workers() { end(); }

    int count() const { return count_; }

    /// f(task, worker) for task = 0 … tasks−1, at most 2²⁰ · count; returns when all are done. f must not throw.
    template <class F>
    void run(int tasks, F f) {
        if (count_ == 1 || tasks <= 1) {
            for (int t = 0; t < tasks; ++t) f(t, 0);
            return;
        }
        argument_ = &f;
        body_ = [](void* g, int task, int worker) { (*static_cast<F*>(g))(task, worker); };
        done_.store(0, std::memory_order_relaxed);
        const unsigned round = round_.load(std::memory_order_relaxed) + 1;
        for (int w = 0; w < count_; ++w)
            queues_[w].state.store(Claims(round, (tasks + count_ - 1 - w) / count_).packed, std::memory_order_release);
        round_.store(round, std::memory_order_release);
        round_.notify_all();
        work(0, round);
        for (int spins = 0; done_.load(std::memory_order_acquire) != tasks; ++spins)
            if (spins > spinning) std::this_thread::yield();
    }

  private:
    static constexpr int spinning = 1 << 12, yielding = 1 << 8; // a microsecond or two, and some hundred

    /// A thread's tasks in one number: the round, how many there are, how many are claimed.
    struct Claims {
        std::uint64_t packed;

        explicit Claims(std::uint64_t p) : packed(p) {}
        Claims(unsigned round, int tasks)
            : packed(std::uint64_t{round} << 40 | static_cast<std::uint64_t>(tasks) << 20) {}
        bool left_in(unsigned round) const {
            return packed >> 40 == (round & 0xFF'FFFF) && (packed & 0xF'FFFF) < (packed >> 20 & 0xF'FFFF);
        }
        int next() const { return static_cast<int>(packed & 0xF'FFFF); }
    };
    struct alignas(64) Queue {
        std::atomic<std::uint64_t> state{0};
    };

    /// The next task of thread w in this round; −1 if none is left. What is claimed keeps the round from ending.
    int claim(int w, unsigned round) {
        auto& state = queues_[w].state;
        std::uint64_t seen = state.load(std::memory_order_acquire);
        while (Claims(seen).left_in(round))
            if (state.compare_exchange_weak(seen, seen + 1, std::memory_order_acq_rel, std::memory_order_acquire))
                return Claims(seen).next() * count_ + w;
        return -1;
    }

    /// The worker's own tasks, then those that others have left.
    void work(int worker, unsigned round) {
        int done = 0;
        for (int k = 0; k < count_; ++k)
            for (int task; (task = claim((worker + k) % count_, round)) >= 0; ++done) body_(argument_, task, worker);
        if (done > 0) done_.fetch_add(done, std::memory_order_release);
    }

    void end() {
        leave_.store(true, std::memory_order_relaxed);
        round_.fetch_add(1, std::memory_order_release);
        round_.notify_all();
        for (auto& t : threads_) t.join();
    }

    void serve(int worker) {
        for (unsigned seen = 0;;) {
            for (int spins = 0; round_.load(std::memory_order_acquire) == seen; ++spins) {
                if (spins > spinning + yielding)
                    round_.wait(seen, std::memory_order_acquire);
                else if (spins > spinning)
                    std::this_thread::yield();
            }
            seen = round_.load(std::memory_order_acquire);
            if (leave_.load(std::memory_order_relaxed)) return;
            work(worker, seen);
        }
    }

    int count_;
    void* argument_ = nullptr;
    void (*body_)(void*, int, int) = nullptr;
    std::unique_ptr<Queue[]> queues_;
    alignas(64) std::atomic<unsigned> round_{0};
    std::atomic<bool> leave_{false};
    alignas(64) std::atomic<int> done_{0};
    std::vector<std::thread> threads_;
};

} // namespace ikebana::cpu
