// Readers compose, and a pass gives every sample exactly once.
#include <atomic>
#include <chrono>
#include <doctest/doctest.h>
#include <ikebana/data/readers.hpp>
#include <numeric>
#include <thread>
#include <vector>
#include <xtensor/xbuilder.hpp>
#include <xtensor/xview.hpp>

using namespace ikebana;

namespace {

/// `count` images 1x2x2 whose pixels all hold the sample's number; optionally slow, optionally failing at one sample.
struct Counting {
    using shape = Shape<1, 2, 2>;
    static constexpr int classes = 10;
    struct sample {
        struct constant {
            float value = 0;
            float operator[](std::size_t) const { return value; }
        } image;
        int label = 0;
    };

    int count = 0;
    int fails_at = -1;
    std::chrono::milliseconds pause{0};
    int at = 0;

    void start(unsigned) { at = 0; }
    bool next(sample& s) {
        if (at == count) return false;
        if (at == fails_at) throw error("sample " + std::to_string(at) + " cannot be read");
        std::this_thread::sleep_for(pause);
        s = {{static_cast<float>(at)}, at % 10};
        ++at;
        return true;
    }
};
/// A sample whose labels are wider than int.
struct WideLabel {
    Counting::sample::constant image;
    std::int64_t label = 0;
};
struct Sized : Counting {
    std::size_t size() const { return static_cast<std::size_t>(count); }
};
static_assert(SampleReader<Counting> && !SizedReader<Counting> && SizedReader<Sized> && !BatchReader<Counting>);
static_assert(BatchReader<Batches<Counting>> && BatchReader<Prefetched<Batches<Sized>>>);
static_assert(SizedReader<Prefetched<Batches<Shuffled<Sized>>>> && !SizedReader<Batches<Counting>>);

template <SampleReader R>
std::vector<int> one_pass(R& reader, unsigned pass) {
    std::vector<int> order;
    typename R::sample s;
    reader.start(pass);
    while (reader.next(s)) order.push_back(static_cast<int>(s.image[0]));
    return order;
}

std::vector<int> numbers(int n) {
    std::vector<int> all(static_cast<std::size_t>(n));
    std::iota(all.begin(), all.end(), 0);
    return all;
}

} // namespace

TEST_CASE("shuffle gives each sample once, another order each pass, the same order for the same seed and pass") {
    auto reader = shuffle(Sized{{.count = 1050}}, 500, Seed{7});
    CHECK(reader.size() == 1050);
    const auto first = one_pass(reader, 0), second = one_pass(reader, 1);
    CHECK(first != second);
    CHECK(first != numbers(1050));
    CHECK(one_pass(reader, 0) == first);
    auto same = shuffle(Counting{.count = 1050}, 500, Seed{7}), other = shuffle(Counting{.count = 1050}, 500, Seed{8});
    CHECK(one_pass(same, 1) == second);
    CHECK(one_pass(other, 1) != second);
    for (auto order : {first, second}) {
        for (std::size_t i = 0; i < order.size(); ++i) CHECK(static_cast<std::size_t>(order[i]) / 500 == i / 500);
        std::sort(order.begin(), order.end());
        CHECK(order == numbers(1050));
    }
    CHECK_THROWS_WITH_AS(shuffle(Counting{.count = 1}, 0), "shuffle: a buffer of 0 samples: expected 1 … 4294967295",
                         error);
}

TEST_CASE("a shuffled window has every order") {
    auto reader = shuffle(Counting{.count = 3}, 3);
    std::vector<int> seen(27);
    for (unsigned pass = 0; pass < 600; ++pass) {
        const auto order = one_pass(reader, pass);
        ++seen[static_cast<std::size_t>(order[0] * 9 + order[1] * 3 + order[2])];
    }
    int orders = 0;
    for (int n : seen) {
        orders += n > 0;
        CHECK((n == 0 || (n > 60 && n < 140)));
    }
    CHECK(orders == 6);
}

