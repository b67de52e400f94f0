// BatchTensor: elements row by row, made of xtensor's tensors and expressions, and seen as one of them.
#include <doctest/doctest.h>
#include <ikebana/tensor/xtensor.hpp>
#include <xtensor/xarray.hpp>
#include <xtensor/xbuilder.hpp>
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
