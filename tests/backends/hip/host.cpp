// The host execution layer: what a kernel sees, barriers, shared memory, shuffles, atomics, in every order and on any
// number of CPU threads; and that each way to go wrong ends with its sentence.
#include "device.hpp"
#include "kernels.hpp"

#include <doctest/doctest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <numeric>

using namespace ikebana;
using namespace ikebana::hip;
using namespace ikebana::hip::test;

namespace {

/// Sets the layer's options for a test.
struct With {
    host::Options before = host::options;
    With(int workers, host::Order order, bool compare = false) { host::options = {workers, order, compare}; }
    ~With() { host::options = before; }
};

/// When streams do what they are asked for.
struct Late {
    explicit Late(bool late) { host::Stream::late = late; }
    ~Late() { host::Stream::late = false; }
};

template <class F>
void in_every_way(F f) {
    for (const int workers : {1, 2, 3})
        for (const host::Order order : {host::Order::forward, host::Order::reversed, host::Order::shuffled}) {
            const With with(workers, order);
            f();
        }
    const With with(2, host::Order::forward, true);
    f();
}

/// What f prints to stderr before it aborts, in a process of its own; "it ended" if it doesn't.
template <class F>
std::string last_words(F f) {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        for (const int s : {SIGABRT, SIGSEGV}) std::signal(s, SIG_DFL); // not doctest's report
        dup2(ends[1], 2);
        const With with(1, host::options.order, host::options.compare_orders);
        f();
        _exit(0);
    }
    close(ends[1]);
    std::string text;
    char buffer[512];
    for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<std::size_t>(n));
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT ? text : "it ended";
}

bool contains(const std::string& text, const char* part) {
    CAPTURE(text);
    CHECK(text.find(part) != std::string::npos);
    return true;
}

} // namespace

TEST_CASE("every thread of every block runs once and knows where it is") {
    in_every_way([] {
        const dim3 grid(3, 2, 2), block(5, 3, 3);
        DeviceArray<int> runs(grid.count() * block.count());
        launch<count_thread>(nullptr, grid, block, runs.data());
        CHECK(on_host(runs) == std::vector<int>(runs.size(), 1));
    });
}

TEST_CASE("threads see through barriers what others wrote to shared memory, static and dynamic") {
    for (const unsigned threads : {1u, 31u, 32u, 33u, 96u, 250u})
        in_every_way([&] {
            const unsigned blocks = 5;
            DeviceArray<int> out(std::size_t{blocks} * threads);
            launch<rotate>(nullptr, dim3(blocks), dim3(threads), out.data());
            std::vector<int> expected;
            for (unsigned b = 0; b < blocks; ++b)
                for (unsigned t = 0; t < threads; ++t)
                    expected.push_back(static_cast<int>(1000 * b + (t + 3) % threads));
            CHECK(on_host(out) == expected);
            out.clear();
            launch_on<rotate_dynamic>(nullptr, dim3(blocks), dim3(threads), threads * sizeof(int), out.data());
            CHECK(on_host(out) == expected);
        });
}

TEST_CASE("sums by shuffles and by atomics") {
    in_every_way([] {
        for (const unsigned threads : {32u, 64u, 256u}) {
            std::vector<int> x(1000);
            std::iota(x.begin(), x.end(), 7);
            const DeviceArray<int> from = on_device(x);
            DeviceArray<int> sums(3), sum(1);
            launch<sum_by_shuffles>(nullptr, dim3(3), dim3(threads), from.data(), 1000, sums.data());
            const int expected = std::accumulate(x.begin(), x.end(), 0);
            CHECK(on_host(sums) == std::vector<int>(3, expected));
            launch<sum_by_atomics>(nullptr, dim3(4), dim3(threads), from.data(), 1000, sum.data());
            CHECK(on_host(sum)[0] == expected);
        }
    });
}

TEST_CASE("a shuffle within a warp that is not full gives back one's own value where there is no other") {
    DeviceArray<int> out(20);
    launch<swap_neighbours>(nullptr, dim3(1), dim3(19), out.data());
    const auto values = on_host(out);
    for (int t = 0; t < 18; ++t) CHECK(values[static_cast<std::size_t>(t)] == (t ^ 1));
    CHECK(values[18] == 18);
}

TEST_CASE("barriers and shuffles that some threads don't reach end with a sentence") {
    DeviceArray<int> out(64);
    contains(last_words([&] { launch<diverges>(nullptr, dim3(1), dim3(64), out.data(), 40); }),
             "40 threads of a block wait at a barrier that the other 24 don't reach");
    contains(last_words([&] { launch<two_barriers>(nullptr, dim3(1), dim3(64), out.data()); }),
             "threads of a block wait at different barriers, in lines ");
    contains(last_words([&] { launch<half_a_shuffle>(nullptr, dim3(1), dim3(64), out.data()); }),
             "16 threads of a warp wait at a shuffle that the other 16 don't reach");
    CHECK(last_words([&] { launch<diverges>(nullptr, dim3(1), dim3(64), out.data(), 64); }) == "it ended");
}

