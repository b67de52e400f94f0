// Losses by hand and at their extremes, on both backends; the samples of a last tile that is not full.
#include <backends/cpu/cpu.hpp>
#include <backends/reference/reference.hpp>
#include <doctest/doctest.h>
#include <ikebana/ikebana.hpp>

#include <array>
#include <vector>

using namespace ikebana;

namespace {

/// Cost and gradient of each sample by a loss, through tiles of the backend; scores (N, K) and labels (N).
template <class Loss, int K, class Backend, class T>
struct Evaluated {
    static constexpr int L = Backend::template lanes<T>;
    std::vector<T> costs, gradients;

    Evaluated(const std::vector<std::array<T, K>>& scores, const std::vector<int>& labels, T scale) {
        for (std::size_t first = 0; first < scores.size(); first += L) {
            const int count = static_cast<int>(std::min<std::size_t>(L, scores.size() - first));
            Arena<T> z(K * L), dz(K * L), label(L), mask(L), cost(L), only_cost(L), scratch(4 * L);
            const Tile<T, Shape<K>, L> tile{z.data()}, gradient{dz.data()};
            load_tile(Backend{}, tile, scores[first].data(), count, K);
            for (int lane = 0; lane < L; ++lane) {
                label.data()[lane] = lane < count ? static_cast<T>(labels[first + static_cast<std::size_t>(lane)]) : -1;
                mask.data()[lane] = lane < count;
            }
            const auto evaluate = [&](T* to, auto d) {
                Loss::evaluate(Backend{}, to, d, tile, static_cast<const T*>(label.data()),
                               static_cast<const T*>(mask.data()), scale, scratch.data());
            };
            evaluate(only_cost.data(), Nothing{});
            evaluate(cost.data(), gradient);
            for (int lane = 0; lane < L; ++lane) {
                for (int k = 0; lane >= count && k < K; ++k) CHECK(gradient.row(k)[lane] == 0);
                if (lane >= count) continue;
                CHECK(only_cost.data()[lane] == doctest::Approx(cost.data()[lane]));
                costs.push_back(cost.data()[lane]);
                for (int k = 0; k < K; ++k) gradients.push_back(gradient.row(k)[lane]);
            }
        }
    }
};

struct OnReference {
    using backend = reference::backend;
    using scalar = double;
};
struct OnCpu {
    using backend = cpu::backend;
    using scalar = float;
};

} // namespace

TEST_CASE_TEMPLATE("cross-entropy by hand: equal scores cost log K, and the gradient is p − onehot", Used, OnReference,
                   OnCpu) {
    using T = typename Used::scalar;
    const Evaluated<CrossEntropy, 4, typename Used::backend, T> e({{2, 2, 2, 2}, {0, std::log(T(3)), 0, 0}}, {1, 1},
                                                                  T(0.5));
    CHECK(e.costs[0] == doctest::Approx(std::log(4.0)));
    CHECK(e.costs[1] == doctest::Approx(std::log(2.0))); // p = 3/6
    const double expected[] = {0.125, -0.375, 0.125, 0.125, 1.0 / 12, -0.25, 1.0 / 12, 1.0 / 12};
    for (std::size_t i = 0; i < 8; ++i) CHECK(e.gradients[i] == doctest::Approx(expected[i]));
}

TEST_CASE_TEMPLATE("cross-entropy neither overflows nor underflows", Used, OnReference, OnCpu) {
    using T = typename Used::scalar;
    const Evaluated<CrossEntropy, 3, typename Used::backend, T> e(
        {{1000, 0, -1000}, {1000, 0, -1000}, {-1e30f, 1e30f, 0}, {-5000, -5000, -5000}}, {0, 2, 1, 2}, 1);
    CHECK(e.costs[0] == 0);
    CHECK(e.costs[1] == 2000);
    CHECK(e.costs[2] == 0);
    CHECK(e.costs[3] == doctest::Approx(std::log(3.0)).epsilon(1e-3)); // 5000 − 5000 + log 3, in float
    const double expected[] = {0, 0, 0, 1, 0, -1, 0, 0, 0};
    for (std::size_t i = 0; i < 9; ++i) CHECK(e.gradients[i] == doctest::Approx(expected[i]));
}

TEST_CASE_TEMPLATE("squared error by hand", Used, OnReference, OnCpu) {
    using T = typename Used::scalar;
    const Evaluated<MeanSquaredError, 2, typename Used::backend, T> e({{1, 0.5}, {-1, 3}}, {0, 0}, T(0.5));
    CHECK(e.costs[0] == doctest::Approx(0.125)); // (0² + 0.5²) / 2
    CHECK(e.costs[1] == doctest::Approx(6.5));
    const double expected[] = {0, 0.25, -1, 1.5}; // 2 (y − onehot) / 2 · 0.5
    for (std::size_t i = 0; i < 4; ++i) CHECK(e.gradients[i] == doctest::Approx(expected[i]));
}

TEST_CASE("the lanes that a last tile leaves empty take no part") {
    std::vector<std::array<float, 5>> scores(21);
    std::vector<int> labels;
    Random random(Seed{3}, Stream::test);
    for (auto& row : scores) {
        for (float& v : row) v = static_cast<float>(random.normal());
        labels.push_back(static_cast<int>(random.below(5)));
    }
    const Evaluated<CrossEntropy, 5, cpu::backend, float> all(scores, labels, 1);
    for (std::size_t i = 0; i < scores.size(); ++i) {
        const Evaluated<CrossEntropy, 5, cpu::backend, float> one({scores[i]}, {labels[i]}, 1);
        CHECK(one.costs[0] == all.costs[i]);
        for (std::size_t k = 0; k < 5; ++k) CHECK(one.gradients[k] == all.gradients[i * 5 + k]);
    }
}
