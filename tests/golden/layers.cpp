// Single layers and losses against PyTorch's values in double (README.md): the reference backend in double to 1e-12,
// the cpu backend in float to 1e-5; of a tensor's largest value, or of 0.01.
#include "golden.hpp"

#include <backends/cpu/cpu.hpp>
#include <backends/reference/reference.hpp>
#include <ikebana/ikebana.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <span>

using namespace ikebana;

namespace {

const golden::File& layers() {
    static const golden::File file(IKEBANA_SOURCE_ROOT "/tests/golden/layers");
    return file;
}

template <class T>
void check_close(const T* given, const std::string& name) {
    CAPTURE(name);
    const std::vector<double> expected = layers().values(name);
    double largest = 1e-2, difference = 0; // batch norm of two samples gives dx near 0: differences of numbers near 1
    for (std::size_t i = 0; i < expected.size(); ++i) {
        largest = std::max(largest, std::abs(expected[i]));
        difference = std::max(difference, std::abs(static_cast<double>(given[i]) - expected[i]));
    }
    CHECK(difference <= (sizeof(T) == 8 ? 1e-12 : 1e-5) * largest);
}

/// N samples of one shape in tiles, the tiles one after the other.
template <class B, class T, class S>
struct Tiles {
    static constexpr int L = B::template lanes<T>;
    int N;
    Arena<T> memory{static_cast<std::size_t>((N + L - 1) / L * L) * S::size};

    Tile<T, S, L> operator[](int t) { return {memory.data() + static_cast<std::size_t>(t) * S::size * L}; }
    int count(int t) const { return std::min(L, N - t * L); }
    int tiles() const { return (N + L - 1) / L; }

    /// A gradient is 0 in the empty lanes of the last tile, as a loss leaves it.
    void read_gradient(const std::string& name) {
        read(name);
        const int last = tiles() - 1;
        for (int f = 0; f < static_cast<int>(S::size); ++f)
            std::fill((*this)[last].row(f) + count(last), (*this)[last].row(f) + L, T(0));
    }
    void read(const std::string& name) {
        const auto rows = layers().values<T>(name);
        REQUIRE(rows.size() == static_cast<std::size_t>(N) * S::size);
        for (int t = 0; t < tiles(); ++t)
            load_tile(B{}, (*this)[t], rows.data() + static_cast<std::size_t>(t) * L * S::size, count(t), S::size);
    }
    void check(const std::string& name) {
        REQUIRE(layers().size(name) == static_cast<std::size_t>(N) * S::size);
        std::vector<T> rows(static_cast<std::size_t>(N) * S::size);
        for (int t = 0; t < tiles(); ++t)
            store_tile(B{}, rows.data() + static_cast<std::size_t>(t) * L * S::size, count(t), S::size, (*this)[t]);
        check_close(rows.data(), name);
    }
};

/// The parameters of a layer and their gradients, under their names in the file.
template <class T, class P>
struct Stored;
template <class T, class... P>
struct Stored<T, Parameters<P...>> {
    Arena<T> memory{(std::size_t{0} + ... + padded(P::shape::size))};

    auto views() { return ikebana::views(Parameters<P...>{}, memory.data()); }
    void read(const std::string& name) {
        each([&](const char* parameter, auto v) {
            const auto values = layers().values<T>(name + parameter);
            REQUIRE(values.size() == v.size);
            std::copy(values.begin(), values.end(), v.data);
        });
    }
    void check(const std::string& name) {
        each([&](const char* parameter, auto v) { check_close(v.data, name + parameter); });
    }

  private:
    template <class F>
    void each([[maybe_unused]] F f) {
        [&]<int... I>(std::integer_sequence<int, I...>) { (f(P::name::text, get<I>(views())), ...); }
        (std::make_integer_sequence<int, sizeof...(P)>{});
    }
};

/// A tile's mask and context, with memory for any layer here.
template <class B, class T>
struct Call {
    static constexpr int L = B::template lanes<T>;
    Arena<T> mask{L};
    Arena<std::byte> cache, scratch;
    Arena<T> packed;
    LayerContext<T> context;

