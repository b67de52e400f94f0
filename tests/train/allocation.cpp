// Nothing is allocated between the first step and the end of a pass, on any thread, and the workspace is as large as
// the type says. A program of its own, since it replaces malloc: new and aligned new come to it through the library's
// own. Under a sanitizer, which replaces malloc itself, its hooks count instead.
#include <backends/cpu/cpu.hpp>
#include <backends/reference/reference.hpp>
#include <doctest/doctest.h>
#include <ikebana/ikebana.hpp>
#include <models/lenet5.hpp>
#include <tests/support/samples.hpp>
#include <tests/support/sanitized.hpp>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <thread>

namespace {

std::atomic<long> allocations{0};
std::atomic<std::size_t> allocated_bytes{0};

void count(std::size_t bytes) {
    ++allocations;
    allocated_bytes += bytes;
}

} // namespace

#ifdef SANITIZED
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*)(const volatile void*, std::size_t),
                                                         void (*)(const volatile void*));
static const int hooked = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void*, std::size_t bytes) { count(bytes); }, [](const volatile void*) {});
#else
// glibc's own names for what the functions below stand in front of.
extern "C" {
void* __libc_malloc(std::size_t) noexcept;
void* __libc_calloc(std::size_t, std::size_t) noexcept;
void* __libc_realloc(void*, std::size_t) noexcept;
void* __libc_memalign(std::size_t, std::size_t) noexcept;

void* malloc(std::size_t bytes) noexcept {
    count(bytes);
    return __libc_malloc(bytes);
}
void* calloc(std::size_t n, std::size_t bytes) noexcept {
    count(n * bytes);
    return __libc_calloc(n, bytes);
}
void* realloc(void* p, std::size_t bytes) noexcept {
    count(bytes);
    return __libc_realloc(p, bytes);
}
void* memalign(std::size_t alignment, std::size_t bytes) noexcept {
    count(bytes);
    return __libc_memalign(alignment, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept { return memalign(alignment, bytes); }
int posix_memalign(void** p, std::size_t alignment, std::size_t bytes) noexcept {
    *p = memalign(alignment, bytes);
    return *p ? 0 : 12;
}
}
static const int hooked = 1;
#endif

using namespace ikebana;
using namespace ikebana::test;

namespace {

using LeNet5 = Network<Input<1, 28, 28>, models::LeNet5, cpu::backend>;

auto reader(const Samples<float, Shape<1, 28, 28>>& samples, std::size_t size) {
    return batch(shuffle(from_arrays<Shape<1, 28, 28>, 10>(samples.images, samples.labels), 50), size);
}

/// Allocations after the first step of a training up to its end, but for the tests between passes.
template <class Net, class Optimizer>
long allocations_of(Optimizer optimizer, int threads) {
    const auto train = random_samples<float, Shape<1, 28, 28>>(150, 10, 1);
    const auto test = random_samples<float, Shape<1, 28, 28>>(40, 10, 2);
    Net net;
    Trainer trainer(net, CrossEntropy{}, optimizer, Threads{threads});
    long before = 0, during = 0;
    trainer.fit(
        reader(train, 64), reader(test, 64), Passes{3},
        [&](const StepEnd& e) {
            if (e.pass > 0 || e.step > 0) during += allocations - before;
            before = allocations;
        },
        [&](const PassEnd&) { before = allocations; });
    return during;
}

} // namespace

TEST_CASE("the counter counts malloc, new and aligned new, on every thread") {
    REQUIRE(hooked != 0);
    const auto counted = [](auto f) {
        const long before = allocations;
        f();
        return allocations - before;
    };
    CHECK(counted([] {}) == 0);
    CHECK(counted([] {
              void* volatile p = std::malloc(10);
              std::free(p);
          }) == 1);
    CHECK(counted([] {
              int* volatile p = new int(3);
              delete p;
          }) == 1);
    CHECK(counted([] { Arena<float> arena(100); }) == 1); // aligned
    long inside = 0;
    std::thread([&] {
        inside = counted([] {
            int* volatile p = new int[1000];
            delete[] p;
        });
    }).join();
    CHECK(inside == 1);
}

TEST_CASE("no allocation after the first step, short last batches included, but for tests") {
    CHECK(allocations_of<LeNet5>(Adam{}, 1) == 0);
    CHECK(allocations_of<LeNet5>(Adam{}, 3) == 0);
    CHECK(allocations_of<LeNet5>(Sgd{}, 2) == 0);
    using Dropped = Sequential<Dense<20>, Relu, Dropout<50>, Dense<10>, Softmax>;
    CHECK(allocations_of<Network<Input<1, 28, 28>, Dropped, cpu::backend>>(Adam{}, 2) == 0);
    CHECK(allocations_of<Network<Input<1, 28, 28>, Dropped, reference::backend, double>>(Adam{}, 2) == 0);
}

TEST_CASE("predictions with a workspace allocate nothing after the first of their size") {
    LeNet5 net;
    const auto model = net.inference();
    const auto samples = random_samples<float, Shape<1, 28, 28>>(50, 10, 3);
    auto workspace = model.workspace();
    model.predict(samples.images, workspace);
    const long before = allocations;
    for (int i = 0; i < 3; ++i) model.predict(samples.images, workspace);
    CHECK(allocations == before);
}

TEST_CASE("the workspace takes the bytes that the type says") {
    using Used = Trainer<LeNet5, CrossEntropy, Adam>;
    LeNet5 net;
    const auto samples = random_samples<float, Shape<1, 28, 28>>(70, 10, 4);
    for (const int threads : {1, 2}) {
        const std::size_t before = allocated_bytes;
        Used trainer(net, CrossEntropy{}, Adam{}, Threads{threads});
        const std::size_t constructed = allocated_bytes - before;
        trainer.step(samples);
        const std::size_t all = allocated_bytes - before;
        const std::size_t arrays = (Used::slots + Adam::arrays) * LeNet5::parameter_offset.back() * sizeof(float);
        const std::size_t workspace = Used::workspace_bytes(70, threads);
        CAPTURE(threads);
        CAPTURE(constructed);
        CAPTURE(all);
        CHECK(all >= arrays + workspace);
        CHECK(all <= arrays + workspace + 2048); // threads, labels and the list of tiles
    }
}
