// BatchTensor: a dense row-major tensor of fixed rank, what readers fill and networks are given. It is made of whatever
// host tensor there is, xtensor's containers and expressions among them; as one of xtensor's it is seen through
// xtensor.hpp, which is opt-in since xtensor's headers take half a second to compile.
#pragma once
#include <ikebana/tensor/host.hpp>

#include <array>
#include <cstddef>
#include <vector>

namespace ikebana {

/// Allocates only when it outgrows what it held before, as nothing may be allocated while a pass runs.
template <class T, std::size_t Rank>
class BatchTensor {
  public:
    using value_type = T;
    using shape_type = std::array<std::size_t, Rank>;

    BatchTensor() = default;
    /// Zeros.
    explicit BatchTensor(const shape_type& shape) { resize(shape); }
    /// The values of a tensor, converted to T; not from 8-bit grey levels to floating point, which a network would
    /// scale. Throws error if its rank is another.
    template <HostTensor X>
    BatchTensor(const X& x) {
        static_assert(!std::is_floating_point_v<T> ||
                          !std::is_same_v<std::remove_cvref_t<decltype(*x.begin())>, std::uint8_t>,
                      "8-bit grey levels: a network and from_arrays take them as they are; cast them to keep values");
        const HostSizes given(x);
        if (given.rank != Rank)
            throw error("BatchTensor: shape " + given.text() + " given, expected " + std::to_string(Rank) + " axes");
        shape_type shape;
        std::copy_n(given.sizes.begin(), Rank, shape.begin());
        resize(shape);
        auto next = x.begin();
        for (T& value : values_) value = static_cast<T>(*next), ++next;
    }

    const shape_type& shape() const { return shape_; }
    std::size_t shape(std::size_t axis) const { return shape_[axis]; }
    static constexpr std::size_t dimension() { return Rank; }
    std::size_t size() const { return values_.size(); }
    std::array<std::ptrdiff_t, Rank> strides() const {
        std::array<std::ptrdiff_t, Rank> strides;
        std::ptrdiff_t step = 1;
        for (std::size_t axis = Rank; axis-- > 0; step *= static_cast<std::ptrdiff_t>(shape_[axis]))
            strides[axis] = step;
        return strides;
    }

    T* data() { return values_.data(); }
    const T* data() const { return values_.data(); }
    T* begin() { return data(); }
    const T* begin() const { return data(); }
    T* end() { return data() + size(); }
    const T* end() const { return data() + size(); }

    /// The element at an index of each axis.
    template <class... I>
    T& operator()(I... index) {
        return values_[at(index...)];
    }
    template <class... I>
    const T& operator()(I... index) const {
        return values_[at(index...)];
    }

    /// What is held keeps its place in memory.
    void resize(const shape_type& shape) {
        shape_ = shape;
        std::size_t size = 1;
        for (const std::size_t n : shape) size *= n;
        values_.resize(size);
    }
    /// Room for so many elements.
    void reserve(std::size_t elements) { values_.reserve(elements); }

    friend bool operator==(const BatchTensor& a, const BatchTensor& b) {
        return a.shape_ == b.shape_ && a.values_ == b.values_;
    }

  private:
    template <class... I>
    std::size_t at(I... index) const {
        static_assert(sizeof...(I) == Rank, "an index for each axis");
        std::size_t place = 0, axis = 0;
        ((place = place * shape_[axis++] + static_cast<std::size_t>(index)), ...);
        return place;
    }

    shape_type shape_{};
    std::vector<T> values_;
};

} // namespace ikebana
