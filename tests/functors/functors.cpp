// Functors on scalars and on vectors agree, NaN and infinities included; derivatives against differences; facts that
// the passes rely on (monotone, derivative_from_output) are true.
#include <backends/cpu/cpu.hpp>
#include <doctest/doctest.h>
#include <ikebana/layers/conv_pool.hpp>
#include <ikebana/tensor/expression.hpp>

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

using namespace ikebana;

namespace {

template <class T>
std::vector<T> probes() {
    const T inf = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
    std::vector<T> x{nan, -nan, inf, -inf, 0, -T(0), 1, -1, T(1e-3), T(-1e-3), 20, -20, 88, -88, 200, -200, 1e4, -1e4};
    for (T v = -9; v < 9; v += T(0.37)) x.push_back(v);
    while (x.size() % xsimd::batch<T>::size != 0) x.push_back(2);
    return x;
}

/// Relative to the greater of the two, and to `scale` where that is greater still.
template <class T>
bool agree(T a, T b, T scale = 0) {
    if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
    if (std::isinf(a) || std::isinf(b)) return a == b;
    const T tolerance = sizeof(T) == 8 ? T(1e-14) : T(1e-6);
    return std::abs(a - b) <= tolerance * std::max({std::abs(a), std::abs(b), scale}) + std::numeric_limits<T>::min();
}

template <class F, class T>
void compare_scalar_and_vector(const char* name) {
    using V = xsimd::batch<T>;
    CAPTURE(name);
    const std::vector<T> x = probes<T>();
    for (std::size_t i = 0; i < x.size(); i += V::size) {
        std::array<T, V::size> y, d;
        const V in = V::load_unaligned(x.data() + i), out = F{}(in);
        out.store_unaligned(y.data());
        F{}.derivative(in, out).store_unaligned(d.data());
        for (std::size_t k = 0; k < V::size; ++k) {
            const T scalar = F{}(x[i + k]);
            CAPTURE(x[i + k]);
            CAPTURE(scalar);
            CAPTURE(y[k]);
            CHECK(agree(scalar, y[k]));
            // 1 − y² and the like cancel near y = 1, where a compiler may fuse the scalar's product and difference.
            CHECK(agree(F{}.derivative(x[i + k], scalar), d[k], T(1)));
        }
    }
}

template <class F>
void check_functor(const char* name, double from, double to) {
    compare_scalar_and_vector<F, float>(name);
    compare_scalar_and_vector<F, double>(name);
    CAPTURE(name);
    double before = -std::numeric_limits<double>::infinity();
    for (double x = from; x <= to; x += 0.11) {
        const F f;
        const double y = f(x), h = 1e-6;
        CHECK(f.derivative(x, y) == doctest::Approx((f(x + h) - f(x - h)) / (2 * h)).epsilon(1e-6));
        if (F::derivative_from_output) CHECK(f.derivative(-1e300, y) == f.derivative(x, y));
        if (F::monotone) CHECK(y >= before);
        before = y;
    }
}

} // namespace

TEST_CASE("relu") {
    check_functor<functors::relu>("relu", -3.03, 3);
    CHECK(functors::relu{}(0.0) == 0);
    CHECK(functors::relu{}.derivative(0.0, 0.0) == 0); // as PyTorch
    CHECK(std::isnan(functors::relu{}(std::numeric_limits<float>::quiet_NaN())));
    CHECK(functors::relu{}(-std::numeric_limits<float>::infinity()) == 0);
}
TEST_CASE("sigmoid") {
    check_functor<functors::sigmoid>("sigmoid", -6, 6);
    CHECK(functors::sigmoid{}(0.0) == 0.5);
}
TEST_CASE("tanh") { check_functor<functors::tanh>("tanh", -4, 4); }
TEST_CASE("exp") { check_functor<functors::exp>("exp", -4, 4); }
TEST_CASE("log") { check_functor<functors::log>("log", 0.1, 9); }
TEST_CASE("sqrt") { check_functor<functors::sqrt>("sqrt", 0.1, 9); }
TEST_CASE("identity") { check_functor<functors::identity>("identity", -2, 2); }
