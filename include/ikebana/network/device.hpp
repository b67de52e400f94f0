// Backends whose memory the host only copies (a GPU). Beside layers/primitives.hpp such a backend B gives
//   B::array<T>                n numbers of its memory, zeroed: data(), size(), clear(); a copy is deep
//   B{tiles, step}             the tag as a value: a call with it works on all `tiles` tiles of a batch, `step` bytes
//                              apart, and is given tile 0's pointers. Sums over lanes are then sums over the batch.
//   to_device(B, to, from, n), to_host(B, to, from, n)
//   synchronize(B)             returns when everything asked of the device before is done
//   run_each(B, n, f)          f(i), i = 0 … n−1, by n threads; f is a named struct with a constexpr call operator
// and, for training:
//   B::stream_type             what it is asked for is done in order: get(), which becomes the tag's `stream`
//   B::event                   record(stream); wait(), by the host; hold(stream), which waits then
//   B::graph                   capture(stream, f): what f() asks of the stream; launch(stream), at each launch anew
//   B::pinned<T>               n numbers of the host for ask_to_device(B, …), ask_to_host(B, …), which return at once
//   free_bytes(B)
//   B::updates                 what an optimiser assigns at one step, as bytes (backends/hip/updates.hpp)
//   load_samples(B, tile, labels, mask, DeviceSamples, batch, count)
//                              which finds the step in the tag's `run`, a DeviceRun; two more arguments, zeroed and n,
//                              set zeroed[0 … n−1] to 0
//   evaluate_loss<Loss>(B, …)  Loss::evaluate(B, …), by one kernel where the loss allows that (loss/loss.hpp)
//   evaluate_loss_and_mean<Loss>(B, means, count, …)            and the mean of `count` costs to DeviceRun::end_forward
//   add_answers(B, sums, classes, costs, labels, z, count)      sums of costs and of right answers, for evaluate
// Networks keep their parameters on the host, as others do. Next to read: train/device_program.hpp.
#pragma once
#include <ikebana/core/arena.hpp>

#include <type_traits>

namespace ikebana {

template <class Backend>
concept DeviceBackend = requires {
    typename Backend::template array<float>;
};

template <class Backend, class T>
struct memory_of {
    using type = Arena<T>;
};
template <DeviceBackend Backend, class T>
struct memory_of<Backend, T> {
    using type = typename Backend::template array<T>;
};
/// Memory that a backend's kernels work in.
template <class Backend, class T>
using Memory = typename memory_of<Backend, T>::type;

// On other backends it is the host's.
template <class Backend, class T>
requires(!DeviceBackend<Backend>) void to_device(Backend, T* to, const std::type_identity_t<T>* from, std::size_t n) {
    std::copy_n(from, n, to);
}
template <class Backend, class T>
requires(!DeviceBackend<Backend>) void to_host(Backend, T* to, const std::type_identity_t<T>* from, std::size_t n) {
    std::copy_n(from, n, to);
}

/// The host's numbers where kernels can read them: a copy, or on other backends where they are.
template <class Backend, class T>
class Mirror {
  public:
    void take(const T*, std::size_t) {}
    const T* of(const T* host) const { return host; }
};
template <DeviceBackend Backend, class T>
class Mirror<Backend, T> {
  public:
    void take(const T* from, std::size_t n) {
        if (copy_.size() != n) copy_ = Memory<Backend, T>(n);
        to_device(Backend{}, copy_.data(), from, n);
    }
    const T* of(const T*) const { return copy_.data(); }

  private:
    Memory<Backend, T> copy_;
};

} // namespace ikebana
