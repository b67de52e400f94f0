// Memory of the GPU. Next to read: backend.hpp.
#pragma once
#include <backends/hip/runtime.hpp>

#include <cstddef>
#include <utility>

namespace ikebana::hip {

/// Throws one line that says so where there is no GPU, or no driver for it.
inline void require_device() {
    int count = 0;
    const hipError_t result = hipGetDeviceCount(&count);
    if (result != hipSuccess) throw error(std::string("hip: there is no GPU to use: ") + hipGetErrorString(result));
    if (count == 0) throw error("hip: there is no GPU to use: the driver lists none");
}

/// n numbers in GPU memory, zeroed; the host only copies them. A copy is deep.
template <class T>
class DeviceArray {
  public:
    DeviceArray() = default;
    explicit DeviceArray(std::size_t n) : size_(n) {
        if (n == 0) return;
        require_device();
        if (const hipError_t result = hipMalloc(reinterpret_cast<void**>(&data_), bytes()); result != hipSuccess) {
            std::size_t free = 0, total = 0;
            (void)hipGetLastError();
            check(result == hipErrorOutOfMemory ? hipMemGetInfo(&free, &total) : result, "hipMalloc");
            throw error("hip: out of GPU memory: " + std::to_string(bytes()) + " bytes wanted, " +
                        std::to_string(free) + " of " + std::to_string(total) + " free");
        }
        clear();
    }
    DeviceArray(const DeviceArray& other) : DeviceArray(other.size_) {
        if (size_ > 0) check(hipMemcpy(data_, other.data_, bytes(), hipMemcpyDeviceToDevice), "hipMemcpy");
    }
    DeviceArray(DeviceArray&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    DeviceArray& operator=(DeviceArray other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~DeviceArray() { (void)hipFree(data_); } // what fails here failed before, and was thrown

    T* data() { return data_; }
    const T* data() const { return data_; }
    std::size_t size() const { return size_; }
    std::size_t bytes() const { return size_ * sizeof(T); }

    void clear() {
        if (size_ > 0) check(hipMemset(data_, 0, bytes()), "hipMemset");
    }

  private:
    T* data_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace ikebana::hip
