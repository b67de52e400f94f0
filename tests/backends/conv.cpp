// backends/cpu/conv.hpp against backends/reference/conv.hpp: kernels of 1 to 13, strides, paddings, odd sizes, numbers
// of channels and filters that no block divides; and the worked example of the convolution arithmetic.
#include "compare.hpp"

using namespace ikebana;
using namespace ikebana::test;

namespace {

/// The kernels of a convolution and what of its sizes the comparison needs. b, dx and dw may be null.
template <class T>
struct Kernels {
    int K;
    reference::Windows windows;
    std::size_t weights, packed_size, scratch_bytes;
    void (*pack)(T* packed, const T* w);
    void (*forward)(T* y, const T* x, const T* w, const T* b, const T* packed, std::byte* scratch);
    void (*backward)(T* dx, T* dw, const T* dy, const T* x, const T* w, const T* packed, std::byte* scratch);
};

template <class T, class G>
struct KernelsOf {
    using Image = Tile<T, typename G::input, L>;
    using Weights = View<T, typename G::weights>;
    static Tile<const T, typename G::input, L> image(const T* x) { return {x}; }
    static Tile<const T, typename G::output, L> output(const T* y) { return {y}; }
    static View<const T, typename G::weights> weights(const T* w) { return {w}; }

    static void pack(T* packed, const T* w) { conv_pack(cpu::backend{}, G{}, packed, weights(w)); }
    static void forward(T* y, const T* x, const T* w, const T* b, const T* packed, std::byte* scratch) {
        const auto run = [&](auto bias) {
            conv_forward(cpu::backend{}, G{}, Tile<T, typename G::output, L>{y}, image(x), weights(w), bias, packed,
                         scratch);
        };
        if (b)
            run(View<const T, Shape<G::K>>{b});
        else
            run(Nothing{});
    }
    static void backward(T* dx, T* dw, const T* dy, const T* x, const T* w, const T* packed, std::byte* scratch) {
        const auto run = [&](auto to_dx, auto to_dw) {
            conv_backward(cpu::backend{}, G{}, to_dx, to_dw, output(dy), image(x), weights(w), packed, scratch);
        };
        if (dx && dw)
            run(Image{dx}, Weights{dw});
        else if (dw)
            run(Nothing{}, Weights{dw});
        else
            run(Image{dx}, Nothing{});
    }
    static constexpr Kernels<T> kernels{G::K,
                                        reference::windows_of<G>,
                                        G::weights::size,
                                        conv_packed_size(cpu::backend{}, G{}, T{}),
                                        conv_scratch_bytes(cpu::backend{}, G{}, T{}),
                                        &pack,
                                        &forward,
                                        &backward};
};

template <class T>
IKEBANA_ONCE void compare(const Kernels<T>& kernels) {
    const reference::Windows& windows = kernels.windows;
    const int count = 1 + kernels.K % L;
    Random random(Seed{11}, Stream::test, static_cast<std::uint32_t>(count));
    const auto inputs = static_cast<std::size_t>(windows.C * windows.H * windows.W * L),
               outputs = static_cast<std::size_t>(kernels.K * windows.outputs() * L);
    Numbers<T> x(inputs), dx(inputs), y(outputs), dy(outputs), w(kernels.weights), dw(kernels.weights),
        b(static_cast<std::size_t>(kernels.K));
    for (auto* numbers : {&x, &dx, &y, &dy, &w, &dw, &b})
        numbers->randomise(random); // dw is added to, y and dx are overwritten
    dy.clear_lanes(count);
    Arena<std::byte> scratch = scratch_of(kernels.scratch_bytes);
    Arena<T> packed(kernels.packed_size);
    kernels.pack(packed.data(), w.fast.data());

    const auto forward = [&](const T* bias, const double* exact_bias, const char* what) {
        kernels.forward(y.fast.data(), x.fast.data(), w.fast.data(), bias, packed.data(), scratch.data());
        reference::convolve<L, double>(y.exact.data(), x.exact.data(), w.exact.data(), exact_bias, kernels.K, windows);
        check_close(y, what);
    };
    forward(b.fast.data(), b.exact.data(), "forward");
    forward(nullptr, nullptr, "forward without bias");
    const auto backward = [&](T* to_dx, T* to_dw) {
        scratch = scratch_of(scratch.size());
        kernels.backward(to_dx, to_dw, dy.fast.data(), x.fast.data(), w.fast.data(), packed.data(), scratch.data());
    };
    const Arena<T> before = dw.fast;
    reference::convolve_back<L, double>(dx.exact.data(), dw.exact.data(), dy.exact.data(), x.exact.data(),
                                        w.exact.data(), kernels.K, windows);
    backward(dx.fast.data(), dw.fast.data());
    check_close(dw, "backward, dw");
    check_close(dx, "backward, dx");
    std::copy(before.span().begin(), before.span().end(), dw.fast.data());
    backward(nullptr, dw.fast.data());
    check_close(dw, "backward without dx, dw");
    dx.fast = Arena<T>(dx.fast.size());
    backward(dx.fast.data(), nullptr);
    check_close(dx, "backward without dw, dx");
}

template <class T, class... G>
void compare_all() {
    (with_geometry<G>([] { compare(KernelsOf<T, G>::kernels); }), ...);
}

template <int C, int H, int W, int K, int R, int S, int stride, int padding>
using Case = ConvGeometry<Shape<C, H, W>, K, R, S, stride, padding>;

/// Kernel R with all paddings and strides 1 to 3 on a small image, where borders are most of it.
template <int R, int... I>
void compare_borders(std::integer_sequence<int, I...>) {
    compare_all<float, Case<2, 5, 6, 3, R, R, 1 + I / R, I % R>...>();
}

/// The n-th of shapes drawn at random: channels, rows, columns, filters, kernel, stride, padding.
constexpr std::array<int, 8> drawn(std::uint64_t n) {
    std::uint64_t state = 0x9e3779b97f4a7c15 * (n + 1);
    const auto from_to = [&](int first, int last) { // splitmix64
        std::uint64_t z = state += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return first + static_cast<int>((z ^ (z >> 31)) % static_cast<std::uint64_t>(last - first + 1));
    };
    const int R = from_to(1, 5), S = from_to(0, 1) ? R : from_to(1, 5);
    const int C = from_to(1, 19), H = from_to(R, R + 12), W = from_to(S, S + 12), K = from_to(1, 37);
    const int stride = from_to(1, 3), padding = from_to(0, std::min(R, S) - 1);
    return {C, H, W, K, R, S, stride, padding};
}
template <int N>
inline constexpr auto sizes = drawn(N);
template <int N>
using Drawn =
    Case<sizes<N>[0], sizes<N>[1], sizes<N>[2], sizes<N>[3], sizes<N>[4], sizes<N>[5], sizes<N>[6], sizes<N>[7]>;
template <int... N>
void compare_drawn(std::integer_sequence<int, N...>) {
    compare_all<float, Drawn<N>...>();
}

template <class T, int M, class... G>
void compare_winograd() {
    static_assert(((cpu::winograd_outputs<G> == M) && ...));
    compare_all<T, G...>();
}

} // namespace

