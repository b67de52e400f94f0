// The page of primitives: what a backend B implements beside tensor/assign.hpp, each by a free function in B's
// namespace, forward and backward in the same file. A tile holds L = B::lanes<T> samples; sums below run over them too.
// Gradients of parameters are added to, gradients of inputs are overwritten. `b` may be Nothing (no bias).
//
//   backend.hpp     prefetch_to_write(B, p, n)                                 n numbers that will soon be written
//   dense.hpp       dense_forward(B, y (O), x (I), w (O,I), b (O))             y = W x + b
//                   dense_backward_weight(B, dw, db, dy, x, scratch)           dW += dy xᵀ, db += Σ dy; db: or Nothing
//                   dense_backward_input(B, dx, w, dy)                         dx = Wᵀ dy
//                   dense_scratch_bytes(B, Shape<O,I>, T)
//                   where B::fuses_dense, and dy may be an ActivationGradient:
//                   dense_activation_forward(B, f, y, x, w, b)                 y = f(W x + b)
//                   dense_backward(B, dx, dw, db, dy, x, w)                    at once: dx lies elsewhere than dy, x
//   dense_batch.hpp dense_batch_tasks(B, Shape<O,I>, T, first = false)         0, or W is large (less so a first one):
//                   dense_batch_forward(B, ys, xs, rows, memory, w, b, task)   those rows of y, for all tiles
//                   dense_batch_rows(B, Shape<O,I>, rows)                      the network's input, InputRows; if sparse
//                   dense_batch_list(B, Shape<O,I>, rows, memory, tile)        what is read in place of a tile's xs, in
//                   dense_batch_list_bytes(B, Shape<O,I>, T)                   as much of its memory
//                   dense_batch_prepare_tasks(B, Shape<O,I>, T)                0, or tasks beside them, which make what
//                   dense_batch_prepare(B, Shape<O,I>, rows, memory, task)     the gradient reads in place of rows:
//                   dense_batch_prepared_bytes(B, Shape<O,I>, T)               in each tile
//                   dense_batch_gradient(B, Shape<O,I>, dw, db, dys, rows, memory, task)
//                                                                              rows of Σ dy xᵀ and Σ dy; db may be null
//                   dense_batch_outputs(B, Shape<O,I>, T, task)                which rows: {first, number of them}
//                   dense_batch_input_tasks(B, Shape<O,I>, T)                  tasks of columns of W, for
//                   dense_batch_backward_input(B, dxs, w, dys, task)           those rows of dx, for all tiles:
//                   dense_batch_inputs(B, Shape<O,I>, T, task)                 which ones
//   conv.hpp        conv_pack(B, G, packed, w (K,C,R,S))                       weights as the kernels want them
//                   conv_forward(B, G, y (K,P,Q), x (C,H,W), w, b (K), packed, scratch)
//                   conv_backward(B, G, dx, dw, dy, x, w, packed, scratch)     dx, dw may be Nothing
//                   conv_scratch_bytes(B, G, T), conv_packed_size(B, G, T)     G is a ConvGeometry
//   depthwise.hpp   depthwise_forward(B, G, y (C,P,Q), x (C,H,W), w (C,1,R,R), b (C), scratch)
//                   depthwise_backward(B, G, dx, dw, dy, x, w, scratch)        dx, dw may be Nothing
//                   depthwise_scratch_bytes(B, G, T)                           G is a DepthwiseGeometry
//   pool.hpp        max_pool_forward(B, G, y, x, argmax)                       argmax: place r·R + s in the window
//                   max_pool_backward(B, G, dx, dy, argmax)                    G is a PoolGeometry
//                   average_pool_forward(B, G, y, x)                           divides by R², borders too
//                   average_pool_backward(B, G, dx, dy)
//   conv_pool.hpp   conv_pool_forward(B, G, W, f, y, argmax, x, w, b, packed, scratch)
//                   convolution, W×W max pool, activation f (only where B::fuses; packed by conv_pack)
//                   conv_pool_backward(B, G, W, dx, dw, dz, argmax, x, w, packed, scratch)
//                   conv_pool_scratch_bytes(B, G, W, T)
//   reduce.hpp      add_channel_sums(B, db (C), e)                             db += Σ over places and lanes
//                   channel_moments(B, mean (C), m2 (C), x, mask, samples)     of a tile: mean, Σ (x − mean)²
//                   per_lane_max(B, out (L), x)                                max over features
//                   per_lane_sum(B, out (L), S, e)                             Σ over features of an expression
//                   per_channel_sums(B, tile, to(out…), from(e…))              out (C) = Σ over places and lanes of e; of
//                                                                              the tile only the shape counts
//   random.hpp      dropout_mask(B, tile, per_cent, context)                   0 or 1/(1 − p); forward only
//   tiles.hpp       load_tile(B, tile, image of sample 0, count, stride)       (N, …) rows → lanes; empty lanes repeat
//                   sample 0: no layer meets a value there that no sample has (gradient 0 times log(0) would be NaN)
//                   store_tile(B, row of sample 0, count, stride, tile)
//
// Where Trainer runs on it, B::sweeping(bytes) is the B for sweeps over so much memory: a kernel may ask for it ahead.
//
// B::single, where a backend has one, is a tag for tiles of one sample, on which a single prediction runs: forward
// primitives only, L = 1, and no argmax is kept.
#pragma once
#include <ikebana/tensor/view.hpp>

namespace ikebana {

/// A convolution's sizes as constants. P = (H − R + 2·padding) / stride + 1, and Q from W and S likewise.
template <class In, int K_, int R_, int S_, int Stride_, int Padding_>
struct ConvGeometry {
    static constexpr int C = In::sizes[0], H = In::sizes[1], W = In::sizes[2];
    static constexpr int K = K_, R = R_, S = S_, stride = Stride_, padding = Padding_;
    static constexpr int P = (H - R + 2 * padding) / stride + 1, Q = (W - S + 2 * padding) / stride + 1;
    using input = In;
    using output = Shape<K, P, Q>;
    using weights = Shape<K, C, R, S>;
};

/// A depthwise convolution's sizes as constants: one kernel R×R for each channel.
template <class In, int R_, int Stride_, int Padding_>
struct DepthwiseGeometry {
    static constexpr int C = In::sizes[0], H = In::sizes[1], W = In::sizes[2];
    static constexpr int R = R_, S = R_, stride = Stride_, padding = Padding_;
    static constexpr int P = (H - R + 2 * padding) / stride + 1, Q = (W - R + 2 * padding) / stride + 1;
    using input = In;
    using output = Shape<C, P, Q>;
    using weights = Shape<C, 1, R, R>;
};

/// A pooling's sizes as constants: window R×R.
template <class In, int R_, int Stride_, int Padding_>
struct PoolGeometry {
    static constexpr int C = In::sizes[0], H = In::sizes[1], W = In::sizes[2];
    static constexpr int R = R_, S = R_, stride = Stride_, padding = Padding_;
    static constexpr int P = (H - R + 2 * padding) / stride + 1, Q = (W - R + 2 * padding) / stride + 1;
    using input = In;
    using output = Shape<C, P, Q>;
};

template <class Backend>
inline constexpr bool fuses_dense = requires { requires Backend::fuses_dense; };

/// The second parameter, or Nothing.
template <bool HasBias, class Views>
auto bias_of(const Views& p) {
    if constexpr (HasBias)
        return get<1>(p);
    else
        return Nothing{};
}

} // namespace ikebana
