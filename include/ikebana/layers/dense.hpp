// Dense<O>: y = W x + b over all I = In::size values of a sample; W is (O, I). Options: NoBias, an initialisation
// (init::XavierUniform by default, init::HeNormal).
//   dW += dy xᵀ      db += Σ dy      dx = Wᵀ dy
// Next to read: backends/reference/dense.hpp.
#pragma once
#include <ikebana/layers/initialise.hpp>
#include <ikebana/layers/layer.hpp>
#include <ikebana/layers/primitives.hpp>

namespace ikebana {

/// Gradients of parameters, and of x unless dx is Nothing: both by one call where the backend has it.
template <class Backend, class DX, class DW, class DB, class DY, class X, class W>
void dense_gradients(Backend backend, DX dx, DW dw, DB db, DY dy, X x, W w, std::byte* scratch) {
    if constexpr (fuses_dense<Backend> && !is_nothing<DX>) {
        dense_backward(backend, dx, dw, db, dy, x, w);
    } else {
        dense_backward_weight(backend, dw, db, dy, x, scratch);
        if constexpr (!is_nothing<DX>) dense_backward_input(backend, dx, w, dy);
    }
}

template <int O, class... Options>
struct Dense {
    static constexpr bool has_bias = !has_option<NoBias, Options...>;
    using initial = std::conditional_t<has_option<init::HeNormal, Options...>, init::HeNormal, init::XavierUniform>;

    template <class In>
    static consteval auto output() {
        if constexpr (!((std::is_same_v<Options, NoBias> || std::is_same_v<Options, init::HeNormal> ||
                         std::is_same_v<Options, init::XavierUniform>)&&...))
            return refused<expected<options<NoBias, init::HeNormal, init::XavierUniform>>>{};
        else if constexpr (O < 1)
            return refused<expected<outputs_at_least<1>>>{};
        else
            return Shape<O>{};
    }

    template <class In>
    using weight_parameter = Parameter<weight, Shape<O, static_cast<int>(In::size)>, initial>;
    template <class In>
    using parameters =
        std::conditional_t<has_bias, Parameters<weight_parameter<In>, Parameter<bias, Shape<O>, init::Zeros>>,
                           Parameters<weight_parameter<In>>>;
    template <class In>
    static constexpr long multiply_adds = static_cast<long>(O) * static_cast<long>(In::size);
    template <class In>
    using sizes = Shape<O, static_cast<int>(In::size)>;
    template <class In, class Backend, class T>
    static constexpr std::size_t scratch_bytes = dense_scratch_bytes(Backend{}, sizes<In>{}, T{});

    template <class In>
    static void forward(auto backend, auto y, auto x, auto p, auto&) {
        dense_forward(backend, y, x, get<0>(p), bias_of<has_bias>(p));
    }

    template <class In>
    static void backward(auto backend, auto dx, auto dp, auto dy, auto, auto x, auto p, auto& context) {
        dense_gradients(backend, dx, get<0>(dp), bias_of<has_bias>(dp), dy, x, get<0>(p), context.scratch);
    }

    // A large W over the whole batch.
    template <class In, class Backend, class T, bool First>
    static constexpr int batch_tasks = dense_batch_tasks(Backend{}, sizes<In>{}, T{}, First);
    template <class In, class Backend, class T>
    static constexpr int batch_input_tasks = dense_batch_input_tasks(Backend{}, sizes<In>{}, T{});

    template <class In, class Backend, class T>
    static constexpr int batch_prepare_tasks = dense_batch_prepare_tasks(Backend{}, sizes<In>{}, T{});
    template <class In, class Backend, class T>
    static constexpr std::size_t batch_prepared_bytes = dense_batch_prepared_bytes(Backend{}, sizes<In>{}, T{});

    template <class In>
    static void batch_prepare(auto backend, auto rows, BatchMemory memory, int task) {
        dense_batch_prepare(backend, sizes<In>{}, rows, memory, task);
    }
    template <class In, class Backend, class T>
    static constexpr std::size_t batch_list_bytes = dense_batch_list_bytes(Backend{}, sizes<In>{}, T{});
    template <class In>
    static auto batch_rows(auto backend, auto rows) {
        return dense_batch_rows(backend, sizes<In>{}, rows);
    }
    template <class In>
    static void batch_list(auto backend, auto rows, BatchMemory memory, int tile) {
        dense_batch_list(backend, sizes<In>{}, rows, memory, tile);
    }
    template <class In>
    static void batch_forward(auto backend, auto y, auto x, auto rows, BatchMemory memory, auto p, int task) {
        dense_batch_forward(backend, y, x, rows, memory, get<0>(p), bias_of<has_bias>(p), task);
    }
    template <class In>
    static void batch_backward(auto backend, auto dx, auto dy, auto p, int task) {
        dense_batch_backward_input(backend, dx, get<0>(p), dy, task);
    }
    template <class In, class T>
    static constexpr auto batch_outputs(auto backend, int task) {
        return dense_batch_outputs(backend, sizes<In>{}, T{}, task);
    }
    template <class In, class T>
    static constexpr auto batch_inputs(auto backend, int task) {
        return dense_batch_inputs(backend, sizes<In>{}, T{}, task);
    }
    template <class In>
    static void batch_gradient(auto backend, auto dp, auto dy, auto rows, BatchMemory memory, int task) {
        dense_batch_gradient(backend, sizes<In>{}, dp[0], has_bias ? dp[dp.size() - 1] : nullptr, dy, rows, memory,
                             task);
    }

    static std::string name() { return type_text("Dense", {O}, {option_name(Options{})...}); }
};

} // namespace ikebana
