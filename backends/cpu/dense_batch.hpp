// Dense over a whole batch, for training a large W: tasks of rows of W (forward, its gradient) or of columns (input
// gradient), each for all samples. A core reads and updates the same rows of W in every step, so they stay in its
// cache; tile by tile, every core would read all of W and write half of it, and lines would travel between the cores.
//   forward, input gradient   5 or 6 rows × 4 vectors of samples in registers: a weight, broadcast, meets 64 samples, a
//                             vector of x all weights of the block
//                             A task's columns of a large W lie apart, so some rows of them are copied next to each
//                             other first, and the next ones are asked for
//   weight gradient           up to 10 rows × 2 vectors of columns, summed over all samples and written once, from
//                             rows of x, or of a large x from copies of such columns. Where additions have units of
//                             their own, it is summed in pairs for a W of many columns: dense_paired.hpp
// Rows that are mostly one number take a shorter way, forward and for the weight gradient: dense_sparse.hpp.
#pragma once
#include <backends/cpu/dense.hpp>
#include <backends/cpu/dense_paired.hpp>
#include <backends/cpu/dense_sparse.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

namespace ikebana::cpu {

/// Where share `place` of N begins, if `count` get the same up to 4: whole fours.
constexpr int begin_of_share(int N, int count, int place) { return std::min(N, (N + 3) / 4 * place / count * 4); }

/// How rows of W are dealt to tasks: 56 at most, or 32 where more would not stay in the second level of cache. There
/// is one, or an even number; of two threads, which take turns, each gets one half of the rows.
template <int O, int I, class T>
struct BatchTasks {
    static constexpr int vectors = (O + 15) / 16, most_of_two = sizeof(T) * 64 * I <= (1 << 18) ? 7 : 4;
    static constexpr int count = std::min(vectors, (vectors + most_of_two - 1) / most_of_two * 2);

    static constexpr int first(int task) { return begin_of_share(O, count, place(task)); }
    static constexpr int rows(int task) { return begin_of_share(O, count, place(task) + 1) - first(task); }

  private:
    static constexpr int place(int task) { return task / 2 + task % 2 * (count / 2); }
};

/// Whether an input task copies its columns of W: a large one.
template <int O, int I, class T>
inline constexpr bool batch_copies = sizeof(T) * O* I > (1 << 18);

/// How columns of W are dealt to tasks of the input gradient: about 64 where they are copied, else 8 to 20. Those are
/// parts of what BatchTasks make of the I outputs of the layer before, in turns: where that is Dense over the batch,
/// too, a thread makes the gradients that it reads in the end, and meets half of W's lines.
template <int O, int I, class T>
struct BatchInputTasks {
    static constexpr bool copies = batch_copies<O, I, T>;
    using Before = BatchTasks<I, 1, T>;
    static constexpr int block = block_of(I, 64), parts = std::max(1, (Before::rows(Before::count - 1) + 3) / 12);
    static constexpr int count = copies ? (I + block - 1) / block : Before::count * parts;

