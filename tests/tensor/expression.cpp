// Expressions are evaluated in one pass: counted by an element type that notes every load and store. Derivatives by
// duals against central differences, and the same objects on scalars and on vectors.
#include <backends/cpu/cpu.hpp>
#include <backends/reference/reference.hpp>
#include <doctest/doctest.h>
#include <ikebana/optim/adam.hpp>
#include <ikebana/optim/sgd.hpp>
#include <tests/support/findings.hpp>

#include <ikebana/core/arena.hpp>
#include <ikebana/core/random.hpp>

using namespace ikebana;
using namespace ikebana::test;

namespace {

/// A double that writes down who was read or written, in order.
struct Cell {
    using compute_type = double;
    struct Access {
        const Cell* cell;
        bool store;
    };
    static inline std::vector<Access> accesses;

    double value = 0;

    operator double() const {
        accesses.push_back({this, false});
        return value;
    }
    Cell& operator=(double v) {
        accesses.push_back({this, true});
        value = v;
        return *this;
    }
};

constexpr std::size_t n = 13;

struct Array {
    std::vector<Cell> cells = std::vector<Cell>(n);

    explicit Array(double first) {
        for (std::size_t i = 0; i < n; ++i) cells[i].value = first + 0.1 * static_cast<double>(i);
        Cell::accesses.clear();
    }
    Cell* data() { return cells.data(); }
    Elements<Cell> read() { return {cells.data()}; }
    long count(bool store) const {
        return std::count_if(Cell::accesses.begin(), Cell::accesses.end(), [&](const Cell::Access& a) {
            return a.store == store && a.cell >= cells.data() && a.cell < cells.data() + n;
        });
    }
    long loads() const { return count(false); }
    long stores() const { return count(true); }
};

/// Whether positions come one after the other, none again once it is left; and at each, no load after a store.
bool one_pass(std::initializer_list<const Array*> arrays) {
    std::size_t at = 0;
    bool stored = false;
    for (const Cell::Access& a : Cell::accesses)
        for (const Array* array : arrays) {
            if (a.cell < array->cells.data() || a.cell >= array->cells.data() + n) continue;
            const auto i = static_cast<std::size_t>(a.cell - array->cells.data());
            if (i != at && i != at + 1) return false;
            if (i == at && stored && !a.store) return false;
            stored = a.store;
            at = i;
        }
    return at == n - 1;
}

} // namespace

TEST_CASE("a * x + tanh(y) is one pass: a load for each operand, a store for each result") {
    Array x(1), y(-0.5), z(0);
    const double a = 3;
    assign(reference::backend{}, n, z.data(), a * x.read() + tanh(y.read()));
    CHECK(x.loads() == n);
    CHECK(y.loads() == n);
    CHECK(z.loads() == 0);
    CHECK(z.stores() == n);
    CHECK(x.stores() + y.stores() == 0);
    CHECK(one_pass({&x, &y, &z}));
    for (std::size_t i = 0; i < n; ++i)
        CHECK(z.cells[i].value == doctest::Approx(a * x.cells[i].value + std::tanh(y.cells[i].value)));
}

TEST_CASE("the same over a tile, with one value a channel read in the same pass") {
    Array x(1), z(0);
    double bias[1] = {5};
    using T = Tile<Cell, Shape<1, 1, 13>, 1>;
    assign(reference::backend{}, T{z.data()}, x.read() * 2.0 + PerChannel<double>{bias});
    CHECK(x.loads() == n);
    CHECK(z.stores() == n);
    CHECK(one_pass({&x, &z}));
    CHECK(z.cells[12].value == doctest::Approx(2 * 2.2 + 5));
}

TEST_CASE("a value and its slope come from one load") {
    Array x(0.25), y(0);
    assign(reference::backend{}, n, y.data(), slope(tanh(variable(x.read()) * 2.0)));
    CHECK(x.loads() == n);
    CHECK(y.stores() == n);
    CHECK(y.cells[0].value == doctest::Approx(2 * (1 - std::pow(std::tanh(0.5), 2))));
}

TEST_CASE("Adam's update is one pass over parameters, both moments and gradient") {
    Array w(1), m(0.5), v(0.25), g(-1);
    Adam{}.update(reference::backend{}, n, w.data(), {m.data(), v.data()}, g.read(), 1, 0.001);
    for (const Array* written : {&w, &m, &v}) CHECK(written->stores() == n);
    CHECK(g.stores() == 0);
    CHECK(w.loads() == n);
    CHECK(one_pass({&w, &m, &v, &g}));
}

