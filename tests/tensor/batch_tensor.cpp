// BatchTensor: elements row by row, made of xtensor's tensors and expressions, and seen as one of them.
#include <doctest/doctest.h>
#include <ikebana/network/prediction.hpp>
#include <ikebana/tensor/xtensor.hpp>
#include <xtensor/xarray.hpp>
#include <xtensor/xbuilder.hpp>
#include <xtensor/xstrided_view.hpp>
#include <xtensor/xview.hpp>

using namespace ikebana;

namespace {

xt::xtensor<double, 3> numbered() { return xt::arange<double>(2 * 3 * 4).reshape({2, 3, 4}); }

} // namespace

TEST_CASE("elements lie row by row, and keep their place when there are fewer or more") {
    BatchTensor<int, 2> x({2, 3});
    CHECK(x.size() == 6);
    CHECK(x.shape() == std::array<std::size_t, 2>{2, 3});
    CHECK(x.strides() == std::array<std::ptrdiff_t, 2>{3, 1});
    CHECK(std::count(x.begin(), x.end(), 0) == 6);
    x(1, 0) = 7, x(1, 2) = 9;
    CHECK(x.data()[3] == 7);
    CHECK(x.data()[5] == 9);
    const int* const at = x.data();
    x.resize({1, 3});
    CHECK(x.size() == 3);
    x.resize({2, 3});
    CHECK(x.data() == at);
    CHECK(x == BatchTensor<int, 2>({2, 3}));
    CHECK_FALSE(x == BatchTensor<int, 2>({3, 2}));
}

TEST_CASE("containers, views and expressions of xtensor become one, their values converted") {
    const auto a = numbered();
    const BatchTensor<float, 3> x = a;
    CHECK(x.shape() == std::array<std::size_t, 3>{2, 3, 4});
    CHECK(x(1, 2, 3) == 23);
    CHECK(x(1, 0, 2) == 14);
    const BatchTensor<float, 3> twice = 2 * a, columns = xt::xtensor<double, 3, xt::layout_type::column_major>(a),
                                dynamic = xt::xarray<int>(a);
    CHECK(twice(1, 2, 3) == 46);
    CHECK(columns == x);
    CHECK(dynamic == x);
    const BatchTensor<float, 3> part = xt::view(a, xt::all(), xt::range(1, 3));
    CHECK(part.shape() == std::array<std::size_t, 3>{2, 2, 4});
    CHECK(part(0, 0, 0) == 4);
    CHECK(part(1, 1, 3) == 23);
    CHECK_THROWS_WITH_AS((BatchTensor<float, 2>(a)), "BatchTensor: shape 2x3x4 given, expected 2 axes", error);
}

TEST_CASE("rows of the right type are read where they lie, a view's within what it views") {
    const xt::xtensor<float, 3> a = numbered();
    CHECK(rows_in_place<float>(a) == a.data());
    CHECK(rows_in_place<float>(xt::view(a, 1)) == a.data() + 12);
    CHECK(rows_in_place<float>(xt::view(a, xt::range(1, 2))) == a.data() + 12);
    CHECK(rows_in_place<float>(xt::view(a, 1, xt::range(1, 3))) == a.data() + 16);
    CHECK(rows_in_place<float>(xt::strided_view(a, {1, xt::range(1, 3)})) == a.data() + 16);
    const xt::xarray<float> dynamic = a;
    CHECK(rows_in_place<float>(xt::view(dynamic, 1)) == dynamic.data() + 12);
    CHECK(rows_in_place<float>(xt::view(a, xt::all(), xt::range(1, 3))) == nullptr); // with gaps
    CHECK(rows_in_place<float>(xt::xtensor<float, 3, xt::layout_type::column_major>(a)) == nullptr);
    CHECK(rows_in_place<double>(a) == nullptr);
    std::vector<float> staged;
    const auto gaps = xt::view(a, xt::all(), xt::range(1, 3));
    const float* const rows = rows_of<float>(gaps, gaps.size(), staged);
    CHECK(std::equal(rows, rows + gaps.size(), gaps.begin()));
}

TEST_CASE("as_xtensor of a parameter, of numbers and of predictions") {
    std::array<float, 6> numbers{1, 2, 3, 4, 5, 6};
    as_xtensor(View<float, Shape<2, 3>>{numbers.data()}) *= 2;
    CHECK(numbers[5] == 12);
    CHECK(as_xtensor(View<const float, Shape<2, 3>>{numbers.data()})(1, 0) == 8);
    CHECK(xt::sum(as_xtensor(std::span<const float>(numbers)))() == 42);
    const std::array<Prediction<float, 3>, 2> rows{{{{1, 5, 2}}, {{7, 0, 3}}}};
    const auto seen = as_xtensor(std::span(rows.data(), rows.size()));
    CHECK(seen.shape()[0] == 2);
    CHECK(seen(1, 2) == 3);
    CHECK(xt::sum(seen, {1}) == xt::xtensor<float, 1>{8, 10});
}

TEST_CASE("as_xtensor reads and writes in place") {
    BatchTensor<float, 3> x({2, 3, 4});
    as_xtensor(x) = numbered() + 1;
    CHECK(x(0, 0, 0) == 1);
    CHECK(x(1, 2, 3) == 24);
    const auto& same = x;
    const auto seen = as_xtensor(same);
    CHECK(seen.data() == x.data());
    CHECK(seen == numbered() + 1);
}