TEST_CASE("stored samples: where they lie, and the order in which next() gives them") {
    constexpr std::size_t n = 101;
    xt::xtensor<std::uint8_t, 4> images = xt::zeros<std::uint8_t>({n, std::size_t{1}, std::size_t{2}, std::size_t{2}});
    xt::xtensor<int, 1> labels = xt::zeros<int>({n});
    for (std::size_t i = 0; i < n; ++i) {
        labels(i) = static_cast<int>(i);
        for (std::size_t k = 0; k < 4; ++k) images.data()[4 * i + k] = static_cast<std::uint8_t>(2 * i + k);
    }
    const auto reader = from_arrays<Shape<1, 2, 2>, 101>(images, labels);
    for (const std::size_t window : {1u, 7u, 50u, 101u, 200u}) {
        auto batches = prefetch(batch(shuffle(reader, window, Seed{3}), 30));
        const auto stored = batches.stored();
        REQUIRE(stored.images.size() == 4 * n);
        CHECK(stored.labels == numbers(n));
        std::vector<std::uint32_t> order;
        Batch b;
        for (unsigned pass = 0; pass < 3; ++pass) {
            CAPTURE(window);
            CAPTURE(pass);
            batches.order(pass, order);
            std::size_t at = 0;
            bool right = order.size() == n;
            for (batches.start(pass); right && batches.next(b);)
                for (std::size_t i = 0; i < b.size(); ++i, ++at) {
                    right = right && b.labels(i) == static_cast<int>(order[at]);
                    for (std::size_t k = 0; k < 4; ++k)
                        right = right && b.images.data()[4 * i + k] == float(stored.images[4 * order[at] + k]);
                }
            CHECK(right);
            CHECK(at == n);
        }
    }
    static_assert(!StoredReader<Counting> && !StoredReader<Batches<Shuffled<Sized>>>);
    static_assert(!StoredReader<decltype(map(reader, [](const auto& s) { return s; }))>);
}

TEST_CASE("map changes samples, and their shape where the new sample names one") {
    auto shifted = map(Sized{{.count = 4}}, [](auto s) {
        s.image.value += 10;
        return s;
    });
    static_assert(decltype(shifted)::shape{} == Shape<1, 2, 2>{});
    CHECK(shifted.size() == 4);
    CHECK(one_pass(shifted, 0) == std::vector{10, 11, 12, 13});

    struct Pair {
        using shape = Shape<2, 1, 1>;
        std::array<float, 2> image{};
        int label = 0;
    };
    auto pairs = map(shifted, [](const auto& s) { return Pair{{s.image[0], -1.0f}, s.label}; });
    static_assert(decltype(pairs)::shape{} == Shape<2, 1, 1>{} && decltype(pairs)::classes == 10);
    Batch b;
    auto batches = batch(pairs, 3);
    batches.start(0);
    REQUIRE(batches.next(b));
    CHECK(b.images.shape() == std::array<std::size_t, 4>{3, 2, 1, 1});
    CHECK(b.images(2, 0, 0, 0) == 12);
    CHECK(b.images(2, 1, 0, 0) == -1);
}

TEST_CASE("the last batch is short and none is dropped") {
    for (const auto& [count, size] : {std::pair{937 * 64 + 32, 64}, {64, 64}, {5, 64}, {7, 1}, {0, 3}}) {
        auto batches = prefetch(batch(shuffle(Sized{{.count = count}}, 500), static_cast<std::size_t>(size)));
        const int full = count / size, left = count % size;
        CHECK(batches.size() == static_cast<std::size_t>(full + (left > 0)));
        Batch b;
        for (unsigned pass = 0; pass < 2; ++pass) {
            std::vector<int> seen;
            int given = 0;
            batches.start(pass);
            while (batches.next(b)) {
                const int n = static_cast<int>(b.size());
                REQUIRE(n == (given < full ? size : left));
                REQUIRE(b.images.shape() == std::array<std::size_t, 4>{b.size(), 1, 2, 2});
                ++given;
                for (std::size_t i = 0; i < b.size(); ++i) {
                    seen.push_back(static_cast<int>(b.images(i, 0, 1, 1)));
                    REQUIRE(b.labels(i) == seen.back() % 10);
                }
            }
            CHECK_FALSE(batches.next(b));
            std::sort(seen.begin(), seen.end());
            CHECK(seen == numbers(count));
        }
    }
    CHECK_THROWS_WITH_AS(batch(Counting{.count = 1}, 0), "batch: a batch of 0 samples: expected at least 1", error);
}

