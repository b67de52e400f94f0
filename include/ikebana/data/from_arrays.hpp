// from_arrays<Shape<C,H,W>, classes>(images, labels): a reader over a user's own xtensor containers or expressions,
// images (N,C,H,W) and labels (N). Objects that outlive the reader are referred to, temporaries are moved into it; no
// copies. Floating point values are rounded to float, as samples are; 8-bit grey levels x become x / 255 · 2 − 1, as in
// MNIST's reader.
#pragma once
#include <ikebana/core/error.hpp>
#include <ikebana/data/label.hpp>
#include <ikebana/data/stored.hpp>
#include <ikebana/tensor/batch_tensor.hpp>
#include <memory>
#include <numeric>
#include <string>
#include <type_traits>
#include <utility>

namespace ikebana {

/// Whether an expression is a container of numbers, row by row.
template <class E>
inline constexpr bool is_row_by_row = false;
template <class E>
requires requires(const E& e) { e.data()[e.data_offset()]; }
inline constexpr bool is_row_by_row<E> = E::static_layout == std::remove_cv_t<decltype(E::static_layout)>::row_major;
template <class T, std::size_t Rank>
inline constexpr bool is_row_by_row<BatchTensor<T, Rank>> = true;

/// Whether next() gives such numbers as they lie in memory, but for their scale; double is rounded.
template <class T>
inline constexpr bool is_stored = std::is_same_v<T, float> || std::is_same_v<T, std::uint8_t>;

/// Image n of an expression (N,C,H,W), its elements numbered row by row.
template <class S, class E>
struct ArrayImage {
    const E* images = nullptr;
    std::size_t n = 0;

    float operator[](std::size_t i) const {
        using value = typename E::value_type;
        constexpr std::size_t rows = S::sizes[1], columns = S::sizes[2];
        const auto x = [&] {
            if constexpr (is_row_by_row<E>)
                return first_element(*images)[n * S::size + i];
            else
                return (*images)(n, i / (rows * columns), i / columns % rows, i % columns);
        }();
        if constexpr (std::is_same_v<value, std::uint8_t>)
            return scaled(x);
        else
            return static_cast<float>(x);
    }
};

template <class S, int Classes, class Images, class Labels>
class ArrayReader {
    using images_type = std::remove_cvref_t<Images>;
    using labels_type = std::remove_cvref_t<Labels>;
    static_assert(S::rank == 3, "from_arrays reads images: Shape<C,H,W>");
    static_assert(Classes > 0, "from_arrays needs the number of classes");
    static_assert(std::is_floating_point_v<typename images_type::value_type> ||
                      std::is_same_v<typename images_type::value_type, std::uint8_t>,
                  "images hold floating point values or 8-bit grey levels");
    static_assert(std::is_integral_v<typename labels_type::value_type>, "labels are integers");

    struct Arrays {
        Images images; // a reference, or the object moved in
        Labels labels;
    };

  public:
    using shape = S;
    static constexpr int classes = Classes;
    struct sample {
        ArrayImage<S, images_type> image;
        int label = 0;
    };

    ArrayReader(Images&& images, Labels&& labels)
        : arrays_(std::make_shared<Arrays>(Arrays{std::forward<Images>(images), std::forward<Labels>(labels)})) {
        check();
    }

    std::size_t size() const { return arrays_->images.shape(0); }
    void start(unsigned) { at_ = 0; }

    bool next(sample& s) {
        if (at_ == size()) return false;
        s = {{std::addressof(arrays_->images), at_}, label(at_)}; // a view's own & makes a closure
        ++at_;
        return true;
    }

    auto stored() const requires is_row_by_row<images_type> && is_stored<typename images_type::value_type> {
        using value = typename images_type::value_type;
        using U = std::conditional_t<std::is_same_v<value, std::uint8_t>, Grey, value>;
        const auto& images = arrays_->images;
        Stored<U> s{{reinterpret_cast<const U*>(first_element(images)), images.size()}, {}};
        for (std::size_t n = 0; n < size(); ++n) s.labels.push_back(label(n));
        return s;
    }
    void order(unsigned, std::vector<std::uint32_t>& to) const {
        to.resize(size());
        std::iota(to.begin(), to.end(), 0u);
    }

  private:
    int label(std::size_t n) const { return static_cast<int>(arrays_->labels(n)); }

    void check() const {
        const auto& images = arrays_->images;
        const auto& labels = arrays_->labels;
        std::string given = "(";
        bool fits = images.dimension() == 4;
        for (std::size_t axis = 0; axis < images.dimension(); ++axis) {
            if (axis > 0) given += ',';
            given += std::to_string(images.shape(axis));
            fits = fits && (axis == 0 || images.shape(axis) == static_cast<std::size_t>(S::sizes[axis - 1]));
        }
        if (!fits) throw error("from_arrays: images of shape " + given + "): expected (N," + sizes() + ")");
        if (labels.dimension() != 1 || labels.size() != size())
            throw error("from_arrays: " + std::to_string(labels.size()) + " labels in " +
                        std::to_string(labels.dimension()) + " dimensions: expected " + std::to_string(size()) +
                        " in 1, as there are images");
        for (std::size_t n = 0; n < size(); ++n) checked_label(labels(n), classes, "from_arrays", n);
    }

    static std::string sizes() {
        return std::to_string(S::sizes[0]) + "," + std::to_string(S::sizes[1]) + "," + std::to_string(S::sizes[2]);
    }

    std::shared_ptr<Arrays> arrays_;
    std::size_t at_ = 0;
};

/// Shapes and labels are checked here, once; throws error naming what was given and what was expected.
template <class S, int Classes, class Images, class Labels>
ArrayReader<S, Classes, Images, Labels> from_arrays(Images&& images, Labels&& labels) {
    return {std::forward<Images>(images), std::forward<Labels>(labels)};
}

} // namespace ikebana
