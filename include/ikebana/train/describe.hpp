// The table of a network: every number in it is a constant of the type. Bytes are those a layer takes in the workspace
// of one training step: its output and what it keeps for the way back; a layer that was fused into the one before takes
// none. The sum holds the gradients of activations and scratch too.
#pragma once
#include <ikebana/network/signature.hpp>
#include <ikebana/train/layer_row.hpp>
#include <ikebana/train/program.hpp>

#include <cstdio>

namespace ikebana {

/// One row a layer, for batches of `samples`.
template <class Net, class Loss>
std::vector<LayerRow> layer_table(int samples) {
    using program = Program<Net, Loss>;
    const auto tiles = static_cast<std::size_t>((samples + program::L - 1) / program::L);
    std::array<std::size_t, static_cast<std::size_t>(Net::layer_count)> bytes{};
    [&]<class... B>(pack<B...>) {
        using layout = typename program::layout;
        ((bytes[B::position] =
              tiles *
              (layout::template tile_bytes<typename B::output> +
               cache_bytes_of<typename B::layer, typename B::input, typename Net::backend, typename Net::scalar>())),
         ...);
    }(typename program::chain{});
    std::vector<LayerRow> rows;
    Net::each_layer([&]<class B>(B) {
        rows.push_back({B::position, layer_name<typename B::layer>(), B::output::text(),
                        parameter_count<typename B::parameters>,
                        multiply_adds_of<typename B::layer, typename B::input>(), bytes[B::position]});
    });
    return rows;
}

/// The table as text, with sums, the backend, the vector width and the threads in use.
template <class Trainer>
std::string describe(int samples, int threads) {
    using Net = typename Trainer::network;
    std::string text;
    const auto line = [&](auto... values) {
        char buffer[256];
        std::snprintf(buffer, sizeof buffer, values...);
        text += buffer;
    };
    line("input %s, batch %d, backend %s, vectors of %d, %d %s\n", Net::input::text().c_str(), samples,
         Net::backend::name, Net::backend::template vector_width<typename Net::scalar>, threads,
         threads == 1 ? "thread" : "threads");
    line("%5s  %-24s %-12s %12s %15s %17s\n", "layer", "kind", "output", "parameters", "multiply-adds",
         "workspace bytes");
    for (const LayerRow& row : layer_table<Net, typename Trainer::loss>(samples))
        line("%5d  %-24s %-12s %12zu %15ld %17zu\n", row.position, row.layer.c_str(), row.output.c_str(),
             row.parameters, row.multiply_adds, row.workspace_bytes);
    line("%5s  %-24s %-12s %12zu %15ld %17zu\n", "", "in all", Net::output::text().c_str(), Net::parameter_count,
         Net::multiply_adds, Trainer::workspace_bytes(samples, threads));
    return text;
}

} // namespace ikebana
