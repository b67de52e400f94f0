// Everything of the CPU backend.
#pragma once
#include <backends/cpu/assign.hpp>
#include <backends/cpu/conv.hpp>
#include <backends/cpu/conv_pool.hpp>
#include <backends/cpu/dense_batch.hpp>
#include <backends/cpu/depthwise.hpp>
#include <backends/cpu/pool.hpp>
#include <backends/cpu/random.hpp>
#include <backends/cpu/reduce.hpp>
#include <backends/cpu/single.hpp>
#include <backends/cpu/single_conv.hpp>
#include <backends/cpu/tiles.hpp>
