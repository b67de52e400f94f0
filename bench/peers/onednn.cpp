// oneDNN's own kernels for the convolutions of bench/shapes.hpp, in the memory formats that it likes best: reordering
// to and from them is not counted. Its threads are those that OMP_NUM_THREADS says.
#include <bench/report.hpp>
#include <bench/shapes.hpp>
#include <dnnl.hpp>

#include <algorithm>
#include <chrono>
#include <limits>
#include <string>
#include <unordered_map>
#include <utility>

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
    static constexpr bool depthwise = !requires { G::K; };
    static constexpr int K = G::output::sizes[0];
    dnnl::algorithm method;
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

/// One of oneDNN's ways to solve a problem, with its operands.
struct Way {
    dnnl::primitive primitive;
    std::string name; // in oneDNN's words
    std::unordered_map<int, memory> arguments;

    template <class Description>
    Way(const Description& description, dnnl::primitive p, const std::unordered_map<int, memory::desc>& operands)
        : primitive(std::move(p)), name(description.impl_info_str()) {
        for (const auto& [argument, desc] : operands) arguments.emplace(argument, numbers(desc));
    }
    void run(dnnl::stream& stream) const {
        primitive.execute(stream, arguments);
        stream.wait();
    }
    /// The least of five runs, after one that nobody times.
    double seconds(dnnl::stream& stream) const {
        double least = std::numeric_limits<double>::infinity();
        for (int i = 0; i < 6; ++i) {
            const auto start = std::chrono::steady_clock::now();
            run(stream);
            const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
            if (i > 0) least = std::min(least, taken.count());
        }
        return least;
    }
};

/// Times the faster of the direct method and of what oneDNN itself would choose, which may be Winograd's.
template <class G, class WayOf>
void add_direction(const char* direction, WayOf way_of) {
    bench::add(bench::layer_name<G>(direction) + bench::layers.described(), [way_of](benchmark::State& state) {
        dnnl::stream stream(cpu());
        Way best = way_of(Problem<G>{dnnl::algorithm::convolution_direct});
        if (Way other = way_of(Problem<G>{dnnl::algorithm::convolution_auto}); other.name != best.name)
            if (other.seconds(stream) < best.seconds(stream)) best = std::move(other);
        for (auto _ : state) best.run(stream);
        state.SetLabel(best.name);
        const double flop = bench::layers.batch * bench::flop<G>;
        // F(4×4, 3×3) multiplies 36 times where the direct method does 144 times, and borders, too.
        const bool is_winograd = best.name.find("wino") != std::string::npos;
        bench::report_flop(state, flop, flop * (is_winograd ? 0.25 : bench::inside_share<G>()), bench::layers.threads);
    });
}

template <class G>
void add_convolution() {
    add_direction<G>("forward", [](const Problem<G>& problem) {
        const auto& d = problem.forward;
        return Way(d, dnnl::convolution_forward(d),
                   {{DNNL_ARG_SRC, d.src_desc()},
                    {DNNL_ARG_WEIGHTS, d.weights_desc()},
                    {DNNL_ARG_BIAS, d.bias_desc()},
                    {DNNL_ARG_DST, d.dst_desc()}});
    });
    add_direction<G>("weight gradient", [](const Problem<G>& problem) {
        const auto d = problem.weight_gradient();
        return Way(d, dnnl::convolution_backward_weights(d),
                   {{DNNL_ARG_SRC, d.src_desc()},
                    {DNNL_ARG_DIFF_WEIGHTS, d.diff_weights_desc()},
                    {DNNL_ARG_DIFF_DST, d.diff_dst_desc()}});
    });
    if constexpr (G::C > 1)
        add_direction<G>("input gradient", [](const Problem<G>& problem) {
            const auto d = problem.input_gradient();
            return Way(d, dnnl::convolution_backward_data(d),
                       {{DNNL_ARG_DIFF_SRC, d.diff_src_desc()},
                        {DNNL_ARG_WEIGHTS, d.weights_desc()},
                        {DNNL_ARG_DIFF_DST, d.diff_dst_desc()}});
        });
}

} // namespace

void bench::add_benchmarks() {
    each<ConvShapes>([]<class G>(G) { add_convolution<G>(); });
}
