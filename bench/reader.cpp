// A reader: shuffled batches of 64 out of arrays of MNIST's shape in memory. A batch reads an image's values and writes
// 64·784 floats; a train step may hide it, so the time is what counts.
#include "report.hpp"
#include "shapes.hpp"
#include <ikebana/data/readers.hpp>

using namespace ikebana;

namespace {

constexpr std::size_t images = 60'000, pixels = 28 * 28;

template <class T>
void shuffled_batches(benchmark::State& state) {
    BatchTensor<T, 4> x(std::array<std::size_t, 4>{images, 1, 28, 28});
    BatchTensor<int, 1> labels(std::array<std::size_t, 1>{images});
    for (std::size_t i = 0; i < x.size(); ++i) x.data()[i] = static_cast<T>(i % 251);
    for (std::size_t n = 0; n < images; ++n) labels(n) = static_cast<int>(n % 10);
    auto reader = batch(shuffle(from_arrays<Shape<1, 28, 28>, 10>(x, labels), 500), bench::batch);
    Batch b;
    unsigned pass = 0;
    for (auto _ : state) {
        if (!reader.next(b)) {
            reader.start(++pass);
            reader.next(b);
        }
        benchmark::DoNotOptimize(b.images.data());
        benchmark::ClobberMemory();
    }
    const double numbers = bench::batch * pixels;
    bench::report_bytes(state, numbers * (sizeof(T) + sizeof(float)), x.size() * sizeof(T));
}

} // namespace

void bench::add_benchmarks() {
    add("reader, batch of 64 grey images, shuffled", shuffled_batches<std::uint8_t>);
    add("reader, batch of 64 float images, shuffled", shuffled_batches<float>);
}
