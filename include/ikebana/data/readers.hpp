// All readers that need no files: the protocol, its combinators, and the reader over a user's own arrays.
#pragma once
#include <ikebana/data/batches.hpp>
#include <ikebana/data/from_arrays.hpp>
#include <ikebana/data/map.hpp>
#include <ikebana/data/prefetch.hpp>
#include <ikebana/data/reader.hpp>
#include <ikebana/data/shuffle.hpp>