TEST_CASE("convolutions of LeNet-5, float and double") {
    compare_all<float, Case<1, 28, 28, 20, 5, 5, 1, 0>, Case<20, 12, 12, 50, 5, 5, 1, 0>>();
    compare_all<double, Case<1, 28, 28, 20, 5, 5, 1, 0>, Case<20, 12, 12, 50, 5, 5, 1, 0>>();
}

TEST_CASE("every stride and padding of the smallest kernels") {
    compare_borders<1>(std::make_integer_sequence<int, 3>{});
    compare_borders<2>(std::make_integer_sequence<int, 6>{});
    compare_borders<3>(std::make_integer_sequence<int, 9>{});
    compare_borders<4>(std::make_integer_sequence<int, 12>{});
}

TEST_CASE("kernels of 1x1 between many channels: rests of blocks, panels of several terms, strides") {
    compare_all<float, Case<64, 4, 4, 24, 1, 1, 1, 0>, Case<24, 5, 3, 65, 1, 1, 1, 0>, Case<200, 3, 3, 7, 1, 1, 1, 0>,
                Case<6, 4, 5, 211, 1, 1, 1, 0>, Case<97, 1, 1, 101, 1, 1, 1, 0>, Case<130, 1, 3, 145, 1, 1, 1, 0>,
                Case<19, 7, 6, 84, 1, 1, 2, 0>, Case<100, 5, 7, 33, 1, 1, 3, 0>, Case<120, 5, 5, 61, 1, 1, 1, 0>,
                Case<257, 2, 2, 166, 1, 1, 2, 0>, Case<512, 5, 4, 520, 1, 1, 1, 0>, Case<60, 2, 3, 60, 1, 1, 1, 0>,
                Case<128, 3, 6, 130, 1, 1, 1, 0>, Case<70, 6, 7, 124, 1, 1, 1, 0>, Case<60, 8, 8, 200, 1, 1, 1, 0>>();
    compare_all<double, Case<37, 4, 5, 22, 1, 1, 1, 0>, Case<150, 3, 3, 131, 1, 1, 2, 0>,
                Case<64, 6, 5, 67, 1, 1, 1, 0>, Case<70, 6, 7, 124, 1, 1, 1, 0>>();
}

