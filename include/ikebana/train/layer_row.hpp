// A network's table, without the network's type.
#pragma once
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

/// The rows, and what holds for the whole network with a trainer.
struct NetworkTable {
    std::vector<LayerRow> layers;
    LayerRow all; // sums; the last output
    std::string input;
    const char* backend;
    int vector_width, samples, threads;
};

} // namespace ikebana
