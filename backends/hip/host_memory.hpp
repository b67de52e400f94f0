// Device memory on the CPU. Every allocation is known, exactly as long as asked
// for and full of NaN, so that a copy beyond one is refused as a GPU's driver does, a sanitizer sees a kernel's step
// beyond, and host.hpp can run a kernel again on the same memory. Next to read: host_stream.hpp.
#pragma once
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <new>
#include <vector>

namespace ikebana::hip {

enum hipError_t {
    hipSuccess = 0,
    hipErrorInvalidValue = 1,
    hipErrorOutOfMemory = 2,
    hipErrorStreamCaptureImplicit = 906
};
enum hipMemcpyKind { hipMemcpyHostToDevice = 1, hipMemcpyDeviceToHost = 2, hipMemcpyDeviceToDevice = 3 };

inline const char* hipGetErrorString(hipError_t e) {
    switch (e) {
    case hipSuccess:
        return "no error";
    case hipErrorInvalidValue:
        return "invalid argument";
    case hipErrorOutOfMemory:
        return "out of memory";
    case hipErrorStreamCaptureImplicit:
        return "operation would make the legacy stream depend on a capturing blocking stream";
    }
    return "unknown error";
}

namespace host {

class Memory {
  public:
    static Memory& all() {
        static Memory memory;
        return memory;
    }

    static constexpr std::size_t alignment = 256; // as a GPU's
    std::size_t limit = std::size_t{4} << 30;     // bytes of the device

    std::size_t used() {
        std::lock_guard lock(mutex_);
        return used_;
    }

    void* allocate(std::size_t bytes) {
        std::lock_guard lock(mutex_);
        if (bytes > limit - used_) return nullptr;
        void* p = ::operator new (bytes, std::align_val_t{alignment}, std::nothrow);
        if (!p) return nullptr;
        std::memset(p, 0xFF, bytes);
        blocks_[static_cast<std::byte*>(p)] = bytes;
        used_ += bytes;
        return p;
    }
    bool free(void* p) {
        std::lock_guard lock(mutex_);
        const auto at = blocks_.find(static_cast<std::byte*>(p));
        if (at == blocks_.end()) return false;
        used_ -= at->second;
        blocks_.erase(at);
        ::operator delete (p, std::align_val_t{alignment});
        return true;
    }
    /// Whether [p, p + n) lies in one allocation.
    bool holds(const void* p, std::size_t n) {
        std::lock_guard lock(mutex_);
        auto* at = static_cast<std::byte*>(const_cast<void*>(p));
        auto block = blocks_.upper_bound(at);
        if (block == blocks_.begin()) return false;
        --block;
        return static_cast<std::size_t>(at - block->first) + n <= block->second;
    }

    using Snapshot = std::vector<std::vector<std::byte>>;
    Snapshot save() {
        std::lock_guard lock(mutex_);
        Snapshot s;
        for (const auto& [p, n] : blocks_) s.emplace_back(p, p + n);
        return s;
    }
    void restore(const Snapshot& s) {
        std::lock_guard lock(mutex_);
        std::size_t i = 0;
        for (const auto& [p, n] : blocks_) std::memcpy(p, s[i++].data(), n);
    }

  private:
    std::mutex mutex_;
    std::map<std::byte*, std::size_t> blocks_;
    std::size_t used_ = 0;
};

} // namespace host

inline hipError_t hipGetDeviceCount(int* count) {
    *count = 1;
    return hipSuccess;
}
inline hipError_t hipMemGetInfo(std::size_t* free, std::size_t* total) {
    *total = host::Memory::all().limit;
    *free = *total - host::Memory::all().used();
    return hipSuccess;
}
inline hipError_t hipGetLastError() { return hipSuccess; }

} // namespace ikebana::hip
