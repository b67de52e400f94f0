// oneDNN's own kernels for the convolutions of bench/shapes.hpp, in the memory formats that it likes best: reordering
// to and from them is not counted. Its threads are those that OMP_NUM_THREADS says.
#include <bench/report.hpp>
#include <bench/shapes.hpp>
#include <dnnl.hpp>

#include <cstring>
#include <unordered_map>

using namespace ikebana;
using dnnl::memory;

namespace {

const dnnl::engine& cpu() {
    static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
    return engine;
}

/// The problem in oneDNN's words.
template <class G>
struct Problem {
    static memory::desc any(memory::dims sizes) { return {sizes, memory::data_type::f32, memory::format_tag::any}; }
    static inline const memory::dims strides{G::stride, G::stride}, borders{G::padding, G::padding};
    static inline const auto method = dnnl::algorithm::convolution_direct;
    static constexpr bool depthwise = !requires { G::K; };
    static constexpr int K = G::output::sizes[0];
    memory::desc x = any({bench::layers.batch, G::C, G::H, G::W}),
                 w = any(depthwise ? memory::dims{G::C, 1, 1, G::R, G::S} : memory::dims{K, G::C, G::R, G::S}),
                 b = any({K}), y = any({bench::layers.batch, K, G::P, G::Q});
    dnnl::convolution_forward::primitive_desc forward{
        {dnnl::prop_kind::forward_training, method, x, w, b, y, strides, borders, borders}, cpu()};

    dnnl::convolution_backward_weights::primitive_desc weight_gradient() const {
        return {{method, x, w, y, strides, borders, borders}, cpu(), forward};
    }
    dnnl::convolution_backward_data::primitive_desc input_gradient() const {
        return {{method, x, w, y, strides, borders, borders}, cpu(), forward};
    }
};

/// Zeros would multiply as fast, but nothing may depend on that.
memory numbers(const memory::desc& desc) {
    memory m(desc, cpu());
    auto* const data = static_cast<float*>(m.get_data_handle());
    for (std::size_t i = 0; i < desc.get_size() / sizeof(float); ++i) data[i] = static_cast<float>(i % 17) / 17 - 0.5f;
    return m;
}

template <class G>
std::string name(const char* direction) {
    return bench::layer_name<G>(direction) + bench::layers.described();
}

template <class G>
void execute(benchmark::State& state, const dnnl::primitive& primitive,
             const std::unordered_map<int, memory::desc>& operands) {
    dnnl::stream stream(cpu());
    std::unordered_map<int, memory> arguments;
    for (const auto& [argument, desc] : operands) arguments.emplace(argument, numbers(desc));
    for (auto _ : state) {
        primitive.execute(stream, arguments);
        stream.wait();
    }
    const double flop = bench::layers.batch * bench::flop<G>;
    bench::report_flop(state, flop, flop * bench::inside_share<G>(), bench::layers.threads);
}

template <class G>
void add_convolution() {
    bench::add(name<G>("forward"), [](benchmark::State& state) {
        const auto d = Problem<G>{}.forward;
        execute<G>(state, dnnl::convolution_forward(d),
                   {{DNNL_ARG_SRC, d.src_desc()},
                    {DNNL_ARG_WEIGHTS, d.weights_desc()},
                    {DNNL_ARG_BIAS, d.bias_desc()},
                    {DNNL_ARG_DST, d.dst_desc()}});
    });
    bench::add(name<G>("weight gradient"), [](benchmark::State& state) {
        const auto d = Problem<G>{}.weight_gradient();
        execute<G>(state, dnnl::convolution_backward_weights(d),
                   {{DNNL_ARG_SRC, d.src_desc()},
                    {DNNL_ARG_DIFF_WEIGHTS, d.diff_weights_desc()},
                    {DNNL_ARG_DIFF_DST, d.diff_dst_desc()}});
    });
    if constexpr (G::C > 1)
        bench::add(name<G>("input gradient"), [](benchmark::State& state) {
            const auto d = Problem<G>{}.input_gradient();
            execute<G>(state, dnnl::convolution_backward_data(d),
                       {{DNNL_ARG_DIFF_SRC, d.diff_src_desc()},
                        {DNNL_ARG_WEIGHTS, d.weights_desc()},
                        {DNNL_ARG_DIFF_DST, d.diff_dst_desc()}});
        });
}

} // namespace

void bench::add_benchmarks() {
    each<ConvShapes>([]<class G>(G) { add_convolution<G>(); });
}
