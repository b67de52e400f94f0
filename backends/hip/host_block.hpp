// One block of a kernel on one CPU thread. Its threads run one after the other until each waits or ends: at a barrier
// all threads of the block meet, at a shuffle all threads of a warp. A thread that waits keeps its fiber; one that ends
// leaves it to the next, so a kernel without barriers switches no stacks.
// A barrier that some threads never reach, or two that are waited at, ends the program with a sentence: on a GPU the
// result is undefined. Next to read: host.hpp.
#pragma once
#include <backends/hip/host_fiber.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

namespace ikebana::hip {

struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
    constexpr std::size_t count() const { return std::size_t{x} * y * z; }
};

// What a kernel sees of where it is.
inline constinit thread_local dim3 threadIdx{0, 0, 0}, blockIdx{0, 0, 0}, blockDim{}, gridDim{};

namespace host {

/// In which order the threads between two barriers run, and blocks. A right kernel gives the same numbers in any.
enum class Order { forward, reversed, shuffled };

[[noreturn]] inline void stop(const char* sentence, unsigned a, unsigned b) {
    std::fprintf(stderr, "hip on the host: ");
    std::fprintf(stderr, sentence, a, b);
    std::fprintf(stderr, "\n");
    std::abort();
}

/// 0 … n−1 in an order; `first` is added to each.
inline void append_sequence(std::vector<unsigned>& to, unsigned first, unsigned n, Order order) {
    const std::size_t begin = to.size();
    for (unsigned i = 0; i < n; ++i) to.push_back(first + (order == Order::reversed ? n - 1 - i : i));
    std::uint32_t random = 2463534242u + n;
    for (unsigned i = n; order == Order::shuffled && i > 1; --i) {
        random ^= random << 13, random ^= random >> 17, random ^= random << 5; // Marsaglia's xorshift
        std::swap(to[begin + i - 1], to[begin + random % i]);
    }
}

class Block {
  public:
    /// The one of this CPU thread.
    static Block& here() {
        static thread_local Block block;
        return block;
    }

    /// Before the blocks of a launch: body(argument) is the kernel on the thread that threadIdx names.
    void prepare(dim3 grid, dim3 block, unsigned warp, std::size_t dynamic_bytes, Order order, void (*body)(void*),
                 void* argument) {
        gridDim = grid, blockDim = block, warp_ = warp;
        body_ = body, argument_ = argument;
        const auto n = static_cast<unsigned>(block.count());
        states_.resize(n), fibers_.resize(n), lines_.resize(n), slots_.resize(2 * n), parity_.resize(n);
        const std::size_t units = (dynamic_bytes + sizeof(std::max_align_t) - 1) / sizeof(std::max_align_t);
        if (dynamic_units_ != units) // as long as it must be, so that a sanitizer sees every step beyond
            dynamic_ = std::make_unique<std::max_align_t[]>(units);
        dynamic_units_ = units;
        sequence_.clear(), warps_.clear();
        append_sequence(warps_, 0, (n + warp - 1) / warp, order);
        for (const unsigned w : warps_) append_sequence(sequence_, w * warp, std::min(warp, n - w * warp), order);
    }

    void run(dim3 block) {
        blockIdx = block;
        if (dynamic_units_ > 0) std::memset(dynamic_.get(), 0xFF, dynamic_units_ * sizeof(std::max_align_t)); // NaN
        std::fill(states_.begin(), states_.end(), State::fresh);
        do
            for (unsigned begin = 0; begin < sequence_.size();) {
                const auto end = std::min<unsigned>(begin + warp_size(begin), static_cast<unsigned>(sequence_.size()));
                run_warp(begin, end);
                begin = end;
            }
        while (pass_barrier());
    }

    // ---- called by the kernel

    void barrier(int line) {
        lines_[current_] = line;
        wait(State::at_barrier);
    }

    /// Slots of the threads of this thread's warp, holding what each gave; valid until the next but one exchange.
    const std::uint64_t* exchange(std::uint64_t value, unsigned& lane, unsigned& lanes) {
        const unsigned t = current_, first = t / warp_ * warp_;
        std::uint64_t* slots = slots_.data() + (parity_[t] ? states_.size() : 0);
        parity_[t] = !parity_[t];
        slots[t] = value;
        lane = t - first, lanes = std::min<unsigned>(warp_, static_cast<unsigned>(states_.size()) - first);
        wait(State::at_shuffle);
        return slots + first;
    }