TEST_CASE(
    "prefetch gives the same batches where its caller takes over, prepared by its threads, in part or not at all") {
    const std::size_t n = 101;
    xt::xtensor<float, 4> images(std::array<std::size_t, 4>{n, 1, 2, 2});
    xt::xtensor<int, 1> labels(std::array<std::size_t, 1>{n});
    for (std::size_t i = 0; i < n; ++i) {
        labels(i) = static_cast<int>(i);
        for (std::size_t k = 0; k < 4; ++k) images.data()[4 * i + k] = static_cast<float>(4 * i + k);
    }
    auto plain = batch(shuffle(from_arrays<Shape<1, 2, 2>, 101>(images, labels), 50, Seed{3}), 30);
    auto taken = prefetch(plain);
    taken.take_over();
    Batch a, b;
    for (unsigned pass = 0; pass < 4; ++pass) {
        plain.start(pass), taken.start(pass);
        int count = 0;
        for (; plain.next(a); ++count) {
            REQUIRE(taken.next(b));
            REQUIRE(a.images == b.images);
            REQUIRE(a.labels == b.labels);
            if (pass == 3 && count == 1) break; // and again from the start, with a batch prepared
            const auto prepare = [&](int first) {
                for (int part = first; part < taken.parts(); part += 2) taken.prepare(part);
            };
            const auto turn = (pass + static_cast<unsigned>(count)) % 3; // all parts, none, or the first one
            if (turn == 0) {
                std::thread odd(prepare, 1);
                prepare(0);
                odd.join();
            } else if (turn == 2 && taken.parts() > 0) {
                taken.prepare(0);
            }
        }
        if (pass < 3) CHECK_FALSE(taken.next(b));
    }
    for (int part = 0; part < taken.parts(); ++part) taken.prepare(part);
    plain.start(5), taken.start(5);
    REQUIRE((plain.next(a) && taken.next(b)));
    CHECK(a.labels == b.labels);

    struct InMemory : Counting {
        Stored<float> stored() const { return {}; }
        void order(unsigned, std::vector<std::uint32_t>&) const {}
    };
    auto bad = prefetch(batch(InMemory{{.count = 30, .fails_at = 15}}, 10));
    bad.take_over();
    CHECK(bad.next(b));
    CHECK(bad.parts() == 0);
    CHECK_THROWS_AS(bad.next(b), error);
    CHECK_FALSE(bad.next(b));
}

TEST_CASE("a batch is never larger than a pass, however much is asked for") {
    CHECK(batch(Sized{{.count = 5}}, std::size_t{1} << 50).batch_size() == 5);
    CHECK(batch(Sized{{.count = 5}}, 2).batch_size() == 2);
}

TEST_CASE("a label that is no class stops at the batch") {
    for (int wrong : {-1, 10}) {
        auto reader = map(Counting{.count = 3}, [wrong](auto s) {
            if (s.label == 2) s.label = wrong;
            return s;
        });
        Batch b;
        CHECK_THROWS_WITH_AS(batch(reader, 3).next(b),
                             ("batch: label " + std::to_string(wrong) + " of sample 2: expected 0 … 9").c_str(), error);
    }
}

TEST_CASE("a label is checked in its own type") {
    auto reader = map(Counting{.count = 3}, [](const auto& s) {
        return WideLabel{s.image, s.label + (std::int64_t{s.label == 2} << 32)};
    });
    Batch b;
    CHECK_THROWS_WITH_AS(batch(reader, 3).next(b), "batch: label 4294967298 of sample 2: expected 0 … 9", error);
}

TEST_CASE("prefetch overlaps a slow reader with slow use") {
    using namespace std::chrono;
    const auto seconds_for = [](auto batches) {
        Batch b;
        const auto begin = steady_clock::now();
        batches.start(0);
        while (batches.next(b)) std::this_thread::sleep_for(milliseconds(20));
        return duration<double>(steady_clock::now() - begin).count();
    };
    const Counting slow{.count = 15, .pause = milliseconds(20)};
    CHECK(seconds_for(batch(slow, 1)) >= 0.6);
    double overlapped = 1;
    for (int round = 0; round < 3; ++round) overlapped = std::min(overlapped, seconds_for(prefetch(batch(slow, 1))));
    CHECK(overlapped < 0.5); // 0.32 on an idle machine
}

TEST_CASE("an exception of the inner reader comes out of next(), and a new pass begins anew") {
    auto batches = prefetch(batch(Counting{.count = 30, .fails_at = 25}, 10));
    Batch b;
    for (unsigned pass = 0; pass < 2; ++pass) {
        batches.start(pass);
        CHECK(batches.next(b));
        CHECK(batches.next(b));
        CHECK_THROWS_WITH_AS(batches.next(b), "sample 25 cannot be read", error);
        CHECK_FALSE(batches.next(b));
    }
}

TEST_CASE("prefetch starts again in the middle of a pass, can be moved and can be dropped unused") {
    auto batches = prefetch(batch(Counting{.count = 100}, 10));
    Batch b;
    CHECK(batches.next(b)); // a new reader stands at pass 0
    for (unsigned pass = 0; pass < 50; ++pass) {
        batches.start(pass);
        for (unsigned i = 0; i < pass % 4; ++i) REQUIRE(batches.next(b));
        if (pass % 4 > 0) CHECK(b.images(0, 0, 0, 0) == (pass % 4 - 1) * 10);
    }
    auto moved = std::move(batches);
    moved.start(0);
    int count = 0;
    while (moved.next(b)) count += static_cast<int>(b.size());
    CHECK(count == 100);
    const auto unused = prefetch(batch(Counting{.count = 100}, 10));
    CHECK(unused.batch_size() == 10);
}
