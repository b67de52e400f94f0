// A line of a network's table, without the network's type.
#pragma once
#include <cstddef>
#include <string>

namespace ikebana {

struct LayerRow {
    int position;
    std::string layer, output;
    std::size_t parameters;
    long multiply_adds; // of one sample, forward
    std::size_t workspace_bytes;
};

} // namespace ikebana
