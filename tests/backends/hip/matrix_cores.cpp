// The tiled product of backends/hip/multiply.hpp by matrix cores, as Dense and convolutions use it, against the
// reference: on the CPU both cores, on a GPU the one that the program is built for. Numbers that TF32 holds give the
// sums exactly, since these fit float32 as well; others differ by what their rounding allows.
#include "compare.hpp"

#include <ikebana/network/sequential.hpp>

#include <bit>
#include <cmath>

using namespace ikebana;
using namespace ikebana::hip;
using namespace ikebana::hip::test;

namespace {

enum class Numbers { exact, any };

/// Eighths from −1 to 1, or any number between.
float draw(Random& random, Numbers numbers) {
    const double x = 2 * random.uniform() - 1;
    return static_cast<float>(numbers == Numbers::exact ? std::round(8 * x) / 8 : x);
}

template <class X>
void fill(X& x, Random& random, Numbers numbers) {
    if constexpr (requires { x.device; }) {
        std::vector<float> drawn;
        for (double& v : x.exact) drawn.push_back(draw(random, numbers)), v = drawn.back();
        to_device(hip::backend{}, x.device.data(), drawn.data(), drawn.size());
    } else {
        x.set([&](int) { return draw(random, numbers); });
    }
}

#if defined(__HIP__) || defined(__CUDACC__)
using Cores = pack<MatrixCore>;
template <class Core>
struct Warps {};
#else
using Cores = pack<Tf32Core, Float32Core>;
/// Warps are as the core has them, and every launch runs in three orders.
template <class Core>
struct Warps : OrdersCompared {
    Warps() { host::options.warp = Core::lanes; }
};
#endif

/// f(core) for each core there is.
template <class F>
void with_each_core(F f) {
    [&]<class... Core>(pack<Core...>) {
        ((void)([&] {
             const Warps<Core> warps;
             const std::string name = Core::backend_name;
             CAPTURE(name);
             f(Core{});
         }()),
         ...);
    }(Cores{});
}

/// `of` holds exact numbers' sums; any numbers' within a product's rounding, and rounded they are.
template <class Core, class X>
void check_sums(const X& of, Numbers numbers, const char* what) {
    const std::string name = what;
    CAPTURE(name);
    const double error = of.error();
    if (numbers == Numbers::exact) {
        CHECK(error <= 1e-7);
    } else {
        CHECK(error <= std::max(Core::rounding, 1e-5));
        if (Core::rounding != 0) CHECK(error > 1e-5);
    }
}

template <class Core, int O, int I, int N>
void compare_dense(Numbers numbers) {
    Random random(Seed{31}, Stream::test, O * 1000 + I);
    hip::test::Memory<float, N> memory(2 * L * (O + I));
    Tiles<float, N, Shape<I>> x(memory), dx(memory);
    Tiles<float, N, Shape<O>> y(memory), dy(memory);
    Views<float, Shape<O, I>> w, dw;
    Views<float, Shape<O>> b, db;
    fill(x, random, numbers), fill(dy, random, numbers), fill(w, random, numbers), fill(b, random, numbers);
    fill(dw, random, numbers), fill(db, random, numbers); // are added to
    const hip::backend on = memory.on();
    const reference::backend exact;
    const std::ptrdiff_t step = on.step_of<float>();
    CAPTURE(O);
    CAPTURE(I);
    launch_multiply(on, tiled_product<float, O, batch_columns, Core>(
                            Matrix<float, I>{w.device.data()}, ByColumns<float, 1>{{x.data, step}},
                            ToColumns<float, 1>{{y.data, step}, b.device.data()}, N * L, I));
    dense_forward(exact, y.exact_tile(), x.exact_tile(), w.exact_view(), b.exact_view());
    check_sums<Core>(y, numbers, "forward");
    const auto weight_gradient =
        tiled_product<float, O, I, Core>(OverColumns<float, 1>{{dy.data, step}}, OverColumns<float, 1>{{x.data, step}},
                                         ToGradient<float, I>{dw.device.data(), db.device.data()}, I, N * L);
    launch_multiply(on, weight_gradient);
    dense_backward_weight(exact, dw.exact_view(), db.exact_view(), dy.exact_tile(), x.exact_tile(), nullptr);
    check_sums<Core>(dw, numbers, "backward_weight, dw");
    check_sums<Core>(db, numbers, "backward_weight, db");
    const auto input_gradient = tiled_product<float, I, batch_columns, Core>(
        Matrix<float, I, true>{w.device.data()}, ByColumns<float, 1>{{dy.data, step}},
        ToColumns<float, 1>{{dx.data, step}, nullptr}, N * L, O);
    launch_multiply(on, input_gradient);
    dense_backward_input(exact, dx.exact_tile(), w.exact_view(), dy.exact_tile());
    check_sums<Core>(dx, numbers, "backward_input");
    dx.clear();
    launch_multiply_two<O>(on, weight_gradient, input_gradient);
    dense_backward_weight(exact, dw.exact_view(), db.exact_view(), dy.exact_tile(), x.exact_tile(), nullptr);
    check_sums<Core>(dw, numbers, "backward, dw");
    check_sums<Core>(db, numbers, "backward, db");
    check_sums<Core>(dx, numbers, "backward, dx");
}

/// Forward through a W×W pool, whose windows a thread holds, and both gradients of the convolution alone.
template <class Core, class G, int W, int N>
void compare_conv(Numbers numbers) {
    using Pooled = Shape<G::K, G::P / W, G::Q / W>;
    using PG = PoolGeometry<typename G::output, W, W, 0>;
    constexpr int taps = G::C * G::R * G::S, inputs = G::H * G::W;
    Random random(Seed{32}, Stream::test, G::K);
    hip::test::Memory<float, N> memory(L * (2 * G::input::size + G::output::size + 2 * Pooled::size) +
                                       G::weights::size);
    Tiles<float, N, typename G::input> x(memory), dx(memory);
    Tiles<float, N, typename G::output> dy(memory);
    Tiles<float, N, Pooled> y(memory), argmax(memory);
    std::vector<double> full_numbers(G::output::size * N * L); // of the reference alone
    const Tile<double, typename G::output, N * L> full{full_numbers.data()};
    Views<float, typename G::weights> w, dw;
    Views<float, Shape<G::K>> b;
    fill(x, random, numbers), fill(dy, random, numbers), fill(w, random, numbers), fill(b, random, numbers);
    fill(dw, random, numbers); // is added to
    float* scratch = memory.take(G::weights::size);
    const hip::backend on = memory.on();
    const reference::backend exact;
    const std::ptrdiff_t step = on.step_of<float>();
    CAPTURE(G::weights::text());
    CAPTURE(W);

    launch_multiply(on, tiled_product<float, G::K, batch_columns, Core>(
                            Matrix<float, taps>{w.device.data()}, PatchesByColumns<G, float, W>{{x.data, step}},
                            ToPooled<G, float, W, functors::identity>{y.data, argmax.data, step, b.device.data()},
                            N * Place<G, W>::size, taps));
    conv_forward(exact, G{}, full, x.exact_tile(), w.exact_view(), b.exact_view(), nullptr, nullptr);
    max_pool_forward(exact, PG{}, y.exact_tile(), full, argmax.exact.data());
    check_sums<Core>(y, numbers, "forward");
    if (W > 1 && numbers == Numbers::exact) CHECK(argmax.error() == 0);

    const Spread<G, float, 1> gradient{dy.data, nullptr, step};
    const Shares<float> shares{scratch, step, G::weights::size, 1};
    launch_multiply(on, tiled_product<float, G::K, taps, Core>(
                            GradientOverColumns<G, float, 1>{gradient}, PatchesOverColumns<G, float, 1>{{x.data, step}},
                            ToShares<float, taps>{shares}, taps, N * Place<G, 1>::size, Place<G, 1>::size));
    add_shares(on, dw.device.data(), shares, N);
    launch_multiply(on, tiled_product<float, G::C, batch_columns, Core>(
                            TurnedWeights<G, float>{w.device.data()}, GradientPatches<G, float, 1>{gradient},
                            ToColumns<float, inputs>{{dx.data, step}, nullptr}, N * inputs * L, G::K * G::R * G::S));
    conv_backward(exact, G{}, dx.exact_tile(), dw.exact_view(), dy.exact_tile(), x.exact_tile(), w.exact_view(),
                  nullptr, nullptr);
    check_sums<Core>(dw, numbers, "dw");
    check_sums<Core>(dx, numbers, "dx");
}

template <int C, int H, int W, int K, int R, int stride, int padding>
using Case = ConvGeometry<Shape<C, H, W>, K, R, R, stride, padding>;

} // namespace

