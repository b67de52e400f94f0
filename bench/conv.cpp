// Convolutions and depthwise ones, each direction alone. Weights are packed beforehand, as once a step; the gradients
// of several threads are added up.
#include "executed.hpp"
#include "layers.hpp"

using namespace ikebana;

namespace {

/// Operands of one convolution, all tiles of a batch.
template <class G>
struct Operands {
    using X = typename G::input;
    using Y = typename G::output;
    using W = typename G::weights;
    static constexpr int K = Y::sizes[0];
    bench::Tiles<X> x, dx;
    bench::Tiles<Y> y;
    Arena<float> w = bench::random_numbers(W::size), b = bench::random_numbers(K), packed;
    bench::PerThread<float> dw{W::size};
    bench::PerThread<std::byte> scratch{scratch_bytes() + 64};
    const cpu::backend on = cpu::backend::sweeping(sizeof(float) * (X::size + Y::size) * bench::layers.batch);

    Operands() {
        if constexpr (!bench::is_depthwise<G>) {
            packed = Arena<float>(conv_packed_size(cpu::backend{}, G{}, 0.f));
            conv_pack(cpu::backend{}, G{}, packed.data(), weights());
        }
    }

    static constexpr std::size_t scratch_bytes() {
        if constexpr (bench::is_depthwise<G>)
            return depthwise_scratch_bytes(cpu::backend{}, G{}, 0.f);
        else
            return conv_scratch_bytes(cpu::backend{}, G{}, 0.f);
    }

    View<float, W> weights() { return {w.data()}; }
    View<float, Shape<K>> bias() { return {b.data()}; }
    View<float, W> gradient(int worker) { return {dw[worker]}; }

    void forward(int t, int worker) {
        if constexpr (bench::is_depthwise<G>)
            depthwise_forward(on, G{}, y[t], x[t], weights(), bias(), scratch[worker]);
        else
            conv_forward(on, G{}, y[t], x[t], weights(), bias(), packed.data(), scratch[worker]);
    }
    /// One of the two gradients, the other is Nothing.
    template <class DX, class DW>
    void backward(DX to, DW sum, int t, int worker) {
        if constexpr (bench::is_depthwise<G>)
            depthwise_backward(on, G{}, to, sum, y[t], x[t], weights(), scratch[worker]);
        else
            conv_backward(on, G{}, to, sum, y[t], x[t], weights(), packed.data(), scratch[worker]);
    }
};

template <class G, class F>
void add_direction(const char* direction, F once) {
    bench::add_layer<Operands<G>>(bench::layer_name<G>(direction), bench::layers.batch * bench::flop<G>,
                                  bench::executed_share<G>(), once);
}

} // namespace

void bench::add_benchmarks() {
    each<ConvShapes>([]<class G>(G) {
        add_direction<G>("forward", [](auto& o, auto& workers) {
            workers.run(tiles(), [&](int t, int worker) { o.forward(t, worker); });
        });
        add_direction<G>("weight gradient", [](auto& o, auto& workers) {
            workers.run(tiles(), [&](int t, int worker) { o.backward(Nothing{}, o.gradient(worker), t, worker); });
            o.dw.sum();
        });
        if constexpr (G::C > 1) // an image has no gradient
            add_direction<G>("input gradient", [](auto& o, auto& workers) {
                workers.run(tiles(), [&](int t, int worker) { o.backward(o.dx[t], Nothing{}, t, worker); });
            });
    });
}
