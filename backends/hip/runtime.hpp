// The only file whose code names a vendor. Kernels and runtime calls are written in HIP; what compiles them decides:
//   hipcc         AMD: HIP itself
//   nvcc          NVIDIA: the same names on CUDA
//   a C++ compiler   the CPU (host.hpp), for tests
// In namespace ikebana::hip: launch_on<kernel<…>>(stream, grid, block, dynamic_bytes, arguments…), shuffle_xor() within
// 32 threads, dynamic_shared<T>(), a matrix core's operand<Core>() and multiply_add<Core>() (matrix_cores.hpp), and
// check(), through which every runtime call goes.
// Next to read: memory.hpp, backend.hpp.
#pragma once
#include <backends/hip/matrix_cores.hpp>
#include <ikebana/core/error.hpp>

#include <type_traits>

#if defined(__HIP__)
#include <hip/hip_runtime.h>
#elif defined(__CUDACC__)
#include <cuda_runtime.h>
#else
#include <backends/hip/host.hpp>
#endif

namespace ikebana::hip {

#if defined(__CUDACC__) && !defined(__HIP__)
using hipError_t = cudaError_t;
using hipStream_t = cudaStream_t;
using hipEvent_t = cudaEvent_t;
using hipGraph_t = cudaGraph_t;
using hipGraphExec_t = cudaGraphExec_t;
using hipMemcpyKind = cudaMemcpyKind;
inline constexpr auto hipSuccess = cudaSuccess;
inline constexpr auto hipErrorOutOfMemory = cudaErrorMemoryAllocation;
inline constexpr auto hipMemcpyHostToDevice = cudaMemcpyHostToDevice;
inline constexpr auto hipMemcpyDeviceToHost = cudaMemcpyDeviceToHost;
inline constexpr auto hipMemcpyDeviceToDevice = cudaMemcpyDeviceToDevice;
inline constexpr auto hipStreamCaptureModeThreadLocal = cudaStreamCaptureModeThreadLocal;
inline constexpr unsigned hipEventDisableTiming = cudaEventDisableTiming;
inline const char* hipGetErrorString(hipError_t e) { return cudaGetErrorString(e); }
inline hipError_t hipGetDeviceCount(int* count) { return cudaGetDeviceCount(count); }
inline hipError_t hipMalloc(void** p, std::size_t bytes) { return cudaMalloc(p, bytes); }
inline hipError_t hipFree(void* p) { return cudaFree(p); }
inline hipError_t hipMemGetInfo(std::size_t* free, std::size_t* total) { return cudaMemGetInfo(free, total); }
inline hipError_t hipMemcpy(void* to, const void* from, std::size_t bytes, hipMemcpyKind kind) {
    return cudaMemcpy(to, from, bytes, kind);
}
inline hipError_t hipMemset(void* to, int value, std::size_t bytes) { return cudaMemset(to, value, bytes); }
inline hipError_t hipDeviceSynchronize() { return cudaDeviceSynchronize(); }
inline hipError_t hipGetLastError() { return cudaGetLastError(); }
inline hipError_t hipHostMalloc(void** p, std::size_t bytes, unsigned) { return cudaMallocHost(p, bytes); }
inline hipError_t hipHostFree(void* p) { return cudaFreeHost(p); }
inline hipError_t hipMemcpyAsync(void* to, const void* from, std::size_t bytes, hipMemcpyKind kind,
                                 hipStream_t stream) {
    return cudaMemcpyAsync(to, from, bytes, kind, stream);
}
inline hipError_t hipMemsetAsync(void* to, int value, std::size_t bytes, hipStream_t stream) {
    return cudaMemsetAsync(to, value, bytes, stream);
}
inline hipError_t hipStreamCreate(hipStream_t* stream) { return cudaStreamCreate(stream); }
inline hipError_t hipStreamDestroy(hipStream_t stream) { return cudaStreamDestroy(stream); }
inline hipError_t hipStreamWaitEvent(hipStream_t stream, hipEvent_t event, unsigned flags) {
    return cudaStreamWaitEvent(stream, event, flags);
}
inline hipError_t hipEventCreateWithFlags(hipEvent_t* event, unsigned flags) {
    return cudaEventCreateWithFlags(event, flags);
}
inline hipError_t hipEventDestroy(hipEvent_t event) { return cudaEventDestroy(event); }
inline hipError_t hipEventRecord(hipEvent_t event, hipStream_t stream) { return cudaEventRecord(event, stream); }
inline hipError_t hipEventSynchronize(hipEvent_t event) { return cudaEventSynchronize(event); }
inline hipError_t hipEventElapsedTime(float* milliseconds, hipEvent_t start, hipEvent_t end) {
    return cudaEventElapsedTime(milliseconds, start, end);
}
inline hipError_t hipStreamBeginCapture(hipStream_t stream, cudaStreamCaptureMode mode) {
    return cudaStreamBeginCapture(stream, mode);
}
inline hipError_t hipStreamEndCapture(hipStream_t stream, hipGraph_t* graph) {
    return cudaStreamEndCapture(stream, graph);
}
inline hipError_t hipGraphInstantiateWithFlags(hipGraphExec_t* exec, hipGraph_t graph, unsigned long long flags) {
    return cudaGraphInstantiateWithFlags(exec, graph, flags);
}
inline hipError_t hipGraphLaunch(hipGraphExec_t exec, hipStream_t stream) { return cudaGraphLaunch(exec, stream); }
inline hipError_t hipGraphDestroy(hipGraph_t graph) { return cudaGraphDestroy(graph); }
inline hipError_t hipGraphExecDestroy(hipGraphExec_t exec) { return cudaGraphExecDestroy(exec); }
#endif

#if defined(__HIP__) || defined(__CUDACC__)
/// Before a loop of few rounds over what must stay in registers.
#define IKEBANA_HIP_UNROLL _Pragma("unroll")

inline constexpr bool on_gpu = true;

/// Kernel<<<grid, block, dynamic_bytes, stream>>>(arguments...)
template <auto Kernel, class... A>
void launch_on(hipStream_t stream, dim3 grid, dim3 block, std::size_t dynamic_bytes, A... arguments) {
    Kernel<<<grid, block, dynamic_bytes, stream>>>(arguments...);
}

/// The value of the thread whose lane differs by `mask`, among 32 threads (half of an AMD wave of 64).
template <class T>
__device__ T shuffle_xor(T value, int mask) {
#if defined(__HIP__)
    return __shfl_xor(value, mask, 32);
#else
    return __shfl_xor_sync(0xffffffffu, value, mask, 32);
#endif
}

/// The memory that a launch's dynamic_bytes ask for.
template <class T>
__device__ T* dynamic_shared() {
    extern __shared__ __align__(16) unsigned char ikebana_dynamic_shared[];
    return reinterpret_cast<T*>(ikebana_dynamic_shared);
}

#if defined(__HIP__)
#if !defined(__HIP_DEVICE_COMPILE__) || defined(__gfx908__) || defined(__gfx90a__) || defined(__gfx940__) ||           \
    defined(__gfx941__) || defined(__gfx942__)
inline constexpr bool core_is_here = std::is_same_v<MatrixCore, Float32Core>;
#else
inline constexpr bool core_is_here = false;
#endif
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
inline constexpr bool core_is_here = false;
#else
inline constexpr bool core_is_here = std::is_same_v<MatrixCore, Tf32Core>;
#endif
static_assert(std::is_same_v<MatrixCore, NoCore> || core_is_here,
              "this GPU lacks the matrix core that IKEBANA_HIP_MATRIX_CORE names: see backends/hip/matrix_cores.hpp");

/// A number as the core takes it.
template <class Core>
__device__ float operand(float x) {
#if defined(__HIP__)
    return x;
#else
    unsigned bits;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
    return __uint_as_float(bits);
#endif
}

/// sums += left · right, by all threads of a warp.
template <class Core>
__device__ void multiply_add(float (&sums)[Core::sums], const float (&left)[Core::left],
                             const float (&right)[Core::right]) {
#if defined(__HIP__)
    using Four = float __attribute__((ext_vector_type(4)));
    Four four{sums[0], sums[1], sums[2], sums[3]};
    four = __builtin_amdgcn_mfma_f32_16x16x4f32(left[0], right[0], four, 0, 0, 0);
    for (int i = 0; i < 4; ++i) sums[i] = four[i];
#else
    const auto bits = [](float x) { return __float_as_uint(x); };
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
                 "{%0, %1, %2, %3};"
                 : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
                 : "r"(bits(left[0])), "r"(bits(left[1])), "r"(bits(left[2])), "r"(bits(left[3])), "r"(bits(right[0])),
                   "r"(bits(right[1])));
#endif
}
#endif

/// Whether there is a GPU to use; the CPU that host.hpp uses is none.
inline bool gpu_found() {
    int count = 0;
    return on_gpu && hipGetDeviceCount(&count) == hipSuccess && count > 0;
}

/// Throws error("hip: CALL: what the runtime says") where a call failed.
inline void check(hipError_t result, const char* call) {
    if (result != hipSuccess) throw error(std::string("hip: ") + call + ": " + hipGetErrorString(result));
}

/// A launch, checked for what is known at once: a block too large, no code for this GPU.
template <auto Kernel, class... A>
void launch(hipStream_t stream, dim3 grid, dim3 block, A... arguments) {
    launch_on<Kernel>(stream, grid, block, 0, arguments...);
    check(hipGetLastError(), "launch of a kernel");
}

} // namespace ikebana::hip