    static constexpr int first(int task) {
        return copies ? task * block
                      : Before::first(task % Before::count) +
                            begin_of_share(Before::rows(task % Before::count), parts, task / Before::count);
    }
    static constexpr int rows(int task) {
        return copies ? std::min(block, I - first(task))
                      : begin_of_share(Before::rows(task % Before::count), parts, task / Before::count + 1) -
                            begin_of_share(Before::rows(task % Before::count), parts, task / Before::count);
    }
};

/// The different numbers of rows that tasks have, and how many these are.
template <class Tasks>
inline constexpr auto task_sizes = [] {
    std::pair<std::array<int, Tasks::count>, std::size_t> sizes{};
    auto& [size, count] = sizes;
    for (int task = 0; task < Tasks::count; ++task)
        if (std::find(size.begin(), size.begin() + count, Tasks::rows(task)) == size.begin() + count)
            size[count++] = Tasks::rows(task);
    return sizes;
}();

/// f(rows of the task, a constant).
template <class Tasks, class F>
IKEBANA_INLINE inline void with_rows(int task, F f) {
    [&]<std::size_t... K>(std::index_sequence<K...>) IKEBANA_INLINE {
        constexpr const auto& sizes = task_sizes<Tasks>.first;
        (void)((Tasks::rows(task) == sizes[K] && (f(std::integral_constant<int, sizes[K]>{}), true)) || ...);
    }
    (std::make_index_sequence<task_sizes<Tasks>.second>{});
}

/// Tasks that rows of W make; 0: the layer is run tile by tile. From 64 KiB of weights on, reading W and adding to its
/// gradient for every tile costs more in memory than in arithmetic. A network's first layer finds its input as rows,
/// which the gradient reads: they need not be transposed back.
template <int O, int I, class T>
constexpr int dense_batch_tasks(backend, Shape<O, I>, T, bool first = false) {
    return sizeof(T) * O * I < (first ? 1 << 14 : 1 << 16) || I < width<T> ? 0 : BatchTasks<O, I, T>::count;
}
template <int O, int I, class T>
constexpr int dense_batch_input_tasks(backend, Shape<O, I>, T) {
    return BatchInputTasks<O, I, T>::count;
}

/// Whether the gradient is summed in pairs: scaling a row of dy must be little beside its products with I columns, and
/// making panels of x beside those with O rows.
template <int O, int I>
inline constexpr bool gradient_in_pairs = adds_beside_fma&& O >= 32 && I >= 512;

/// Whether the gradient reads blocks of columns that are copied next to each other: rows of x that lie pages apart
/// would drive each other out of the first cache.
template <int O, int I, class T>
inline constexpr bool gradient_in_blocks = !gradient_in_pairs<O, I> && O >= 32 && sizeof(T) * I >= 4096;

/// Those blocks of x, of I inputs, in each tile's memory. The last one overlaps the one before.
template <class T>
struct ColumnBlocks {
    static constexpr int L = backend::lanes<T>, columns = 2 * width<T>;
    BatchMemory memory;
    int I, count;

    ColumnBlocks(BatchMemory tiles, int inputs) : memory(tiles), I(inputs), count(blocks(I)) {}

    static constexpr int blocks(int I) { return (I + columns - 1) / columns; }
    static constexpr std::size_t bytes(int I) { return static_cast<std::size_t>(blocks(I) * L * columns) * sizeof(T); }

    int begin(int block) const { return std::min(block * columns, I - columns); }
    T* block(int tile, int b) const { return reinterpret_cast<T*>(memory.tile(tile)) + b * L * columns; }
    BatchRows<T> rows(int b, int samples) const { return {block(0, b), memory.step / sizeof(T), columns, samples}; }

