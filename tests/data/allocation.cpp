// Nothing is allocated while passes run, on any thread. A program of its own, since it replaces operator new.
#include <atomic>
#include <cstdlib>
#include <doctest/doctest.h>
#include <ikebana/data/readers.hpp>
#include <new>
#include <xtensor/xbuilder.hpp>
#include <xtensor/xtensor.hpp>

namespace {

std::atomic<long> allocations{0};

void* counted(std::size_t size, std::size_t alignment = alignof(std::max_align_t)) {
    ++allocations;
    void* p = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
    if (p == nullptr) throw std::bad_alloc();
    return p;
}

// Not inlined: g++ 12 would warn that free() ends what new began.
[[gnu::noinline]] void release(void* p) { std::free(p); }

} // namespace

void* operator new(std::size_t size) { return counted(size); }
void* operator new[](std::size_t size) { return counted(size); }
void* operator new(std::size_t size, std::align_val_t a) { return counted(size, static_cast<std::size_t>(a)); }
void* operator new[](std::size_t size, std::align_val_t a) { return counted(size, static_cast<std::size_t>(a)); }
void operator delete(void* p) noexcept { release(p); }
void operator delete[](void* p) noexcept { release(p); }
void operator delete(void* p, std::size_t) noexcept { release(p); }
void operator delete[](void* p, std::size_t) noexcept { release(p); }
void operator delete(void* p, std::align_val_t) noexcept { release(p); }
void operator delete[](void* p, std::align_val_t) noexcept { release(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { release(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { release(p); }

using namespace ikebana;

namespace {

/// Allocations from after the first batch to the end of the first pass, and during all of the two after it.
template <BatchReader R>
std::pair<long, long> allocations_of(R batches) {
    Batch b;
    batches.start(0);
    REQUIRE(batches.next(b));
    const long before = allocations;
    while (batches.next(b)) {
    }
    const long first = allocations - before;
    for (unsigned pass = 1; pass < 3; ++pass) {
        batches.start(pass);
        while (batches.next(b)) {
        }
    }
    return {first, allocations - before - first};
}

} // namespace

TEST_CASE("the counter counts") {
    const long before = allocations;
    std::vector<float> v(10);
    CHECK(v.size() == 10);
    xt::xtensor<float, 1> x = xt::zeros<float>({1000});
    CHECK(x(0) == 0);
    CHECK(allocations >= before + 2);
}

TEST_CASE("no allocation from the first batch on, though the last is short") {
    const xt::xtensor<float, 4> images = xt::zeros<float>({1000, 1, 5, 5});
    const xt::xtensor<int, 1> labels = xt::zeros<int>({1000});
    auto reader = from_arrays<Shape<1, 5, 5>, 2>(images, labels);
    const auto same = [](const auto& s) { return s; };
    CHECK(allocations_of(batch(reader, 64)) == std::pair{0L, 0L});
    CHECK(allocations_of(batch(shuffle(map(reader, same), 300), 64)) == std::pair{0L, 0L});
    CHECK(allocations_of(prefetch(batch(shuffle(map(reader, same), 300), 64))) == std::pair{0L, 0L});
    CHECK(allocations_of(prefetch(batch(reader, 2000))) == std::pair{0L, 0L});
}