TEST_CASE("Dense by matrix cores") {
    with_each_core([]<class Core>(Core) {
        for (const Numbers numbers : {Numbers::exact, Numbers::any}) {
            compare_dense<Core, 10, 200, 2>(numbers);
            compare_dense<Core, 17, 15, 3>(numbers);
            compare_dense<Core, 130, 67, 1>(numbers);
        }
    });
}

TEST_CASE("convolutions by matrix cores, with a pool and without") {
    with_each_core([]<class Core>(Core) {
        for (const Numbers numbers : {Numbers::exact, Numbers::any}) {
            compare_conv<Core, Case<1, 12, 12, 20, 5, 1, 0>, 2, 2>(numbers);
            compare_conv<Core, Case<20, 6, 6, 50, 3, 1, 0>, 2, 1>(numbers);
            compare_conv<Core, Case<3, 9, 8, 7, 3, 2, 1>, 1, 3>(numbers);
        }
    });
}

TEST_CASE("a core's tile holds 20 and 50 filters in as few of its rows as there are, and whole windows") {
    with_each_core([]<class Core>(Core) {
        for (const int window : {1, 4}) {
            constexpr Unit unit = unit_of<Core>;
            const Blocking twenty = blocking_for(20, batch_columns, window, unit),
                           fifty = blocking_for(50, batch_columns, window, unit);
            CHECK((20 + twenty.m() - 1) / twenty.m() * twenty.m() == 32);
            CHECK((50 + fifty.m() - 1) / fifty.m() * fifty.m() == 64);
            if (window > 1) CHECK(fifty.across == window);
        }
    });
}

