// Random samples and parameters for tests: uniform pixels, labels of all classes, biases and statistics that are not
// the trivial ones a network begins with.
#pragma once
#include <ikebana/ikebana.hpp>

#include <cstdint>

namespace ikebana::test {

/// N images of shape S and labels, in the form a trainer takes.
template <class T, class S>
struct Samples {
    BatchTensor<T, S::rank + 1> images;
    BatchTensor<int, 1> labels;

    explicit Samples(std::size_t n) {
        std::array<std::size_t, S::rank + 1> shape{n};
        std::copy(S::sizes.begin(), S::sizes.end(), shape.begin() + 1);
        images.resize(shape);
        labels.resize(std::array<std::size_t, 1>{n});
    }

    std::size_t size() const { return labels.size(); }
    /// Samples [first, first + n).
    Samples part(std::size_t first, std::size_t n) const {
        Samples s(n);
        std::copy_n(images.data() + first * S::size, n * S::size, s.images.data());
        std::copy_n(labels.data() + first, n, s.labels.data());
        return s;
    }
    template <class U>
    Samples<U, S> as() const {
        Samples<U, S> s(size());
        std::copy(images.begin(), images.end(), s.images.begin());
        std::copy(labels.begin(), labels.end(), s.labels.begin());
        return s;
    }
};

/// Values are floats in (−1, 1), whatever T is, so that float and double networks can be given the same ones.
template <class T, class S>
Samples<T, S> random_samples(std::size_t n, int classes, std::uint32_t key) {
    Samples<T, S> s(n);
    Random random(Seed{2024}, Stream::test, key);
    for (T& v : s.images) v = static_cast<T>(static_cast<float>(2 * random.uniform() - 1));
    for (int& label : s.labels) label = static_cast<int>(random.below(static_cast<std::uint32_t>(classes)));
    return s;
}

/// Moves all vectors of a network (biases, scales, running statistics) off their trivial first values, to floats. Every
/// third scale of a batch norm becomes negative.
template <class Net>
void randomise_vectors(Net& net, std::uint32_t key) {
    using T = typename Net::scalar;
    Random random(Seed{77}, Stream::test, key);
    const auto vectors = [&]<class... P>(Parameters<P...>, [[maybe_unused]] T* at) {
        [[maybe_unused]] const auto one = [&]<class Name, class S, class I>(Parameter<Name, S, I>) {
            for (std::size_t k = 0; S::rank == 1 && k < S::size; ++k) {
                if (std::is_same_v<Name, running_variance>)
                    at[k] = static_cast<T>(static_cast<float>(0.4 + 1.6 * random.uniform()));
                else
                    at[k] = static_cast<T>(static_cast<float>(double(at[k]) + 0.3 * random.normal()));
                if (std::is_same_v<Name, gamma> && k % 3 == 1) at[k] = -at[k];
            }
            for (std::size_t k = 0; k < S::size; ++k) at[k] = static_cast<T>(static_cast<float>(at[k]));
            at += padded(S::size);
        };
        (one(P{}), ...);
    };
    Net::each_layer([&]<class B>(B) {
        vectors(typename B::parameters{}, net.parameters().data() + Net::parameter_offset[B::position]);
        vectors(typename B::state{}, net.state().data() + Net::state_offset[B::position]);
    });
}

/// Where a trained array lies: "layer 2 (Conv<50,5>) weight", from element `at` of the arena on.
struct ArrayRow {
    std::string name;
    std::size_t at, size;
};

/// All trained arrays of a network, in the order of its arena.
template <class Net>
std::vector<ArrayRow> parameter_rows() {
    std::vector<ArrayRow> rows;
    Net::each_layer([&]<class B>(B) {
        [[maybe_unused]] std::size_t at = Net::parameter_offset[B::position];
        [&]<class... P>(Parameters<P...>) {
            ((rows.push_back({P::name::text, at, P::shape::size}), at += padded(P::shape::size)), ...);
            for (std::size_t i = rows.size() - sizeof...(P); i < rows.size(); ++i)
                rows[i].name = "layer " + std::to_string(B::position) + " (" + layer_name<typename B::layer>() + ") " +
                               rows[i].name;
        }(typename B::parameters{});
    });
    return rows;
}

} // namespace ikebana::test