using Pointwise = Case<520, 2, 9, 515, 1, 1, 1, 0>;
/// What one convolution of 1×1 gives: a number of x, dy or w is a random one times the scales of its filter, channel
/// and place in a lane.
struct ScaledPointwise {
    static constexpr std::size_t filters = Pointwise::K, channels = Pointwise::C,
                                 places = Pointwise::output::size / filters * L;
    std::array<float, filters> filter;
    std::array<float, channels> channel;
    std::array<float, places> place;
    Tiles<float, Pointwise::input> x, dx;
    Tiles<float, Pointwise::output> y, dy;
    Views<float, Pointwise::weights> w, dw;

    ScaledPointwise() { filter.fill(1), channel.fill(1), place.fill(1); }

    void run() {
        Random random(Seed{5}, Stream::test, 0);
        const auto fill = [&](auto& numbers, const auto& rows, const auto& columns) {
            numbers.randomise(random);
            float* at = numbers.fast.data();
            for (const float row : rows)
                for (const float column : columns) *at++ *= row * column;
            std::copy(numbers.fast.data(), at, numbers.exact.data());
        };
        fill(x, channel, place), fill(dy, filter, place), fill(w, filter, channel);
        std::fill_n(dw.fast.data(), filters * channels, 0.0f), std::fill_n(dw.exact.data(), filters * channels, 0.0);
        const cpu::backend fast;
        const reference::backend exact;
        const Pointwise g;
        Arena<std::byte> scratch = scratch_of(conv_scratch_bytes(fast, g, 0.0f));
        const Arena<float> packed = packed_weights<Pointwise>(w.view());
        conv_forward(fast, g, y.tile(), x.tile(), w.view(), Nothing{}, packed.data(), scratch.data());
        conv_backward(fast, g, dx.tile(), dw.view(), dy.tile(), x.tile(), w.view(), packed.data(), scratch.data());
        conv_forward(exact, g, y.exact_tile(), x.exact_tile(), w.exact_view(), Nothing{}, nullptr, nullptr);
        conv_backward(exact, g, dx.exact_tile(), dw.exact_view(), dy.exact_tile(), x.exact_tile(), w.exact_view(),
                      nullptr, nullptr);
    }
};

/// f(a number, what it should be, its row's scale, its column's)
template <class Rows, class Columns, class F>
void each_scaled(const Numbers<float>& numbers, const Rows& rows, const Columns& columns, F f) {
    for (std::size_t i = 0, row = 0; row < rows.size(); ++row)
        for (std::size_t column = 0; column < columns.size(); ++column, ++i)
            f(numbers.fast.data()[i], numbers.exact.data()[i], rows[row], columns[column]);
}

