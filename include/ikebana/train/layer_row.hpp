// A network's table, without the network's type.
#pragma once
#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

namespace ikebana {

struct LayerRow {
    int position;
    std::string layer, output;
    std::size_t parameters;
    long multiply_adds; // of one sample, forward
    std::size_t workspace_bytes;
};

/// Characters of a column that has the layers' names in it.
inline int name_column_width(const std::vector<LayerRow>& layers) {
    std::size_t width = 24;
    for (const LayerRow& layer : layers) width = std::max(width, layer.layer.size());
    return static_cast<int>(width);
}

/// The rows, and what holds for the whole network with a trainer.
struct NetworkTable {
    std::vector<LayerRow> layers;
    LayerRow all; // sums; the last output
    std::string input;
    const char* backend;
    int vector_width, samples, threads;
};

} // namespace ikebana
