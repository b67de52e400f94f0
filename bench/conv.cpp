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

/// A convolution with the 2×2 max pool and Relu that follow it, in one pass, as LeNet-5 runs them.
template <class G>
struct PooledOperands : Operands<G> {
    using Y = Shape<G::output::sizes[0], G::P / 2, G::Q / 2>;
    static constexpr std::integral_constant<int, 2> window{};
    bench::Tiles<Y> pooled, argmax;
    bench::PerThread<std::byte> pool_scratch{conv_pool_scratch_bytes(cpu::backend{}, G{}, 2, 0.f) + 64};

    PooledOperands() {
        for (int t = 0; t < bench::tiles(); ++t) forward(t, 0);
    }
    void forward(int t, int worker) {
        conv_pool_forward(this->on, G{}, window, functors::relu{}, pooled[t], argmax[t].data, this->x[t],
                          this->weights(), this->bias(), this->packed.data(), pool_scratch[worker]);
    }
    template <class DX, class DW>
    void backward(DX to, DW sum, int t, int worker) {
        conv_pool_backward(this->on, G{}, window, to, sum, pooled[t], argmax[t].data, this->x[t], this->weights(),
                           this->packed.data(), pool_scratch[worker]);
    }
};

/// Each direction of the convolution G, and of what O has of it; an image has no gradient.
template <class O, class G>
void add_directions(const std::string& what = "") {
    const auto add = [&](const char* direction, auto once) {
        bench::add_layer<O>(bench::layer_name<G>(what + direction), bench::layers.batch * bench::flop<G>,
                            bench::executed_share<G>(), once);
    };
    add("forward",
        [](auto& o, auto& workers) { workers.run(bench::tiles(), [&](int t, int worker) { o.forward(t, worker); }); });
    add("weight gradient", [](auto& o, auto& workers) {
        workers.run(bench::tiles(), [&](int t, int worker) { o.backward(Nothing{}, o.gradient(worker), t, worker); });
        o.dw.sum();
    });
    if constexpr (G::C > 1)
        add("input gradient", [](auto& o, auto& workers) {
            workers.run(bench::tiles(), [&](int t, int worker) { o.backward(o.dx[t], Nothing{}, t, worker); });
        });
}

} // namespace

void bench::add_benchmarks() {
    each<ConvShapes>([]<class G>(G) { add_directions<Operands<G>, G>(); });
    each<LeNetConvShapes>([]<class G>(G) { add_directions<PooledOperands<G>, G>("pool and relu, "); });
}
