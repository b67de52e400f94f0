// backends/cpu/parallel.hpp: every task runs once, whatever the numbers; nobody waits for a thread that is late; rounds
// follow each other at any pace. Run under ThreadSanitizer too.
#include <backends/cpu/parallel.hpp>
#include <doctest/doctest.h>
#include <tests/support/sanitized.hpp>

#include <chrono>
#include <cstring>
#include <numeric>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using ikebana::cpu::Workers;

TEST_CASE("threads: every task runs once") {
    for (const int count : {1, 2, 3, 5}) {
        Workers workers(count);
        CHECK(workers.count() == count);
        for (const int tasks : {0, 1, 2, 3, 7, 64}) {
            std::vector<int> runs(static_cast<std::size_t>(tasks)), worker(runs.size());
            workers.run(tasks, [&](int task, int w) {
                ++runs[static_cast<std::size_t>(task)];
                worker[static_cast<std::size_t>(task)] = w;
            });
            for (std::size_t t = 0; t < runs.size(); ++t) {
                CHECK(runs[t] == 1);
                CHECK((worker[t] >= 0 && worker[t] < count));
            }
        }
    }
}

TEST_CASE("threads: the tasks of one that is late are taken by others") {
    Workers workers(2);
    std::atomic<int> rest{0}; // of tasks 3, 5 and 7, which belong to the same thread as task 1
    workers.run(8, [&](int task, int) {
        const auto start = std::chrono::steady_clock::now();
        while (task == 1 && rest != 3 && std::chrono::steady_clock::now() - start < std::chrono::seconds(20))
            std::this_thread::yield();
        if (task == 1) CHECK(rest == 3);
        rest += task == 3 || task == 5 || task == 7;
    });
    CHECK(rest == 3);
}

TEST_CASE("threads: thousands of rounds, and rounds after a rest") {
    Workers workers(3);
    std::vector<long> sums(6);
    const auto round = [&] {
        workers.run(6, [&](int task, int) { sums[static_cast<std::size_t>(task)] += task + 1; });
    };
    for (int i = 0; i < 3000; ++i) round();
    for (int i = 0; i < 5; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10)); // longer than they spin: they sleep
        round();
    }
    CHECK(std::accumulate(sums.begin(), sums.end(), 0L) == 3005 * 21);
}

TEST_CASE("threads: none is asked for") {
    Workers workers(0);
    CHECK(workers.count() == 1);
    int runs = 0;
    workers.run(4, [&](int, int worker) { runs += worker == 0; });
    CHECK(runs == 4);
}

#ifndef SANITIZED // which needs more addresses
TEST_CASE("threads: more than the system gives are an error that says how many there were") {
    const pid_t child = fork();
    if (child == 0) {
        const rlimit limit{1u << 30, 1u << 30}; // bytes of addresses: a hundred stacks
        if (setrlimit(RLIMIT_AS, &limit) != 0) _exit(4);
        try {
            Workers workers(20'000);
        } catch (const ikebana::error& e) {
            _exit(std::strstr(e.what(), " of 20000 threads could be started: ") ? 0 : 2);
        } catch (...) {
            _exit(3);
        }
        _exit(1);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}
#endif