    /// One of `tasks` shares of x.
    void copy(BatchRows<T> x, int task, int tasks) const {
        for (int b = task; b < count; b += tasks)
            for (int n = 0; n < x.samples; ++n)
                std::copy_n(x.tile(n / L) + static_cast<std::size_t>(n % L) * x.step + begin(b), columns,
                            block(n / L, b) + n % L * columns);
    }
};

/// Whether it pays to note what differs from the background of a sparse input.
template <int O>
inline constexpr bool notes_differences = O >= 32;

/// Tasks that make what the gradient reads in place of x, and bytes of it in each tile's memory.
template <int O, int I, class T>
constexpr int dense_batch_prepare_tasks(backend, Shape<O, I>, T) {
    return gradient_in_pairs<O, I> || gradient_in_blocks<O, I, T> ? 8 : 0;
}
template <int O, int I, class T>
constexpr std::size_t dense_batch_prepared_bytes(backend, Shape<O, I>, T) {
    if constexpr (gradient_in_blocks<O, I, T>) return ColumnBlocks<T>::bytes(I);
    return gradient_in_pairs<O, I> ? BatchPanels<T>::bytes(I) : 0;
}
template <int O, int I, class Rows>
void dense_batch_prepare(backend, Shape<O, I> shape, Rows x, BatchMemory memory, int task) {
    if constexpr (may_be_sparse<Rows>)
        if (x.sparse) return;
    using T = typename Rows::element;
    constexpr int tasks = dense_batch_prepare_tasks(backend{}, shape, T{});
    if constexpr (gradient_in_blocks<O, I, T>)
        ColumnBlocks<T>(memory, I).copy(x, task, tasks);
    else
        make_panels<T>(x, I, memory, task, tasks);
}

/// The network's input: the rows, marked if they are sparse; then forward and gradient read them, and what is noted of
/// each tile, in place of x.
template <int O, int I, class T>
InputRows<T> dense_batch_rows(backend, Shape<O, I>, BatchRows<T> x) {
    if constexpr (notes_differences<O>)
        return find_background<I>(x);
    else
        return {x};
}
template <int O, int I, class T>
constexpr std::size_t dense_batch_list_bytes(backend, Shape<O, I>, T) {
    return notes_differences<O> ? sizeof(TileDifferences<I, T>) : 0;
}
template <int O, int I, class T>
void dense_batch_list(backend, Shape<O, I>, InputRows<T> x, BatchMemory memory, int tile) {
    if constexpr (notes_differences<O>) {
        constexpr int L = backend::lanes<T>;
        note_differences(differences_of<I, T>(memory, tile), x.tile(tile), x.step, std::min(L, x.samples - tile * L),
                         x.background);
    }
}

/// A task's outputs, rows of W: {first, number of them}; and an input task's inputs.
template <int O, int I, class T>
constexpr std::pair<int, int> dense_batch_outputs(backend, Shape<O, I>, T, int task) {
    return {BatchTasks<O, I, T>::first(task), BatchTasks<O, I, T>::rows(task)};
}
template <int O, int I, class T>
constexpr std::pair<int, int> dense_batch_inputs(backend, Shape<O, I>, T, int task) {
    return {BatchInputTasks<O, I, T>::first(task), BatchInputTasks<O, I, T>::rows(task)};
}

// ---- kernels, which know of a layer's sizes as numbers only: compiled once for all layers

/// y ← b + Σ a_rk x[k] over k < K, for rows r of all tiles; a_rk lies at a[r · step + k], or at a[r + k · step] if
/// Turned.
template <class T, bool Turned>
struct BatchProduct {
    TileRows<T> y;
    TileRows<const T> x;
    const T* a;
    std::size_t step;
    int K;
    const T* b = nullptr; // of row 0
    bool add = false;     // to what y holds, in place of b

