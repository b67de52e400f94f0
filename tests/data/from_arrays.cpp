// Users' own arrays as readers: by reference, by value, as expressions; wrong shapes and labels are refused.
#include <doctest/doctest.h>
#include <ikebana/data/readers.hpp>
#include <numeric>
#include <xtensor/xarray.hpp>
#include <xtensor/xbuilder.hpp>
#include <xtensor/xview.hpp>

using namespace ikebana;

namespace {

xt::xtensor<float, 4> numbered() { return xt::arange<float>(5 * 2 * 3 * 4).reshape({5, 2, 3, 4}); }

template <class R>
Batch all_of(R reader) {
    Batch b;
    REQUIRE(batch(reader, 100).next(b));
    return b;
}

} // namespace

TEST_CASE("a container is referred to, a temporary is moved in") {
    auto images = numbered();
    const xt::xtensor<int, 1> labels{0, 1, 2, 1, 0};
    auto reader = from_arrays<Shape<2, 3, 4>, 3>(images, labels);
    static_assert(SampleReader<decltype(reader)> && SizedReader<decltype(reader)>);
    CHECK(reader.size() == 5);
    CHECK(all_of(reader).images == images);
    CHECK(all_of(reader).labels == labels);
    images(4, 1, 2, 3) = -1;
    CHECK(all_of(reader).images(4, 1, 2, 3) == -1);
    CHECK(all_of(from_arrays<Shape<2, 3, 4>, 3>(numbered(), xt::xtensor<int, 1>(labels))).images == numbered());
}

TEST_CASE("any layout and any expression is read element by element") {
    const auto images = numbered();
    const xt::xarray<std::int64_t> labels{0, 1, 2, 1, 0};
    const xt::xtensor<double, 4, xt::layout_type::column_major> columns = images;
    CHECK(all_of(from_arrays<Shape<2, 3, 4>, 3>(columns, labels)).images == images);
    CHECK(all_of(from_arrays<Shape<2, 3, 4>, 3>(images * 2 + 1, labels)).images == images * 2 + 1);
    const auto two = xt::view(images, xt::range(1, 3));
    const auto second = xt::view(images, xt::all(), xt::range(1, 2));
    CHECK(all_of(from_arrays<Shape<2, 3, 4>, 3>(two, xt::view(labels, xt::range(1, 3)))).images == two);
    CHECK(all_of(from_arrays<Shape<1, 3, 4>, 3>(second, labels)).images == second);
}

TEST_CASE("numbers of double are rounded, so that none are taken from where they are stored") {
    const xt::xtensor<double, 4> doubles{{{{0.1, 1e-50}}}};
    const xt::xtensor<float, 4> floats = doubles;
    const xt::xtensor<int, 1> labels{1};
    auto rounded = from_arrays<Shape<1, 1, 2>, 2>(doubles, labels);
    auto stored = from_arrays<Shape<1, 1, 2>, 2>(floats, labels);
    CHECK(all_of(rounded).images == floats);
    CHECK(all_of(stored).images == floats);
    static_assert(!StoredReader<decltype(rounded)> && StoredReader<decltype(stored)>);
    CHECK(stored.stored().images.data() == floats.data());
}

TEST_CASE("8-bit grey levels are scaled to [-1, 1]") {
    xt::xtensor<std::uint8_t, 4> images({1, 1, 1, 256});
    std::iota(images.begin(), images.end(), std::uint8_t{0});
    const auto b = all_of(from_arrays<Shape<1, 1, 256>, 2>(images, xt::xtensor<std::uint8_t, 1>{1}));
    CHECK(b.images(0, 0, 0, 0) == -1.0f);
    CHECK(b.images(0, 0, 0, 255) == 1.0f);
    for (std::size_t x = 0; x < 256; ++x) CHECK(b.images(0, 0, 0, x) == static_cast<float>(x) / 255.0f * 2.0f - 1.0f);
    CHECK(b.labels(0) == 1);
}

TEST_CASE("shapes and labels are checked once, when the reader is made") {
    const auto images = numbered();
    const xt::xtensor<int, 1> labels{0, 1, 2, 1, 0}, four{0, 1, 2, 1};
    CHECK_THROWS_WITH_AS((from_arrays<Shape<2, 4, 3>, 3>(images, labels)),
                         "from_arrays: images of shape (5,2,3,4): expected (N,2,4,3)", error);
    CHECK_THROWS_WITH_AS((from_arrays<Shape<2, 3, 4>, 3>(xt::xtensor<float, 2>({5, 24}), labels)),
                         "from_arrays: images of shape (5,24): expected (N,2,3,4)", error);
    CHECK_THROWS_WITH_AS((from_arrays<Shape<2, 3, 4>, 3>(images, four)),
                         "from_arrays: 4 labels in 1 dimensions: expected 5 in 1, as there are images", error);
    CHECK_THROWS_WITH_AS((from_arrays<Shape<2, 3, 4>, 2>(images, labels)),
                         "from_arrays: label 2 of sample 2: expected 0 … 1", error);
    CHECK_THROWS_WITH_AS((from_arrays<Shape<2, 3, 4>, 3>(images, xt::xtensor<int, 1>{0, -1, 2, 1, 0})),
                         "from_arrays: label -1 of sample 1: expected 0 … 2", error);
}
