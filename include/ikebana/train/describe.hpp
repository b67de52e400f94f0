// The table of a network: every number in it is a constant of the type. Bytes are those a layer takes in the workspace
// of one training step: its output and what it keeps for the way back; a layer that was fused into the one before takes
// none. The sum holds the gradients of activations and scratch too.
#pragma once
#include <ikebana/network/signature.hpp>
#include <ikebana/train/program.hpp>
#include <ikebana/train/table_text.hpp>

namespace ikebana {

/// A row as constants of the type; bytes are those of one tile.
struct LayerNumbers {
    int position;
    std::span<const int> output;
    std::size_t parameters;
    long multiply_adds;
    std::size_t tile_bytes = 0;
};

[[gnu::cold]] inline std::vector<LayerRow> layer_rows(std::span<const LayerNumbers> numbers,
                                                      const std::vector<std::string>& names, std::size_t tiles) {
    std::vector<LayerRow> rows;
    for (const LayerNumbers& n : numbers)
        rows.push_back({n.position, names[rows.size() + 1], numbers_text(n.output, "x"), n.parameters, n.multiply_adds,
                        tiles * n.tile_bytes});
    return rows;
}

/// One row a layer, for batches of `samples`.
template <class Net, class Loss>
std::vector<LayerRow> layer_table(int samples) {
    using program = Program<Net, Loss>;
    static constexpr auto numbers = []<class... B, class... Run>(pack<B...>, pack<Run...>) {
        std::array rows{LayerNumbers{B::position, B::output::sizes, parameter_count<typename B::parameters>,
                                     multiply_adds_of<typename B::layer, typename B::input>()}...};
        ((rows[Run::position].tile_bytes =
              program::layout::template tile_bytes<typename Run::output> + program::layout::template cache<Run>),
         ...);
        return rows;
    }(typename Net::chain{}, typename program::chain{});
    return layer_rows(numbers, layer_names<Net>(), static_cast<std::size_t>((samples + program::L - 1) / program::L));
}

template <class Trainer>
[[gnu::cold]] NetworkTable network_table(int samples, int threads) {
    using Net = typename Trainer::network;
    return {layer_table<Net, typename Trainer::loss>(samples),
            {0, "in all", Net::output::text(), Net::parameter_count, Net::multiply_adds,
             Trainer::workspace_bytes(samples, threads)},
            Net::input::text(),
            Net::backend::name,
            Net::backend::template vector_width<typename Net::scalar>,
            samples,
            threads};
}

/// The table as text, with sums, the backend, the vector width and the threads in use.
template <class Trainer>
std::string describe(int samples, int threads) {
    return table_text(network_table<Trainer>(samples, threads));
}

} // namespace ikebana
