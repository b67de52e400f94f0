// The tag of the HIP backend, and how a network runs on a GPU.
//
// A tile is 32 samples, lanes last as everywhere: [feature][32]. 32 threads that follow each other read 32 lanes, one
// transaction of 128 bytes; a weight is the same for all of them. A whole batch is one launch: the tag is a value that
// says how many tiles there are and how many bytes lie between one's memory and the next's. Everything of a tile
// (activations, gradients, caches, labels, mask, scratch) has that one step, so a kernel finds tile t's by adding t
// steps to the pointer it was given, which is tile 0's. In an expression the step goes into Position::index and
// Position::lane: leaves that hold something a tile or a lane move with it, those that hold parameters don't.
// So layers are what they are on the CPU: they pass the tag on, with tile 0's pointers.
//
// What a sum over lanes is on the CPU is a sum over the batch here, taken once: gradients of parameters, a batch norm's
// moments. Its order is fixed by shapes and the number of tiles; nothing is added to by floating-point atomics.
//
// Kernels:
//   assign.hpp     one template for expressions over tiles, one for flat arrays
//   reduce.hpp     sums and maxima over features, places and tiles, by warps and then by blocks
//   in_block.hpp   a loss of few classes, in one kernel
//   multiply.hpp   one tiled matrix product, C = A B, its operands and its destination being functors; by threads, or
//                  by matrix cores (matrix_cores.hpp, sums.hpp)
//   dense.hpp      three uses of it; an activation behind Dense is in its destination, and its derivative in operands
//   conv.hpp       three uses of it, an operand being gathered from the image (implicit GEMM); pool and activation
//                  behind a convolution are its destination
//   depthwise.hpp, pool.hpp, random.hpp, tiles.hpp    a thread an element; depthwise's dw a block a channel and tile
// Functors, expressions and the random numbers are those of include/: they are constexpr, which makes them device
// functions (hipcc: always; nvcc: with --expt-relaxed-constexpr).
// In training a step's launches are captured as a graph (stream.hpp); what changes from step to step they read from
// memory (DeviceRun, updates.hpp).
// Next to read: multiply.hpp, conv.hpp; runtime.hpp for what runs it.
#pragma once
#include <backends/hip/stream.hpp>
#include <ikebana/tensor/device_step.hpp>

#include <type_traits>

namespace ikebana::hip {

class Updates; // updates.hpp

struct backend {
    static constexpr const char* name = MatrixCore::backend_name;
    static constexpr bool fuses = true, fuses_dense = true;
    /// Samples in a tile: what 32 threads read at once.
    template <class T>
    static constexpr int lanes = 32;
    template <class T>
    static constexpr int vector_width = 32;

    template <class T>
    using array = DeviceArray<T>;
    template <class T>
    using pinned = PinnedArray<T>;
    using stream_type = DeviceStream;
    using event = Event;
    using graph = Graph;
    using updates = Updates;

    /// The GPU is the parallel one: one thread of the host gives it work, whatever number is asked for.
    class workers {
      public:
        explicit workers(int) {}
        int count() const { return 1; }
        /// f(task, worker) for task = 0 … tasks−1.
        template <class F>
        void run(int tasks, F f) {
            for (int t = 0; t < tasks; ++t) f(t, 0);
        }
    };

    int tiles = 1;        // of the batch
    std::size_t step = 0; // bytes from a tile's memory to the next one's
    hipStream_t stream = nullptr;
    DeviceRun* run = nullptr; // in the GPU's memory

    template <class T>
    std::ptrdiff_t step_of() const {
        return static_cast<std::ptrdiff_t>(step / sizeof(T));
    }
};

inline constexpr int L = 32;        // samples in a tile
inline constexpr int threads = 256; // of a block
/// Blocks that keep a large GPU busy: two for each of the 132 multiprocessors of an H100.
inline constexpr int busy_blocks = 264;

constexpr unsigned blocks_for(std::size_t n, std::size_t each = threads) {
    return static_cast<unsigned>((n + each - 1) / each);
}

// ---- network/device.hpp

/// n numbers from the host to the GPU, and back; return when they are there.
template <class T>
void to_device(backend, T* to, const std::type_identity_t<T>* from, std::size_t n) {
    if (n > 0) check(hipMemcpy(to, from, n * sizeof(T), hipMemcpyHostToDevice), "hipMemcpy to the GPU");
}
template <class T>
void to_host(backend, T* to, const std::type_identity_t<T>* from, std::size_t n) {
    if (n > 0) check(hipMemcpy(to, from, n * sizeof(T), hipMemcpyDeviceToHost), "hipMemcpy from the GPU");
}

/// The same between pinned memory and the GPU, in the turn of on.stream; return at once.
template <class T>
void ask_to_device(backend on, T* to, const std::type_identity_t<T>* from, std::size_t n) {
    check(hipMemcpyAsync(to, from, n * sizeof(T), hipMemcpyHostToDevice, on.stream), "hipMemcpyAsync to the GPU");
}
template <class T>
void ask_to_host(backend on, T* to, const std::type_identity_t<T>* from, std::size_t n) {
    check(hipMemcpyAsync(to, from, n * sizeof(T), hipMemcpyDeviceToHost, on.stream), "hipMemcpyAsync from the GPU");
}

/// Bytes of the GPU that nobody uses.
inline std::size_t free_bytes(backend) {
    std::size_t free = 0, total = 0;
    check(hipMemGetInfo(&free, &total), "hipMemGetInfo");
    return free;
}

inline void synchronize(backend) { check(hipDeviceSynchronize(), "hipDeviceSynchronize"); }

template <class F>
__global__ void call_each(std::size_t n, F f) {
    const std::size_t i = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x;
    if (i < n) f(i);
}
template <class F>
void run_each(backend on, std::size_t n, F f) {
    constexpr unsigned few = 32; // f is more than a loop's round: over as many processors as there are
    launch<call_each<F>>(on.stream, dim3(blocks_for(n, few)), dim3(few), n, f);
}

/// See layers/primitives.hpp; a GPU asks for nothing ahead.
template <class T>
void prefetch_to_write(backend, const T*, std::size_t) {}

} // namespace ikebana::hip
