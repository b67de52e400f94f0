// An optimiser's update within a captured step. Its numbers (learning rate, corrections by the step) differ each time,
// but an expression is a value: Optimizer::update is called with a Note in place of a backend, what it would assign is
// kept as bytes, and the bytes are copied to the device, where the captured kernel reads the expression of its step.
// Next to read: train/device_trainer.hpp.
#pragma once
#include <backends/hip/assign.hpp>
#include <ikebana/tensor/device_step.hpp>

#include <new>
#include <vector>

namespace ikebana::hip {

template <class To, class From>
struct Assignment {
    To to;
    From from;
};

/// assign_flat of the assignment that lies at `table`, those of different slots being `stride` bytes apart.
template <class A>
__global__ void assign_noted(std::size_t n, const std::byte* table, std::size_t stride, const DeviceStep* now) {
    if (now->stopped) return;
    const auto& a = *reinterpret_cast<const A*>(table + now->slot * stride);
    const Position p{std::size_t{blockIdx.x} * blockDim.x + threadIdx.x};
    if (p.index < n) assign_at(p, a.to, a.from, std::make_index_sequence<std::tuple_size_v<decltype(a.from)>>{});
}

/// What one update assigns.
class Updates {
  public:
    struct Note {
        Updates* to;
    };
    /// What stands in place of a backend; forgets the update before.
    Note note() {
        calls_.clear(), bytes_.clear();
        return {this};
    }

    const std::vector<std::byte>& bytes() const { return bytes_; }
    /// Whether the same kernels do it: then only bytes() differ.
    bool alike(const Updates& other) const { return calls_ == other.calls_; }

    /// The update of the step that runs; slot s has its bytes at table + s · stride.
    void launch(backend on, const std::byte* table, std::size_t stride) const {
        for (const Call& call : calls_) call.launch(on, call.n, table + call.at, stride);
    }

    template <class To, class From>
    void add(std::size_t n, const To& to, const From& from) {
        using A = Assignment<To, From>;
        static_assert(alignof(A) <= 16 && std::is_trivially_destructible_v<A>);
        calls_.push_back({&launch_noted<A>, n, bytes_.size()});
        bytes_.resize(bytes_.size() + (sizeof(A) + 15) / 16 * 16);
        new (bytes_.data() + calls_.back().at) A{to, from};
    }

  private:
    struct Call {
        void (*launch)(backend, std::size_t, const std::byte*, std::size_t);
        std::size_t n, at;
        bool operator==(const Call&) const = default;
    };

    template <class A>
    static void launch_noted(backend on, std::size_t n, const std::byte* at, std::size_t stride) {
        if (n > 0)
            hip::launch<assign_noted<A>>(on.stream, dim3(blocks_for(n)), dim3(threads), n, at, stride,
                                         &on.run->backward);
    }

    std::vector<Call> calls_;
    std::vector<std::byte> bytes_;
};

template <class... T, Expression... E>
void assign(Updates::Note note, std::size_t n, std::tuple<T*...> to, std::tuple<E...> from) {
    note.to->add(n, to, from);
}

} // namespace ikebana::hip