    Call(int samples, std::size_t cache_bytes, std::size_t scratch_bytes) : cache(cache_bytes), scratch(scratch_bytes) {
        std::fill_n(mask.data(), samples, T(1));
        context.mask = mask.data();
        context.cache = cache.data();
        context.scratch = scratch.data();
        context.samples = samples;
    }
    template <class Layer, class In, class P>
    void pack(P parameters) {
        packed = Arena<T>(packed_size_of<Layer, In, B, T>());
        if constexpr (packed_size_of<Layer, In, B, T>() > 0) Layer::template pack<In>(B{}, packed.data(), parameters);
        context.packed = packed.data();
    }
};

/// y, dx and the parameters' gradients of layer L at input shape In.
template <class B, class T, class L, class In>
void check_layer(const std::string& name) {
    using Out = decltype(L::template output<In>());
    using P = typename parameters_of<L, In>::type;
    const int N = static_cast<int>(layers().shape(name + "/x")[0]);
    Tiles<B, T, In> x{N}, dx{N};
    Tiles<B, T, Out> y{N}, dy{N};
    Stored<T, P> p, dp;
    x.read(name + "/x");
    dy.read_gradient(name + "/dy");
    p.read(name + "/");
    for (int t = 0; t < x.tiles(); ++t) {
        Call<B, T> call(x.count(t), 64 + cache_bytes_of<L, In, B, T>(), 64 + scratch_bytes_of<L, In, B, T>());
        call.template pack<L, In>(p.views());
        const Tile<const T, In, x.L> xt = x[t];
        L::template forward<In>(B{}, y[t], xt, p.views(), call.context);
        const Tile<const T, Out, x.L> yt = y[t];
        L::template backward<In>(B{}, dx[t], dp.views(), dy[t], yt, xt, p.views(), call.context);
    }
    y.check(name + "/y");
    dx.check(name + "/dx");
    dp.check(name + "/d");
}

template <class L, class In>
void check_layer(const std::string& name) {
    check_layer<reference::backend, double, L, In>(name);
    check_layer<cpu::backend, float, L, In>(name);
}

template <class B, class T, class In>
void check_batch_norm(const std::string& name) {
    using L = BatchNorm;
    constexpr std::size_t C = channels<In>;
    const int N = static_cast<int>(layers().shape(name + "/x")[0]);
    Tiles<B, T, In> x{N}, dx{N}, y{N}, dy{N};
    Stored<T, L::parameters<In>> p, dp;
    Stored<T, L::state<In>> state;
    x.read(name + "/x");
    dy.read_gradient(name + "/dy");
    p.read(name + "/");
    get<1>(state.views()).fill(1);
    std::vector<int> counts;
    for (int t = 0; t < x.tiles(); ++t) counts.push_back(x.count(t));
    Arena<T> batch(L::batch_size<In>), partials(L::partial_size<In> * counts.size());
    const auto over_tiles = [&](auto f) {
        for (int t = 0; t < x.tiles(); ++t) {
            Call<B, T> call(x.count(t), 64, 64 + scratch_bytes_of<L, In, B, T>());
            f(t, partials.data() + static_cast<std::size_t>(t) * L::partial_size<In>, Tile<const T, In, x.L>(x[t]),
              call.context);
        }
    };
    const std::span<const T> shares = partials.span();
    const T* sums = batch.data();
    over_tiles([&](int, T* partial, auto xt, auto& context) { L::collect<In>(B{}, partial, xt, context); });
    L::finish<In>(batch.data(), shares, std::span<const int>(counts));
    over_tiles([&](int t, T*, auto xt, auto& context) { L::forward<In>(B{}, y[t], xt, p.views(), sums, context); });
    L::update_state<In>(state.views(), sums, N);
    over_tiles([&](int t, T* partial, auto xt, auto& context) {
        L::collect_backward<In>(B{}, partial, dy[t], xt, sums, context);
    });
    L::finish_backward<In>(batch.data(), dp.views(), shares, std::span<const int>(counts));
    over_tiles(
        [&](int t, T*, auto xt, auto& context) { L::backward<In>(B{}, dx[t], dy[t], xt, p.views(), sums, context); });
    y.check(name + "/y");
    dx.check(name + "/dx");
    dp.check(name + "/d");
    const auto [mean, variance] = state.views();
    REQUIRE(layers().size(name + "/running_mean") == C);
    check_close(mean.data, name + "/running_mean");
    check_close(variance.data, name + "/running_var");
}

template <class In>
void check_batch_norm(const std::string& name) {
    check_batch_norm<reference::backend, double, In>(name);
    check_batch_norm<cpu::backend, float, In>(name);
}

/// Mean cost and dz for scores z and class numbers.
template <class B, class T, class Loss, class In>
void check_loss(const std::string& name, const std::string& z_name) {
    const int N = static_cast<int>(layers().shape(name + z_name)[0]);
    Tiles<B, T, In> z{N}, dz{N};
    z.read(name + z_name);
    const auto labels = layers().values<T>(name + "/labels");
    double cost = 0;
    for (int t = 0; t < z.tiles(); ++t) {
        Call<B, T> call(z.count(t), 64, 64);
        Arena<T> costs(z.L), lane_labels(z.L), scratch(4 * z.L);
        std::copy_n(labels.begin() + t * z.L, z.count(t), lane_labels.data());
        const Tile<const T, In, z.L> zt = z[t];
        Loss::evaluate(B{}, costs.data(), dz[t], zt, static_cast<const T*>(lane_labels.data()),
                       static_cast<const T*>(call.mask.data()), T(1) / static_cast<T>(N), scratch.data());
        for (int lane = 0; lane < z.count(t); ++lane) cost += static_cast<double>(costs.data()[lane]) / N;
    }
    dz.check(name + "/d" + z_name.substr(1));
    CHECK(cost == doctest::Approx(layers().value(name + "/loss")).epsilon(sizeof(T) == 8 ? 1e-12 : 1e-6));
}

template <class Loss, class In>
void check_loss(const std::string& name, const std::string& z_name) {
    check_loss<reference::backend, double, Loss, In>(name, z_name);
    check_loss<cpu::backend, float, Loss, In>(name, z_name);
}

} // namespace

