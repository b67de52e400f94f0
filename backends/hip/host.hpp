// The host execution layer: the same __global__ functions on the CPU, for tests of them where there is no GPU. Blocks
// are spread over a pool of CPU threads; the threads of a block are fibers (host_block.hpp), so that barriers, shared
// memory, warp shuffles, matrix cores and atomics work. Streams and graphs are in host_stream.hpp.
// With options.compare_orders every launch runs three times on the same memory, its blocks and the threads between two
// barriers in forward, reversed and shuffled order. If the numbers differ, a barrier is missing, or two threads write
// to one place: the program ends with a sentence.
// Programs link Boost.Context (-lboost_context).
#pragma once
#include <backends/hip/host_block.hpp>
#include <backends/hip/host_matrix.hpp>
#include <backends/hip/host_stream.hpp>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#define __global__
#define __launch_bounds__(...)
#define __device__
#define __host__
#define __shared__ static thread_local // a CPU thread runs one block at a time
#define IKEBANA_HIP_UNROLL

namespace ikebana::hip {

namespace host {

struct Options {
    // CPU threads of a launch; each keeps up to 1024 stacks, and Linux allows 65,530 mappings.
    int workers = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1u, 16u));
    Order order = Order::forward;
    bool compare_orders = false;
    unsigned warp = 32; // threads of one, 32 or 64
};
inline Options options;
inline std::atomic<long> launches = 0;

/// CPU threads that wait for work; each keeps its fibers from launch to launch.
class Pool {
  public:
    static Pool& get() {
        static Pool pool;
        return pool;
    }
    Pool() = default;
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;
    ~Pool() {
        {
            std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        wake_.notify_all();
        for (auto& t : threads_) t.join();
    }

    /// f() on `workers` threads, the caller being one; returns when all are done.
    template <class F>
    void run(int workers, F f) {
        {
            std::lock_guard lock(mutex_);
            while (static_cast<int>(threads_.size()) < workers - 1) threads_.emplace_back([this] { serve(); });
            work_ = [](void* p) { (*static_cast<F*>(p))(); };
            argument_ = &f;
            wanted_ = busy_ = workers - 1;
        }
        wake_.notify_all();
        f();
        std::unique_lock lock(mutex_);
        done_.wait(lock, [this] { return busy_ == 0; });
    }

  private:
    void serve() {
        std::unique_lock lock(mutex_);
        for (;;) {
            wake_.wait(lock, [this] { return stopping_ || wanted_ > 0; });
            if (stopping_) return;
            --wanted_;
            const auto work = work_;
            void* argument = argument_;
            lock.unlock();
            work(argument);
            lock.lock();
            if (--busy_ == 0) done_.notify_one();
        }
    }

    std::mutex mutex_;
    std::condition_variable wake_, done_;
    std::vector<std::thread> threads_;
    void (*work_)(void*) = nullptr;
    void* argument_ = nullptr;
    int wanted_ = 0, busy_ = 0;
    bool stopping_ = false;
};

/// body(argument) on every thread of every block.
inline void run_grid(dim3 grid, dim3 block, std::size_t dynamic_bytes, Order order, void (*body)(void*),
                     void* argument) {
    const auto blocks = static_cast<unsigned>(grid.count());
    std::vector<unsigned> sequence;
    append_sequence(sequence, 0, blocks, order);
    std::atomic<unsigned> next{0};
    const auto work = [&] {
        Block& here = Block::here();
        here.prepare(grid, block, options.warp, dynamic_bytes, order, body, argument);
        for (unsigned i; (i = next.fetch_add(1, std::memory_order_relaxed)) < blocks;) {
            const unsigned b = sequence[i];
            here.run({b % grid.x, b / grid.x % grid.y, b / (grid.x * grid.y)});
        }
    };
    if (const int workers = std::min<int>(options.workers, static_cast<int>(blocks)); workers > 1)
        Pool::get().run(workers, work);
    else
        work();
}

/// The kernel in three orders; `name` is for the sentence.
inline void compare_orders(const char* name, dim3 grid, dim3 block, std::size_t dynamic_bytes, void (*body)(void*),
                           void* argument) {
    Memory& memory = Memory::all();
    const Memory::Snapshot before = memory.save();
    run_grid(grid, block, dynamic_bytes, Order::forward, body, argument);
    const Memory::Snapshot expected = memory.save();
    for (const Order order : {Order::reversed, Order::shuffled}) {
        memory.restore(before);
        run_grid(grid, block, dynamic_bytes, order, body, argument);
        if (memory.save() == expected) continue;
        std::fprintf(stderr,
                     "hip on the host: %s gives other numbers when its threads run in %s order: a barrier is missing, "
                     "or two threads write to one place\n",
                     name, order == Order::reversed ? "reversed" : "shuffled");
        std::abort();
    }
}

} // namespace host

inline constexpr bool on_gpu = false;

/// Kernel<<<grid, block, dynamic_bytes, stream>>>(arguments...)
template <auto Kernel, class... A>
void launch_on(hipStream_t stream, dim3 grid, dim3 block, std::size_t dynamic_bytes, A... arguments) {
    const char* name = __PRETTY_FUNCTION__;
    host::Stream::ask(stream, [=] {
        auto call = [=] { Kernel(arguments...); };
        const auto body = [](void* p) { (*static_cast<decltype(call)*>(p))(); };
        ++host::launches;
        if (host::options.compare_orders)
            host::compare_orders(name, grid, block, dynamic_bytes, body, &call);
        else
            host::run_grid(grid, block, dynamic_bytes, host::options.order, body, &call);
    });
}

// ---- called by kernels

inline void __syncthreads(int line = __builtin_LINE()) { host::Block::here().barrier(line); }

/// The value of the thread whose lane differs by `mask`, among 32; one's own where there is none.
template <class T>
T shuffle_xor(T value, int mask) {
    static_assert(sizeof(T) <= sizeof(std::uint64_t));
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof value);
    unsigned lane, lanes;
    const std::uint64_t* slots = host::Block::here().exchange(bits, lane, lanes);
    const unsigned other = lane ^ static_cast<unsigned>(mask);
    if (other < lanes) std::memcpy(&value, &slots[other], sizeof value);
    return value;
}

template <class T>
T atomicAdd(T* to, T value) {
    return std::atomic_ref<T>(*to).fetch_add(value);
}

/// The memory that a launch's dynamic_bytes ask for.
template <class T>
T* dynamic_shared() {
    return static_cast<T*>(host::Block::here().dynamic_shared());
}

} // namespace ikebana::hip
