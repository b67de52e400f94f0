// OpenBLAS's matrix product for the Dense layers of bench/shapes.hpp: x (N,I), y (N,O), w (O,I), row-major. The bias is
// left out, to the peer's advantage. Its threads are those that OPENBLAS_NUM_THREADS says.
//   forward y = x wᵀ      weight gradient dw = dyᵀ x      input gradient dx = dy w
#include <bench/random_numbers.hpp>
#include <bench/report.hpp>
#include <bench/shapes.hpp>
#include <cblas.h>

using namespace ikebana;

namespace {

/// c (rows, columns) = op(a) op(b), summed over `depth`.
void product(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int rows, int columns, int depth, const float* a, const float* b,
             float* c) {
    cblas_sgemm(CblasRowMajor, ta, tb, rows, columns, depth, 1, a, ta == CblasNoTrans ? depth : rows, b,
                tb == CblasNoTrans ? columns : depth, 0, c, columns);
}

template <class S, class F>
void add_direction(const char* name, F direction) {
    bench::add(bench::dense_name<S>(name) + bench::layers.described(), [direction](benchmark::State& state) {
        auto x = bench::random_numbers(bench::layers.batch * S::sizes[1]),
             y = bench::random_numbers(bench::layers.batch * S::sizes[0]), w = bench::random_numbers(S::size);
        for (auto _ : state) {
            direction(x.data(), y.data(), w.data());
            benchmark::ClobberMemory();
        }
        const double flop = bench::layers.batch * bench::dense_flop<S>;
        bench::report_flop(state, flop, flop, bench::layers.threads);
    });
}

} // namespace

void bench::add_benchmarks() {
    each<DenseShapes>([]<class S>(S) {
        constexpr int O = S::sizes[0], I = S::sizes[1];
        add_direction<S>("forward", [](float* x, float* y, float* w) {
            product(CblasNoTrans, CblasTrans, layers.batch, O, I, x, w, y);
        });
        add_direction<S>("weight gradient", [](float* x, float* dy, float* dw) {
            product(CblasTrans, CblasNoTrans, O, I, layers.batch, dy, x, dw);
        });
        add_direction<S>("input gradient", [](float* dx, float* dy, float* w) {
            product(CblasNoTrans, CblasNoTrans, layers.batch, I, O, dy, w, dx);
        });
    });
}
