// A pool of threads for the regions of a step. Task t always goes to thread t mod count, so a thread finds its tiles'
// data in its own cache from region to region. Between regions the threads spin for some microseconds (a step is a few
// regions long), then sleep.
#pragma once
#include <atomic>
#include <thread>
#include <vector>

namespace ikebana::cpu {

class Workers {
  public:
    explicit Workers(int count) : count_(count < 1 ? 1 : count) {
        for (int w = 1; w < count_; ++w) threads_.emplace_back([this, w] { serve(w); });
    }
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;
    ~Workers() {
        body_ = nullptr;
        round_.fetch_add(1, std::memory_order_release);
        round_.notify_all();
        for (auto& t : threads_) t.join();
    }

    int count() const { return count_; }

    /// f(task, worker) for task = 0 … tasks−1; returns when all are done. f must not throw.
    template <class F>
    void run(int tasks, F f) {
        if (count_ == 1 || tasks <= 1) {
            for (int t = 0; t < tasks; ++t) f(t, 0);
            return;
        }
        tasks_ = tasks;
        argument_ = &f;
        body_ = [](void* g, int task, int worker) { (*static_cast<F*>(g))(task, worker); };
        busy_.store(count_ - 1, std::memory_order_relaxed);
        round_.fetch_add(1, std::memory_order_release);
        round_.notify_all();
        work(0);
        for (int spins = 0; busy_.load(std::memory_order_acquire) != 0; ++spins)
            if (spins > patience) std::this_thread::yield();
    }

  private:
    static constexpr int patience = 1 << 12;

    void work(int worker) {
        for (int t = worker; t < tasks_; t += count_) body_(argument_, t, worker);
    }

    void serve(int worker) {
        for (unsigned seen = 0;; ++seen) {
            for (int spins = 0; round_.load(std::memory_order_acquire) == seen; ++spins)
                if (spins > patience) round_.wait(seen, std::memory_order_acquire);
            if (body_ == nullptr) return;
            work(worker);
            busy_.fetch_sub(1, std::memory_order_release);
        }
    }

    int count_;
    int tasks_ = 0;
    void* argument_ = nullptr;
    void (*body_)(void*, int, int) = nullptr;
    std::atomic<unsigned> round_{0};
    std::atomic<int> busy_{0};
    std::vector<std::thread> threads_;
};

} // namespace ikebana::cpu
