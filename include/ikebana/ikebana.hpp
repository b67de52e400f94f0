// Everything of the core: tensors and expressions, layers, networks, losses, optimisers, readers, training. It names no
// backend (include <backends/cpu/cpu.hpp>) and no file format (include <ikebana/io/…>).
#pragma once
#include <ikebana/data/readers.hpp>
#include <ikebana/layers/activation.hpp>
#include <ikebana/layers/batch_norm.hpp>
#include <ikebana/layers/conv.hpp>
#include <ikebana/layers/dense.hpp>
#include <ikebana/layers/depthwise_conv.hpp>
#include <ikebana/layers/dropout.hpp>
#include <ikebana/layers/flatten.hpp>
#include <ikebana/layers/pool.hpp>
#include <ikebana/layers/softmax.hpp>
#include <ikebana/loss/cross_entropy.hpp>
#include <ikebana/loss/mean_squared_error.hpp>
#include <ikebana/network/inference.hpp>
#include <ikebana/optim/adam.hpp>
#include <ikebana/optim/schedule.hpp>
#include <ikebana/optim/sgd.hpp>
#include <ikebana/train/device_trainer.hpp>
#include <ikebana/train/print_progress.hpp>