// Filters, channels and samples in units of their own: each number is as exact as those that it is a sum over.
TEST_CASE("convolutions of 1x1 at any scale") {
    constexpr std::array scales{1.f, 1e-12f, 1e12f, 3e-5f, 0.f, 700.f, 2e-30f};
    const auto spread = [&](auto& numbers, std::size_t count) {
        for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = scales[i % count];
    };
    const auto check = [](const Numbers<float>& numbers, const auto& rows, const auto& columns) {
        each_scaled(numbers, rows, columns, [](float number, double exact, double row, double column) {
            const double unit = row * column, least = std::numeric_limits<float>::denorm_min();
            CAPTURE(row);
            CAPTURE(column);
            REQUIRE(std::abs(number - exact) <= (unit > 0 ? 1e-4 * unit + 128 * least : 0));
        });
    };
    {
        ScaledPointwise forward;
        spread(forward.filter, 5), spread(forward.place, 7), forward.run();
        check(forward.y, forward.filter, forward.place);
    }
    {
        ScaledPointwise input;
        spread(input.channel, 5), spread(input.place, 7), input.run();
        check(input.dx, input.channel, input.place);
    }
    ScaledPointwise weights;
    spread(weights.filter, 5), spread(weights.channel, 7), weights.run();
    check(weights.dw, weights.filter, weights.channel);
}

TEST_CASE("convolutions of 1x1 are not numbers where a filter, a channel or a place is not") {
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        const auto check = [](const Numbers<float>& numbers, const auto& rows, const auto& columns) {
            each_scaled(numbers, rows, columns, [](float number, double, float row, float column) {
                REQUIRE(std::isfinite(number) == (std::isfinite(row) && std::isfinite(column)));
            });
        };
        {
            ScaledPointwise forward;
            forward.filter[3] = bad, forward.place[77] = bad, forward.run();
            check(forward.y, forward.filter, forward.place);
        }
        {
            ScaledPointwise input;
            input.channel[519] = bad, input.place[3] = bad, input.run();
            check(input.dx, input.channel, input.place);
        }
        ScaledPointwise weights;
        weights.filter[514] = bad, weights.channel[5] = bad, weights.run();
        check(weights.dw, weights.filter, weights.channel);
    }
}

TEST_CASE("small kernels, strides and paddings") {
    compare_all<float, Case<1, 1, 1, 1, 1, 1, 1, 0>, Case<7, 6, 5, 11, 1, 1, 1, 0>, Case<5, 9, 4, 3, 1, 1, 3, 0>,
                Case<2, 7, 8, 6, 2, 2, 1, 0>, Case<3, 8, 7, 7, 2, 2, 2, 1>, Case<4, 9, 9, 13, 2, 2, 3, 1>,
                Case<3, 11, 6, 5, 3, 3, 1, 1>, Case<6, 7, 13, 9, 3, 3, 1, 2>, Case<1, 10, 9, 4, 3, 3, 2, 0>,
                Case<5, 9, 10, 8, 3, 3, 3, 2>, Case<2, 9, 12, 17, 4, 4, 1, 0>, Case<3, 8, 8, 1, 4, 4, 1, 3>,
                Case<2, 13, 9, 6, 4, 4, 3, 1>, Case<17, 6, 29, 2, 3, 3, 1, 1>>();
}

TEST_CASE("large kernels, strides and paddings") {
    compare_all<float, Case<4, 14, 6, 10, 5, 5, 1, 2>, Case<2, 11, 12, 7, 5, 5, 2, 2>, Case<3, 6, 7, 19, 5, 5, 1, 4>,
                Case<2, 12, 15, 3, 6, 6, 1, 5>, Case<1, 13, 14, 21, 6, 6, 4, 0>, Case<3, 15, 9, 5, 7, 7, 1, 3>,
                Case<2, 17, 16, 4, 7, 7, 3, 6>, Case<1, 7, 7, 23, 7, 7, 1, 0>, Case<2, 16, 17, 3, 9, 9, 1, 4>,
                Case<1, 15, 30, 2, 13, 13, 1, 6>>();
}

TEST_CASE("shapes drawn at random") { compare_drawn(std::make_integer_sequence<int, 4>{}); }

TEST_CASE("kernels that are not square") {
    compare_all<float, Case<2, 9, 11, 5, 3, 5, 1, 1>, Case<3, 10, 6, 6, 5, 2, 2, 1>>();
}

TEST_CASE("convolutions in double") {
    compare_all<double, Case<3, 11, 6, 5, 3, 3, 1, 1>, Case<5, 9, 10, 8, 3, 3, 3, 2>, Case<2, 13, 9, 6, 4, 4, 3, 1>,
                Case<3, 15, 9, 5, 7, 7, 1, 3>>();
}

