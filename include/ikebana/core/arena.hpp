// Arena: one block of numbers, aligned to a cache line and zeroed, with the meaning of a value (copies are deep).
// LargePages: the allocator of its memory, for a std::vector, too. Large blocks ask for huge pages: kernels walk over
// channels that lie far apart, and a shuffled data set is read image by image, a page each.
#pragma once
#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <span>
#include <utility>
#if __has_include(<sys/mman.h>)
#include <sys/mman.h>
#endif

namespace ikebana {

template <class T>
struct LargePages {
    using value_type = T;
    static constexpr std::align_val_t alignment{64};

    LargePages() = default;
    template <class U>
    LargePages(const LargePages<U>&) {}
    bool operator==(const LargePages&) const { return true; }

    // Not inlined: g++ 12 warns of a copy beyond the end where it sees the size of an empty arena.
    [[gnu::noinline]] static T* allocate(std::size_t n) {
        void* const block = ::operator new(n * sizeof(T), alignment);
        ask_for_huge_pages(block, n * sizeof(T));
        return static_cast<T*>(block);
    }
    static void deallocate(T* p, std::size_t = 0) { ::operator delete(p, alignment); }

  private:
    /// For the whole ones inside a block that nothing has touched yet. A wish: it may be refused.
    static void ask_for_huge_pages(void* block, std::size_t bytes) {
#ifdef MADV_HUGEPAGE
        constexpr std::size_t page = 2 << 20; // bytes, on x86
        std::size_t space = bytes;
        if (std::align(page, page, block, space) != nullptr) madvise(block, space / page * page, MADV_HUGEPAGE);
#endif
    }
};

template <class T>
class Arena {
  public:
    Arena() = default;
    explicit Arena(std::size_t size) : data_(LargePages<T>::allocate(size)), size_(size) {
        std::fill_n(data_.get(), size, T{});
    }
    Arena(const Arena& other) : Arena(other.size_) { std::copy_n(other.data(), size_, data()); }
    Arena(Arena&& other) noexcept : data_(std::move(other.data_)), size_(std::exchange(other.size_, 0)) {}
    Arena& operator=(Arena other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }

    T* data() { return data_.get(); }
    const T* data() const { return data_.get(); }
    std::size_t size() const { return size_; }
    std::span<T> span() { return {data(), size_}; }
    std::span<const T> span() const { return {data(), size_}; }

  private:
    struct Free {
        void operator()(T* p) const { LargePages<T>::deallocate(p); }
    };

    std::unique_ptr<T, Free> data_;
    std::size_t size_ = 0;
};

} // namespace ikebana
