// A network's table as text: describe.hpp makes the table.
#pragma once
#include <ikebana/train/formatted.hpp>
#include <ikebana/train/layer_row.hpp>

namespace ikebana {

inline std::string table_text(const NetworkTable& table) {
    std::string text =
        detail::formatted("input %s, batch %d, backend %s, vectors of %d, %d %s\n", table.input.c_str(), table.samples,
                          table.backend, table.vector_width, table.threads, table.threads == 1 ? "thread" : "threads");
    // No layer's own: the input, gradients of outputs, packed parameters, shares of a batch norm, labels, costs,
    // scratch.
    LayerRow rest{0, "gradients, scratch, ...", "", 0, 0, table.all.workspace_bytes};
    const int width = name_column_width(table.layers);
    text += detail::formatted("%5s  %-*s %-12s %12s %15s %17s\n", "layer", width, "kind", "output", "parameters",
                              "multiply-adds", "workspace bytes");
    const auto row = [&](const std::string& position, const LayerRow& r) {
        text += detail::formatted("%5s  %-*s %-12s %12zu %15ld %17zu\n", position.c_str(), width, r.layer.c_str(),
                                  r.output.c_str(), r.parameters, r.multiply_adds, r.workspace_bytes);
    };
    for (const LayerRow& r : table.layers) {
        row(std::to_string(r.position), r);
        rest.workspace_bytes -= r.workspace_bytes;
    }
    row("", rest);
    row("", table.all);
    return text;
}

} // namespace ikebana