TEST_CASE("layers against PyTorch: Conv, the tutorial's worked example first") {
    using Worked = Conv<2, 3, Stride<2>, Padding<1>>;
    static_assert(Worked::output<Shape<3, 5, 5>>() == Shape<2, 3, 3>{}); // (5 − 3 + 2·1)/2 + 1
    check_layer<Worked, Shape<3, 5, 5>>("conv/worked_example");
    check_layer<Conv<4, 3>, Shape<1, 9, 8>>("conv/plain");
    check_layer<Conv<3, 3, Stride<2>>, Shape<2, 8, 7>>("conv/stride");
    check_layer<Conv<3, 5, Padding<2>>, Shape<2, 6, 6>>("conv/padding");
    check_layer<Conv<2, 4, Stride<3>, Padding<3>>, Shape<3, 7, 5>>("conv/stride_and_padding");
    check_layer<Conv<6, 1>, Shape<5, 4, 3>>("conv/pointwise");
    check_layer<Conv<3, 3, NoBias>, Shape<2, 5, 5>>("conv/no_bias");
}

TEST_CASE("layers against PyTorch: max Pool") {
    check_layer<Pool<2>, Shape<2, 6, 8>>("max_pool/even");
    check_layer<Pool<2>, Shape<3, 7, 5>>("max_pool/remainder");
    check_layer<Pool<3, Stride<2>>, Shape<2, 8, 7>>("max_pool/overlap");
    check_layer<Pool<3, Stride<2>, Padding<1>>, Shape<2, 6, 7>>("max_pool/padding");
    check_layer<Pool<2, Stride<3>, Max>, Shape<1, 9, 8>>("max_pool/gaps");
}

TEST_CASE("layers against PyTorch: average Pool, padding counted as zeros") {
    check_layer<Pool<2, Average>, Shape<2, 6, 8>>("average_pool/even");
    check_layer<Pool<2, Average>, Shape<3, 7, 5>>("average_pool/remainder");
    check_layer<Pool<3, Stride<2>, Average>, Shape<2, 8, 7>>("average_pool/overlap");
    check_layer<Pool<3, Stride<2>, Padding<1>, Average>, Shape<2, 6, 7>>("average_pool/padding");
    check_layer<Pool<2, Stride<3>, Average>, Shape<1, 9, 8>>("average_pool/gaps");
}

TEST_CASE("layers against PyTorch: Dense") {
    check_layer<Dense<5>, Shape<7>>("dense/vector");
    check_layer<Dense<6>, Shape<2, 3, 4>>("dense/image");
    check_layer<Dense<3, NoBias>, Shape<9>>("dense/no_bias");
}

TEST_CASE("layers against PyTorch: BatchNorm, with its running statistics") {
    check_batch_norm<Shape<5>>("batch_norm/vector");
    check_batch_norm<Shape<3, 3, 4>>("batch_norm/image");
    check_batch_norm<Shape<3>>("batch_norm/pair");
}

TEST_CASE("layers against PyTorch: Relu, Sigmoid, Tanh, Softmax") {
    check_layer<Relu, Shape<15>>("relu/normal");
    check_layer<Relu, Shape<8>>("relu/steep");
    check_layer<Sigmoid, Shape<15>>("sigmoid/normal");
    check_layer<Sigmoid, Shape<8>>("sigmoid/steep");
    check_layer<Tanh, Shape<15>>("tanh/normal");
    check_layer<Tanh, Shape<8>>("tanh/steep");
    check_layer<Softmax, Shape<10>>("softmax/normal");
}

TEST_CASE("layers against PyTorch: CrossEntropy and MeanSquaredError") {
    check_loss<CrossEntropy, Shape<10>>("cross_entropy/normal", "/logits");
    check_loss<CrossEntropy, Shape<3>>("cross_entropy/steep", "/logits");
    check_loss<CrossEntropy, Shape<4>>("cross_entropy/alone", "/logits");
    check_loss<MeanSquaredError, Shape<10>>("mean_squared_error/normal", "/y");
    check_loss<MeanSquaredError, Shape<4>>("mean_squared_error/alone", "/y");
}