TEST_CASE("a missing barrier and a race between blocks show when orders are compared, and only then") {
    DeviceArray<int> out(64);
    const auto rotate_all = [&] { launch<rotate_without_barrier>(nullptr, dim3(1), dim3(64), out.data()); };
    const auto race = [&] { launch<last_block_wins>(nullptr, dim3(4), dim3(1), out.data()); };
    CHECK(last_words(rotate_all) == "it ended");
    CHECK(last_words(race) == "it ended");
    const With with(1, host::Order::forward, true);
    contains(last_words(rotate_all), "rotate_without_barrier");
    contains(last_words(rotate_all), "gives other numbers when its threads run in reversed order");
    contains(last_words(race), "last_block_wins");
    CHECK(last_words([&] { launch<rotate>(nullptr, dim3(2), dim3(32), out.data()); }) == "it ended");
}

TEST_CASE("a captured stream does nothing; its graph does it with the arguments of then, each time it is launched") {
    for (const bool late : {false, true}) {
        const Late with(late);
        const DeviceStream stream;
        DeviceArray<int> runs(64), other(64);
        const auto graph = Graph::capture(stream.get(), [&] {
            launch<count_thread>(stream.get(), dim3(2), dim3(32), runs.data());
            launch<count_thread>(stream.get(), dim3(2), dim3(32), runs.data());
            check(hipMemsetAsync(other.data(), 0, other.bytes(), stream.get()), "hipMemsetAsync");
            CHECK_THROWS_WITH_AS(runs.clear(),
                                 "hip: hipMemset: operation would make the legacy stream depend on a capturing "
                                 "blocking stream",
                                 error);
            CHECK_THROWS_AS(DeviceArray<int>(1), error);
        });
        CHECK(on_host(runs) == std::vector<int>(64, 0));
        launch<count_thread>(nullptr, dim3(2), dim3(32), other.data());
        for (int i = 0; i < 3; ++i) graph.launch(stream.get());
        CHECK(on_host(runs) == std::vector<int>(64, 6));
        CHECK(on_host(other) == std::vector<int>(64, 0));
    }
}

TEST_CASE("a stream that does things late shows a wait that is missing, and no other") {
    const Late with(true);
    const DeviceStream copies, kernels;
    Event copied;
    const PinnedArray<int> unused; // of no size
    PinnedArray<int> numbers(64);
    DeviceArray<int> to(64);
    backend on;
    on.stream = copies.get();
    for (const bool waits : {false, true}) {
        to.clear();
        std::fill_n(numbers.data(), 64, 5);
        ask_to_device(on, to.data(), numbers.data(), 64);
        copied.record(copies.get());
        if (waits) copied.hold(kernels.get());
        launch<count_thread>(kernels.get(), dim3(2), dim3(32), to.data());
        Event counted;
        counted.record(kernels.get());
        counted.wait();
        if (!waits) std::fill_n(numbers.data(), 64, 7); // too early: the copy is still to come
        CHECK(on_host(to) == std::vector<int>(64, waits ? 6 : 7));
    }
}

TEST_CASE("timed events tell how long a stream took from one to the other") {
    for (const bool late : {false, true}) {
        const Late lateness(late);
        const DeviceStream stream;
        Event start(true), middle, end(true);
        const auto work = [&] { host::Stream::ask(stream.get(), [] { usleep(3000); }); };
        work();
        start.record(stream.get());
        work(), work();
        middle.record(stream.get());
        end.record(stream.get());
        work();
        const double seconds = end.seconds_since(start);
        CHECK(seconds >= 6e-3);
        CHECK_THROWS_WITH_AS(middle.seconds_since(start), doctest::Contains("hipEventElapsedTime"), error);
        CHECK_THROWS_AS(Event(true).seconds_since(start), error); // never recorded
    }
}

TEST_CASE("the host is no GPU, but a device") {
    CHECK(!gpu_found());
    require_device();
}

TEST_CASE("device memory: copies are checked, a lack of it names bytes") {
    DeviceArray<float> a(10);
    std::vector<float> b(20);
    CHECK_THROWS_WITH_AS(to_host(hip::backend{}, b.data(), a.data(), 11),
                         "hip: hipMemcpy from the GPU: invalid argument", error);
    CHECK_THROWS_AS(to_device(hip::backend{}, a.data() + 5, b.data(), 6), error);
    to_host(hip::backend{}, b.data(), a.data(), 10);
    CHECK(b == std::vector<float>(20, 0));
    const std::size_t limit = host::Memory::all().limit;
    host::Memory::all().limit = host::Memory::all().used() + 1000;
    CHECK_THROWS_WITH_AS(
        DeviceArray<float>(251),
        ("hip: out of GPU memory: 1004 bytes wanted, 1000 of " + std::to_string(host::Memory::all().limit) + " free")
            .c_str(),
        error);
    CHECK(DeviceArray<float>(250).size() == 250);
    host::Memory::all().limit = limit;
}