TEST_CASE("Sgd's update is one pass over parameters, velocity and gradient") {
    Array w(1), v(0.25), g(-1);
    Sgd{}.update(reference::backend{}, n, w.data(), {v.data()}, g.read(), 1, 0.1);
    CHECK(w.stores() == n);
    CHECK(v.stores() == n);
    CHECK(g.stores() == 0);
    CHECK(one_pass({&w, &v, &g}));
}

// ---- derivatives

namespace {

/// Slope of f by duals on both backends against a central difference, at positive x (some f need them).
template <class F>
void check_slope(const char* what, F f) {
    CAPTURE(what);
    constexpr std::size_t count = 37;
    Arena<double> x(count), up(count), down(count), exact(count), fast(count);
    Arena<float> x32(count), fast32(count);
    Random random(Seed{21}, Stream::test);
    for (std::size_t i = 0; i < count; ++i)
        x.data()[i] = x32.data()[i] = static_cast<float>(0.2 + 2 * random.uniform());
    const double h = 1e-5;
    const Elements<double> at{x.data()};
    assign(reference::backend{}, count, up.data(), f(at + h));
    assign(reference::backend{}, count, down.data(), f(at - h));
    assign(reference::backend{}, count, exact.data(), slope(f(variable(at))));
    assign(cpu::backend{}, count, fast.data(), slope(f(variable(at))));
    assign(cpu::backend{}, count, fast32.data(), slope(f(variable(Elements<float>{x32.data()}))));
    for (std::size_t i = 0; i < count; ++i) up.data()[i] = (up.data()[i] - down.data()[i]) / (2 * h);
    const auto error = [](const auto& a, const auto& b) { return relative_error(a.span(), b.span()); };
    CHECK(error(exact, up) <= 1e-8);
    CHECK(error(fast, exact) <= 1e-13);
    CHECK(error(fast32, exact) <= 2e-6);
}

} // namespace

TEST_CASE("slopes of composed expressions") {
    check_slope("x sigmoid(x)", [](auto x) { return x * sigmoid(x); });
    check_slope("tanh(log(1 + e^x))", [](auto x) { return tanh(log(1.0f + exp(x))); });
    check_slope("quotients", [](auto x) { return (1.0f - x * x) / (2.0f + sqrt(x)); });
    check_slope("relu on both sides", [](auto x) { return relu(x - 1.0f) * 2.0f - relu(1.0f - x) / 3.0f; });
    check_slope("x used five times", [](auto x) { return x * x * x - x / (x + 1.0f); });
    check_slope("minus", [](auto x) { return exp(-x) * 0.5f; });
}

TEST_CASE("without a variable the slope is 0; the variable itself has slope 1") {
    double x[3] = {1, 2, 3}, y[3];
    const Elements<double> e{x};
    assign(reference::backend{}, 3, y, slope(exp(e) * 2.0));
    CHECK(std::all_of(y, y + 3, [](double v) { return v == 0; }));
    assign(reference::backend{}, 3, y, slope(variable(e)));
    CHECK(std::all_of(y, y + 3, [](double v) { return v == 1; }));
}

TEST_CASE("nodes are values: trivially copyable, and hold no reference to a temporary") {
    float x[2] = {1, 4}, y[2];
    const auto make = [&] {
        const Elements<float> e{x};
        const auto part = e * 2.0f;
        return sqrt(part) + 1.0f;
    };
    const auto e = make();
    static_assert(std::is_trivially_copyable_v<decltype(e)>);
    assign(reference::backend{}, 2, y, e);
    CHECK(y[0] == doctest::Approx(1 + std::sqrt(2.0f)));
    CHECK(y[1] == doctest::Approx(1 + std::sqrt(8.0f)));
}

TEST_CASE("several arrays are summed in their order") {
    // 1e8 + (−1e8) + 1 in float is 1 in this order and 0 in another.
    float arrays[3][2] = {{1e8f, 1}, {-1e8f, 2}, {1, 3}}, y[2];
    assign(reference::backend{}, 2, y, SumOfArrays<float>{arrays[0], 2, 3});
    CHECK(y[0] == 1);
    CHECK(y[1] == 6);
    assign(cpu::backend{}, 2, y, SumOfArrays<float>{arrays[0], 2, 3});
    CHECK(y[0] == 1);
}