TEST_CASE("Winograd's method for each size of piece, whole and cut off, with padding") {
    compare_winograd<float, 2, Case<20, 4, 4, 21, 3, 3, 1, 0>, Case<12, 6, 6, 12, 5, 5, 1, 0>,
                     Case<10, 9, 8, 12, 7, 7, 1, 3>>();
    compare_winograd<float, 4, Case<16, 4, 4, 18, 3, 3, 1, 1>, Case<7, 7, 10, 13, 5, 5, 1, 2>,
                     Case<9, 10, 9, 10, 5, 5, 1, 4>, Case<50, 8, 8, 49, 3, 3, 1, 1>, Case<53, 9, 12, 81, 3, 3, 1, 0>,
                     Case<49, 8, 8, 52, 5, 5, 1, 0>>();
    compare_winograd<float, 4, Case<8, 20, 20, 8, 3, 3, 1, 1>>(); // 25 pieces, 4 at a time
    compare_winograd<float, 6, Case<8, 9, 11, 9, 3, 3, 1, 1>, Case<9, 10, 16, 27, 3, 3, 1, 2>,
                     Case<48, 6, 7, 50, 3, 3, 1, 1>>();
    compare_winograd<double, 2, Case<10, 9, 8, 12, 7, 7, 1, 3>>();
    compare_winograd<double, 4, Case<7, 7, 10, 13, 5, 5, 1, 2>, Case<49, 8, 8, 52, 5, 5, 1, 0>>();
    compare_winograd<double, 6, Case<9, 10, 16, 27, 3, 3, 1, 2>>();
}

TEST_CASE("the worked example by hand: 5x5x3, F 3, S 2, P 1, K 2 by hand") {
    using G = Case<3, 5, 5, 2, 3, 3, 2, 1>;
    static_assert(G::P == 3 && G::Q == 3); // (5 − 3 + 2·1) / 2 + 1
    // x[c,h,w] = c + 1 where h = w, else 0; w[0] = all 1, w[1] = 1 only at (c = 2, r = 0, s = 0); b = (10, −1).
    Tiles<float, G::input> x;
    Tiles<float, G::output> y;
    Views<float, G::weights> w;
    Views<float, Shape<2>> b;
    for (int c = 0; c < 3; ++c)
        for (int h = 0; h < 5; ++h) std::fill_n(x.tile().row((c * 5 + h) * 5 + h), L, static_cast<float>(c + 1));
    std::fill_n(w.view().data, 27, 1.0f);
    w.view()[27 + 2 * 9] = 1;
    b.view()[0] = 10, b.view()[1] = -1;
    // Window (p, q) covers rows 2p − 1 … 2p + 1 and columns 2q − 1 … 2q + 1: on the diagonal it holds 2, 3, 2 of its
    // pixels, beside it 1, each pixel 1 + 2 + 3 over the channels. Filter 1 reads x[2, 2p − 1, 2q − 1], which is 3 for
    // p = q > 0.
    const float filter0[9] = {22, 16, 10, 16, 28, 16, 10, 16, 22}, filter1[9] = {-1, -1, -1, -1, 2, -1, -1, -1, 2};
    Arena<std::byte> scratch = scratch_of(conv_scratch_bytes(cpu::backend{}, G{}, float{}));
    const auto check = [&](const char* backend) {
        CAPTURE(backend);
        for (int i = 0; i < 9; ++i)
            for (int lane = 0; lane < L; ++lane) {
                CHECK(y.tile().row(i)[lane] == filter0[i]);
                CHECK(y.tile().row(9 + i)[lane] == filter1[i]);
            }
    };
    conv_forward(cpu::backend{}, G{}, y.tile(), x.tile(), w.view(), b.view(), packed_weights<G>(w.view()).data(),
                 scratch.data());
    check("cpu");
    std::fill(y.fast.span().begin(), y.fast.span().end(), 0.0f);
    conv_forward(reference::backend{}, G{}, y.tile(), x.tile(), w.view(), b.view(), nullptr, nullptr);
    check("reference");
}