#if !defined(__HIP__) && !defined(__CUDACC__)
TEST_CASE("each number of a core's matrices is where the documents' tables have it") {
    with_each_core([]<class Core>(Core) {
        using Layout = host::Layout<Core>;
        const auto same = [](host::Holder at, int lane, int i) { return at.lane == lane && at.number == i; };
        for (int lane = 0; lane < Core::lanes; ++lane) {
            for (int i = 0; i < Core::left; ++i) {
                const PlaceInMatrix at = Core::left_at(lane, i);
                CHECK(same(Layout::left(at.row, at.column), lane, i));
            }
            for (int i = 0; i < Core::right; ++i) {
                const PlaceInMatrix at = Core::right_at(lane, i);
                CHECK(same(Layout::right(at.row, at.column), lane, i));
            }
            for (int i = 0; i < Core::sums; ++i) {
                const PlaceInMatrix at = Core::sum_at(lane, i);
                CHECK(same(Layout::sum(at.row, at.column), lane, i));
            }
        }
        CHECK(Core::lanes * Core::left == Core::M * Core::K);
        CHECK(Core::lanes * Core::right == Core::K * Core::N);
        CHECK(Core::lanes * Core::sums == Core::M * Core::N);
    });
}

TEST_CASE("TF32 has 10 bits of mantissa, and halves are rounded away from 0") {
    const auto round = [](float x) { return operand<Tf32Core>(x); };
    CHECK(round(1 + 0x1p-10f) == 1 + 0x1p-10f);
    CHECK(round(1 + 0x1p-11f) == 1 + 0x1p-10f);
    CHECK(round(-1 - 0x1p-11f) == -1 - 0x1p-10f);
    CHECK(round(1 + 0x1p-11f - 0x1p-23f) == 1);
    CHECK(round(2 - 0x1p-23f) == 2);
    CHECK(round(std::numeric_limits<float>::max()) == std::numeric_limits<float>::infinity());
    CHECK(round(-std::numeric_limits<float>::infinity()) == -std::numeric_limits<float>::infinity());
    CHECK(std::isnan(round(std::bit_cast<float>(0x7fffffffu))));
    CHECK(operand<Float32Core>(1 + 0x1p-23f) == 1 + 0x1p-23f);
}
#endif
