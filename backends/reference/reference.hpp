// Everything of the reference backend.
#pragma once
#include <backends/reference/assign.hpp>
#include <backends/reference/conv.hpp>
#include <backends/reference/dense.hpp>
#include <backends/reference/depthwise.hpp>
#include <backends/reference/pool.hpp>
#include <backends/reference/random.hpp>
#include <backends/reference/reduce.hpp>
#include <backends/reference/tiles.hpp>
