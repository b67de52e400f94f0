// Everything of the HIP backend.
#pragma once
#include <backends/hip/assign.hpp>
#include <backends/hip/conv.hpp>
#include <backends/hip/dense.hpp>
#include <backends/hip/depthwise.hpp>
#include <backends/hip/in_block.hpp>
#include <backends/hip/peak.hpp>
#include <backends/hip/pool.hpp>
#include <backends/hip/random.hpp>
#include <backends/hip/reduce.hpp>
#include <backends/hip/tiles.hpp>
#include <backends/hip/updates.hpp>