    /// R rows from `row` on, C vectors of samples from `vector` on.
    template <int R, int C>
    IKEBANA_INLINE void block(int row, int vector) const {
        using V = xsimd::batch<T>;
        constexpr int L = backend::lanes<T>;
        V sum[R][C];
        const T* terms[C];
        T* to[C];
        for (int c = 0; c < C; ++c) {
            const int t = (vector + c) / parts<T>, lane = (vector + c) % parts<T> * width<T>;
            terms[c] = x[t] + lane, to[c] = y[t] + row * L + lane;
        }
        unroll<R>([&](int r) IKEBANA_INLINE {
            const V first(b ? b[row + r] : T(0));
            unroll<C>([&](int c) IKEBANA_INLINE { sum[r][c] = add ? V::load_unaligned(to[c] + r * L) : first; });
        });
        const auto from = static_cast<std::size_t>(row);
        if constexpr (Turned)
            add_products(sum, a + from, std::integral_constant<std::size_t, 1>{}, step, terms, K);
        else
            add_products(sum, a + from * step, step, 1, terms, K);
        unroll<R>([&](int r) IKEBANA_INLINE {
            unroll<C>([&](int c) IKEBANA_INLINE { sum[r][c].store_unaligned(to[c] + r * L); });
        });
    }
};

template <int R, class T, bool Turned>
IKEBANA_ONCE void batch_block(const BatchProduct<T, Turned>& product, int row, int vector, int vectors) {
    if constexpr (registers == 32)
        if (vectors == 4) return product.template block<R, 4>(row, vector);
    if (vectors == 2) return product.template block<R, 2>(row, vector);
    product.template block<R, 1>(row, vector);
}

/// N rows of a product, from row 0 on.
template <int N, class T, bool Turned>
IKEBANA_ONCE void batch_product(const BatchProduct<T, Turned>& product) {
    const int vectors = product.y.count * parts<T>;
    for (int vector = 0, n; vector < vectors; vector += n) {
        n = static_cast<int>(std::bit_floor(static_cast<unsigned>(std::min(registers / 8, vectors - vector))));
        each_even_block<N, 6>([&]<int R>(std::integral_constant<int, R>, int row)
                                  IKEBANA_INLINE { batch_block<R>(product, row, vector, n); });
    }
}

/// The same of N columns of a W. Where it is large, up to 128 rows of them are copied at a time.
template <int N, bool Copies, class T>
IKEBANA_ONCE void batch_product_of_columns(BatchProduct<T, true> product) {
    if constexpr (!Copies) return batch_product<N>(product);
    constexpr int most = 128; // 32 KiB of floats
    T copy[most * N];
    const T* w = product.a;
    const T* x = product.x.first;
    const std::size_t I = product.step;
    const int O = product.K;
    product.a = copy, product.step = N;
    for (int o = 0; o < O; o += most) {
        const int K = std::min(most, O - o), next = std::min(most, O - o - K);
        const auto row = [&](int k) { return w + static_cast<std::size_t>(o + k) * I; };
        for (int k = 0; k < K; ++k) std::copy_n(row(k), N, copy + k * N);
        for (int k = K; k < K + next; ++k)
            for (int n = 0; n < N; n += 64 / static_cast<int>(sizeof(T))) __builtin_prefetch(row(k) + n, 0, 2);
        product.x.first = x + o * backend::lanes<T>, product.K = K, product.add = o > 0;
        batch_product<N>(product);
    }
}

/// Rows of dW in registers, two vectors each.
inline constexpr int rows_of_gradient = registers == 32 ? 10 : 6;

/// to [R][I], columns i … i + C vectors: Σ dy xᵀ over all samples. Asks for those behind them.
template <int R, int C, class T>
IKEBANA_INLINE inline void batch_gradient_block(T* to, int I, TileRows<const T> dy, BatchRows<T> x, int i) {
    using V = xsimd::batch<T>;
    constexpr int L = backend::lanes<T>, line = 64 / static_cast<int>(sizeof(T));
    V sum[R][C];
    to += i;
    unroll<R>([&](int k) IKEBANA_INLINE {
        for (int v = 0; v < C * width<T>; v += line) __builtin_prefetch(to + k * I + C * width<T> + v, 1);
        unroll<C>([&](int v) IKEBANA_INLINE { sum[k][v] = V(0); });
    });
    for (int t = 0, left = x.samples; left > 0; ++t, left -= L) {
        const T* d = dy[t];
        const T* row = x.tile(t) + i;
        for (int lane = 0; lane < std::min(left, L); ++lane, row += x.step) {
            V columns[C];
            unroll<C>([&](int v) IKEBANA_INLINE { columns[v] = V::load_unaligned(row + v * width<T>); });
            unroll<R>([&](int k) IKEBANA_INLINE {
                const V dk(d[k * L + lane]);
                unroll<C>([&](int v) IKEBANA_INLINE { sum[k][v] = xsimd::fma(dk, columns[v], sum[k][v]); });
            });
        }
    }
    unroll<R>([&](int k) IKEBANA_INLINE {
        unroll<C>([&](int v) IKEBANA_INLINE { sum[k][v].store_unaligned(to + k * I + v * width<T>); });
    });
}

/// to (R,I) ← Σ dy xᵀ over the batch. Columns that fill no block overlap the block before.
template <int R, class T>
IKEBANA_ONCE void batch_gradient_rows(T* to, int I, TileRows<const T> dy, BatchRows<T> x) {
    constexpr int W = width<T>;
    int i = 0;
    for (; i + 2 * W <= I; i += 2 * W) batch_gradient_block<R, 2>(to, I, dy, x, i);
    if (i + W < I && i > 0) return batch_gradient_block<R, 2>(to, I, dy, x, I - 2 * W);
    if (i + W <= I) batch_gradient_block<R, 1>(to, I, dy, x, i), i += W;
    if (i < I) batch_gradient_block<R, 1>(to, I, dy, x, I - W);
}

/// The same from blocks of columns.
template <int R, class T>
IKEBANA_ONCE void batch_gradient_rows(T* to, TileRows<const T> dy, ColumnBlocks<T> x, int samples) {
    for (int b = 0; b < x.count; ++b) batch_gradient_block<R, 2>(to + x.begin(b), x.I, dy, x.rows(b, samples), 0);
}

/// db ← the sums of n rows of dy over the batch.
template <class T>
IKEBANA_ONCE void batch_bias_gradient(T* db, int n, TileRows<const T> dy) {
    using V = xsimd::batch<T>;
    constexpr int L = backend::lanes<T>;
    for (int k = 0; k < n; ++k) {
        V sum(0);
        for (int t = 0; t < dy.count; ++t)
            for (int lane = 0; lane < L; lane += width<T>) sum += V::load_aligned(dy[t] + k * L + lane);
        db[k] = xsimd::hadd(sum);
    }
}

// ---- tasks

/// The task's rows of y = W x + b; x stands in rows, too.
template <class Y, class X, class Rows, class W, class B>
void dense_batch_forward(backend, Y y, X x, Rows rows, BatchMemory memory, W w, B b, int task) {
    using T = typename Rows::element;
    constexpr int O = Y::shape::sizes[0], I = X::shape::size;
    using Tasks = BatchTasks<O, I, T>;
    const int o = Tasks::first(task);
    const T* first = w.data + static_cast<std::size_t>(o) * I;
    const T* bias = nullptr;
    if constexpr (!is_nothing<B>) bias = b.data + o;
    with_rows<Tasks>(task, [&]<int N>(std::integral_constant<int, N>) {
        if constexpr (may_be_sparse<Rows> && notes_differences<O>)
            if (rows.sparse) return sparse_forward<N, I>(y, o, first, bias, rows, memory);
        batch_product<N>(BatchProduct<T, false>{y.write_from(o), x.read_from(0), first, I, I, bias});
    });
}

/// The task's rows of dx = Wᵀ dy.
template <class DX, class W, class DY>
void dense_batch_backward_input(backend, DX dx, W w, DY dy, int task) {
    using T = typename DX::element;
    constexpr int O = DY::shape::sizes[0], I = DX::shape::size;
    using Tasks = BatchInputTasks<O, I, T>;
    const int i = Tasks::first(task);
    const BatchProduct<T, true> product{dx.write_from(i), dy.read_from(0), w.data + i, I, O};
    with_rows<Tasks>(
        task, [&]<int N>(std::integral_constant<int, N>) { batch_product_of_columns<N, Tasks::copies>(product); });
}

/// to ← the task's rows of dW (O,I) = Σ dy xᵀ over the batch, db ← those of Σ dy; db may be null.
template <int O, int I, class T, class DY, class Rows>
void dense_batch_gradient(backend, Shape<O, I>, T* to, T* db, DY dy, Rows x, BatchMemory memory, int task) {
    using Tasks = BatchTasks<O, I, T>;
    const int o = Tasks::first(task);
    if (db) batch_bias_gradient(db, Tasks::rows(task), dy.read_from(o));
    with_rows<Tasks>(task, [&]<int N>(std::integral_constant<int, N>) {
        if constexpr (may_be_sparse<Rows> && notes_differences<O>)
            if (x.sparse) return sparse_gradient<N, I>(to, dy, o, x, memory);
        if constexpr (gradient_in_pairs<O, I>)
            paired_gradient<N, I>(to, dy.read_from(o), x.samples, memory);
        else
            each_even_block<N, rows_of_gradient>([&]<int R>(std::integral_constant<int, R>, int row) {
                if constexpr (gradient_in_blocks<O, I, T>)
                    batch_gradient_rows<R>(to + row * I, dy.read_from(o + row), ColumnBlocks<T>(memory, I), x.samples);
                else
                    batch_gradient_rows<R>(to + row * I, I, dy.read_from(o + row), static_cast<const BatchRows<T>&>(x));
            });
    });
}

} // namespace ikebana::cpu