    void* dynamic_shared() { return dynamic_.get(); }

  private:
    enum class State : unsigned char { fresh, ready, at_barrier, at_shuffle, done };

    unsigned warp_size(unsigned begin) const {
        return std::min<unsigned>(warp_, static_cast<unsigned>(states_.size()) - sequence_[begin] / warp_ * warp_);
    }

    void take_place(unsigned thread) {
        current_ = thread;
        threadIdx = {thread % blockDim.x, thread / blockDim.x % blockDim.y, thread / (blockDim.x * blockDim.y)};
    }

    void wait(State state) {
        const unsigned t = current_;
        states_[t] = state;
        fibers_[t]->pause();
        take_place(t);
    }

    /// A fiber's life: takes threads that have not begun, until one of them waits; then goes on after it.
    static void serve(void* p) {
        auto& block = *static_cast<Block*>(p);
        for (;;) {
            Fiber* self = block.running_;
            while (block.next_ < block.warp_end_) {
                const unsigned t = block.sequence_[block.next_++];
                block.states_[t] = State::ready, block.fibers_[t] = self, block.parity_[t] = false;
                block.take_place(t);
                block.body_(block.argument_);
                block.states_[t] = State::done;
            }
            block.idle_.push_back(self);
            self->pause();
        }
    }

    void resume(Fiber* fiber) {
        running_ = fiber;
        fiber->resume();
    }

    Fiber* idle_fiber() {
        if (idle_.empty()) {
            pool_.push_back(std::make_unique<Fiber>(&Block::serve, this));
            return pool_.back().get();
        }
        Fiber* fiber = idle_.back();
        idle_.pop_back();
        return fiber;
    }

    /// Until every thread of a warp is at a barrier or done.
    void run_warp(unsigned begin, unsigned end) {
        for (;;) {
            unsigned shuffling = 0;
            for (unsigned i = begin; i < end; ++i) {
                const unsigned t = sequence_[i];
                if (states_[t] == State::fresh) {
                    next_ = i, warp_end_ = end;
                    resume(idle_fiber());
                } else if (states_[t] == State::ready) {
                    resume(fibers_[t]);
                }
                shuffling += states_[t] == State::at_shuffle;
            }
            if (shuffling == 0) return;
            if (shuffling < end - begin)
                stop("%u threads of a warp wait at a shuffle that the other %u don't reach", shuffling,
                     end - begin - shuffling);
            for (unsigned i = begin; i < end; ++i) states_[sequence_[i]] = State::ready;
        }
    }

    /// Whether threads went on, after all of them had come to one barrier.
    bool pass_barrier() {
        unsigned waiting = 0;
        int line = 0;
        for (unsigned t = 0; t < states_.size(); ++t) {
            if (states_[t] != State::at_barrier) continue;
            if (waiting++ > 0 && lines_[t] != line)
                stop("threads of a block wait at different barriers, in lines %u and %u", static_cast<unsigned>(line),
                     static_cast<unsigned>(lines_[t]));
            line = lines_[t];
        }
        if (waiting == 0) return false;
        if (waiting < states_.size())
            stop("%u threads of a block wait at a barrier that the other %u don't reach", waiting,
                 static_cast<unsigned>(states_.size()) - waiting);
        std::fill(states_.begin(), states_.end(), State::ready);
        return true;
    }

    void (*body_)(void*) = nullptr;
    void* argument_ = nullptr;
    std::vector<State> states_;        // of each thread
    std::vector<Fiber*> fibers_;       // of each thread that began
    std::vector<int> lines_;           // where it waits
    std::vector<std::uint64_t> slots_; // two sets: a thread may be one exchange ahead
    std::vector<char> parity_;
    std::vector<unsigned> sequence_, warps_;
    std::unique_ptr<std::max_align_t[]> dynamic_;
    std::size_t dynamic_units_ = 0;
    std::vector<std::unique_ptr<Fiber>> pool_;
    std::vector<Fiber*> idle_;
    Fiber* running_ = nullptr;
    unsigned warp_ = 32, current_ = 0, next_ = 0, warp_end_ = 0;
};

} // namespace host
} // namespace ikebana::hip
