// Dense over a whole batch, for training a large W: tasks of rows of W (forward, its gradient) or of columns (input
// gradient), each for all samples. A core reads and updates the same rows of W in every step, so they stay in its
// cache; tile by tile, every core would read all of W and write half of it, and lines would travel between the cores.
//   forward, input gradient   5 or 6 rows × 4 vectors of samples in registers: a weight, broadcast, meets 64 samples, a
//                             vector of x all weights of the block
//                             A task's columns of a large W lie apart, so some rows of them are copied next to each
//                             other first, and the next ones are asked for
//   weight gradient           up to 10 rows × 2 vectors of columns, summed over all samples and written once; x comes
//   as
//                             rows. Where additions have units of their own, it is summed in pairs for a W of many
//                             columns: dense_paired.hpp
// Rows that are mostly one number take a shorter way, forward and for the weight gradient: dense_sparse.hpp.
#pragma once
#include <backends/cpu/dense.hpp>
#include <backends/cpu/dense_paired.hpp>
#include <backends/cpu/dense_sparse.hpp>

namespace ikebana::cpu {

/// How rows of W are dealt to tasks: 16 together, whole vectors for dense_sparse.hpp, and to each up to four times as
/// many, or twice where they would not stay in the second level of cache. Tasks are even in number and alike, the last
/// ones by 16 rows larger, so that two threads have the same to do.
template <int O, int I, class T>
struct BatchTasks {
    static constexpr int units = (O + 15) / 16;
    static constexpr int at_most = sizeof(T) * 64 * I <= (1 << 18) ? 7 : 4; // units of two tasks
    static constexpr int count = std::min(units, (units + at_most - 1) / at_most * 2);
    static constexpr int smaller = count - units % count, least = units / count * 16;
    static constexpr int most = std::min(O, smaller < count ? least + 16 : least);

    static constexpr int first(int task) { return task * least + std::max(0, task - smaller) * 16; }
    static constexpr int rows(int task) { return std::min(O, first(task + 1)) - first(task); }
};

/// f(rows of the task, a constant).
template <class Tasks, class F>
IKEBANA_INLINE inline void with_rows(int task, F f) {
    constexpr int count = Tasks::count, last = Tasks::rows(count - 1);
    const int rows = Tasks::rows(task);
    if (rows == last) return f(std::integral_constant<int, last>{});
    if constexpr (count > 1 && Tasks::least != last)
        if (rows == Tasks::least) return f(std::integral_constant<int, Tasks::least>{});
    if constexpr (Tasks::smaller < count - 1 && Tasks::most != last) f(std::integral_constant<int, Tasks::most>{});
}

/// Columns of W in a task of the input gradient.
template <int O, int I, class T>
inline constexpr bool batch_copies = sizeof(T) * O* I > (1 << 18);
template <int O, int I, class T>
inline constexpr int batch_columns = block_of(I, batch_copies<O, I, T> ? 64 : 10);

/// Tasks that rows of W make; 0: the layer is run tile by tile. From 64 KiB of weights on, reading W and adding to its
/// gradient for every tile costs more in memory than in arithmetic.
template <int O, int I, class T>
constexpr int dense_batch_tasks(backend, Shape<O, I>, T) {
    return sizeof(T) * O * I < (1 << 16) || I < width<T> ? 0 : BatchTasks<O, I, T>::count;
}
template <int O, int I, class T>
constexpr int dense_batch_input_tasks(backend, Shape<O, I>, T) {
    constexpr int columns = batch_columns<O, I, T>;
    return (I + columns - 1) / columns;
}

/// Whether the gradient is summed in pairs: scaling a row of dy must be little beside its products with I columns.
template <int I>
inline constexpr bool gradient_in_pairs = adds_beside_fma&& I >= 512;

/// Tasks that make what the gradient reads in place of x, and bytes of it in each tile's memory.
template <int O, int I, class T>
constexpr int dense_batch_prepare_tasks(backend, Shape<O, I>, T) {
    return gradient_in_pairs<I> ? 8 : 0;
}
template <int O, int I, class T>
constexpr std::size_t dense_batch_prepared_bytes(backend, Shape<O, I>, T) {
    return gradient_in_pairs<I> ? sizeof(PanelsOfTile<I, T>) : 0;
}
template <int O, int I, class Rows>
void dense_batch_prepare(backend, Shape<O, I> shape, Rows x, BatchMemory memory, int task) {
    if constexpr (may_be_sparse<Rows>)
        if (x.sparse) return;
    make_panels<I>(x, memory, task, dense_batch_prepare_tasks(backend{}, shape, typename Rows::element{}));
}

/// The network's input: the rows, marked if they are sparse; then forward and gradient read each tile's list of terms
/// in place of x.
template <int O, int I, class T>
InputRows<T> dense_batch_rows(backend, Shape<O, I>, BatchRows<T> x) {
    return find_background<I>(x);
}
template <int O, int I, class T>
constexpr std::size_t dense_batch_list_bytes(backend, Shape<O, I>, T) {
    return sizeof(TileTerms<BatchTasks<O, I, T>::most, I, T>);
}
template <int O, int I, class T>
void dense_batch_list(backend, Shape<O, I>, InputRows<T> x, BatchMemory memory, int tile) {
    list_terms<BatchTasks<O, I, T>::most, I>(x, memory, tile);
}

/// A task's outputs, rows of W: {first, number of them}; and an input task's inputs.
template <int O, int I, class T>
constexpr std::pair<int, int> dense_batch_outputs(backend, Shape<O, I>, T, int task) {
    return {BatchTasks<O, I, T>::first(task), BatchTasks<O, I, T>::rows(task)};
}
template <int O, int I, class T>
constexpr std::pair<int, int> dense_batch_inputs(backend, Shape<O, I>, T, int task) {
    constexpr int columns = batch_columns<O, I, T>;
    return {task * columns, std::min(columns, I - task * columns)};
}

/// f(C, c) for the vectors c … c + C of n, in blocks of C = Most, then of half of that, and so on.
template <int Most, class F>
IKEBANA_INLINE inline void in_blocks(int n, F f) {
    int c = 0;
    for (; c + Most <= n; c += Most) f(std::integral_constant<int, Most>{}, c);
    if constexpr (Most > 1)
        in_blocks<Most / 2>(n - c, [&](auto block, int rest) IKEBANA_INLINE { f(block, c + rest); });
}

/// f(inputs of the task, a constant), for a task of Block inputs of N.
template <int N, int Block, class F>
IKEBANA_INLINE inline void with_inputs(int task, F f) {
    if (N % Block == 0 || (task + 1) * Block <= N)
        f(std::integral_constant<int, Block>{});
    else if constexpr (N % Block != 0)
        f(std::integral_constant<int, N % Block>{});
}

/// Rows r … r + N of to = first + Σ a[r · RowStep + k · Step] · from[k0 + k] over k < K, for all tiles; first(row,
/// where) has the row's number and the place of its result.
template <int N, int RowStep, int Step, class T, class To, class From, class First>
IKEBANA_INLINE inline void batch_products(To to, int r, const T* a, From from, int k0, int K, First first) {
    using V = xsimd::batch<T>;
    constexpr int most = registers == 32 ? 4 : 2;
    in_blocks<most>(to.count * parts<T>, [&]<int C>(std::integral_constant<int, C>, int vector) {
        const T* x[C];
        T* y[C];
        for (int c = 0; c < C; ++c) {
            const int t = (vector + c) / parts<T>, lane = (vector + c) % parts<T> * width<T>;
            x[c] = from[t].row(k0) + lane, y[c] = to[t].row(r) + lane;
        }
        each_even_block<N, 6>([&]<int R>(std::integral_constant<int, R>, int at) IKEBANA_INLINE {
            V sum[R][C];
            unroll<R>([&](int k) IKEBANA_INLINE {
                unroll<C>([&](int c)
                              IKEBANA_INLINE { sum[k][c] = first(at + k, y[c] + (at + k) * backend::lanes<T>); });
            });
            add_products(sum, a + static_cast<std::size_t>(at) * RowStep, RowStep, Step, x, K);
            unroll<R>([&](int k) IKEBANA_INLINE {
                unroll<C>([&](int c)
                              IKEBANA_INLINE { sum[k][c].store_unaligned(y[c] + (at + k) * backend::lanes<T>); });
            });
        });
    });
}

/// The task's rows of y = W x + b; x stands in rows, too.
template <class Y, class X, class Rows, class W, class B>
void dense_batch_forward(backend, Y y, X x, Rows rows, BatchMemory memory, W w, B b, int task) {
    using T = typename Rows::element;
    constexpr int O = Y::shape::sizes[0], I = X::shape::size;
    using Tasks = BatchTasks<O, I, T>;
    with_rows<Tasks>(task, [&]<int N>(std::integral_constant<int, N>) {
        const int o = Tasks::first(task);
        const T* first = w.data + static_cast<std::size_t>(o) * I;
        if constexpr (may_be_sparse<Rows>)
            if (rows.sparse) {
                const T* bias = nullptr;
                if constexpr (!is_nothing<B>) bias = b.data + o;
                return sparse_forward<N, Tasks::most, I>(y, o, first, bias, rows, memory, 2 * task < Tasks::count);
            }
        batch_products<N, I, 1, T>(y, o, first, x, 0, I,
                                   [&](int k, const T*) IKEBANA_INLINE { return bias_vector<T>(b, o + k); });
    });
}

/// The task's rows of dx = Wᵀ dy.
template <class DX, class W, class DY>
void dense_batch_backward_input(backend, DX dx, W w, DY dy, int task) {
    using T = typename DX::element;
    using V = xsimd::batch<T>;
    constexpr int O = DY::shape::sizes[0], I = DX::shape::size, columns = batch_columns<O, I, T>;
    with_inputs<I, columns>(task, [&]<int N>(std::integral_constant<int, N>) {
        const int i = task * columns;
        const auto row = [&](int o) { return w.data + static_cast<std::size_t>(o) * I + i; };
        if constexpr (batch_copies<O, I, T>) {
            constexpr int rows = std::min(O, 128); // 32 KiB of floats
            T copy[rows * N];
            for (int o = 0; o < O; o += rows) {
                const int K = std::min(rows, O - o), next = std::min(rows, O - o - K);
                for (int k = 0; k < K; ++k) std::copy_n(row(o + k), N, copy + k * N);
                for (int k = 0; k < next; ++k)
                    for (int n = 0; n < N; n += 64 / static_cast<int>(sizeof(T)))
                        __builtin_prefetch(row(o + K + k) + n, 0, 2);
                batch_products<N, 1, N>(dx, i, static_cast<const T*>(copy), dy, o, K,
                                        [&](int, const T* y)
                                            IKEBANA_INLINE { return o == 0 ? V(0) : V::load_unaligned(y); });
            }
        } else {
            batch_products<N, 1, I>(dx, i, static_cast<const T*>(row(0)), dy, 0, O,
                                    [](int, const T*) IKEBANA_INLINE { return V(0); });
        }
    });
}

/// to [R][I], columns i … i + C vectors: Σ dy xᵀ over all samples, for the outputs from o on.
template <int R, int C, int I, class T, class DY>
IKEBANA_INLINE inline void dense_batch_block(T* to, DY dy, BatchRows<T> x, int o, int i) {
    using V = xsimd::batch<T>;
    V sum[R][C];
    unroll<R>([&](int k) IKEBANA_INLINE {
        unroll<C>([&](int v) IKEBANA_INLINE {
            sum[k][v] = V(0);
            __builtin_prefetch(to + k * I + i + v * width<T>, 1);
        });
    });
    for (int t = 0, left = x.samples; left > 0; ++t, left -= DY::lanes) {
        const T* d = dy[t].row(o);
        const T* row = x.tile(t) + i;
        for (int lane = 0; lane < std::min(left, DY::lanes); ++lane, row += x.step) {
            V columns[C];
            unroll<C>([&](int v) IKEBANA_INLINE { columns[v] = V::load_unaligned(row + v * width<T>); });
            unroll<R>([&](int k) IKEBANA_INLINE {
                const V dk(d[k * DY::lanes + lane]);
                unroll<C>([&](int v) IKEBANA_INLINE { sum[k][v] = xsimd::fma(dk, columns[v], sum[k][v]); });
            });
        }
    }
    unroll<R>([&](int k) IKEBANA_INLINE {
        unroll<C>([&](int v) IKEBANA_INLINE { sum[k][v].store_unaligned(to + k * I + i + v * width<T>); });
    });
}

/// db ← the sums of n rows of dy over the batch, from row o on.
template <class T, class DY>
void dense_batch_bias(T* db, DY dy, int o, int n) {
    using V = xsimd::batch<T>;
    for (int k = 0; k < n; ++k) {
        V sum(0);
        for (int t = 0; t < dy.count; ++t)
            for (int lane = 0; lane < DY::lanes; lane += width<T>) sum += V::load_aligned(dy[t].row(o + k) + lane);
        db[k] = xsimd::hadd(sum);
    }
}

/// to ← the task's rows of dW (O,I) = Σ dy xᵀ over the batch, db ← those of Σ dy; db may be null.
template <int O, int I, class T, class DY, class Rows>
void dense_batch_gradient(backend, Shape<O, I>, T* to, T* db, DY dy, Rows x, BatchMemory memory, int task) {
    if (db) {
        const auto [first, n] = dense_batch_outputs(backend{}, Shape<O, I>{}, T{}, task);
        dense_batch_bias(db, dy, first, n);
    }
    constexpr int C = I < 2 * width<T> ? 1 : 2, columns = C * width<T>;
    using Tasks = BatchTasks<O, I, T>;
    with_rows<Tasks>(task, [&]<int N>(std::integral_constant<int, N>) {
        const int o = Tasks::first(task);
        if constexpr (may_be_sparse<Rows>)
            if (x.sparse) return sparse_gradient<N, Tasks::most, I>(to, dy, o, x, memory);
        if constexpr (gradient_in_pairs<I>)
            paired_gradient<N, I>(to, dy, x.samples, o, memory);
        else
            each_even_block<N, registers == 32 ? 10 : 5>([&]<int R>(std::integral_constant<int, R>, int row) {
                T* rows = to + row * I;
                int i = 0;
                for (; i + columns <= I; i += columns) dense_batch_block<R, C, I>(rows, dy, x, o + row, i);
                constexpr int rest = (I % columns + width<T> - 1) / width<T>; // vectors
                if constexpr (rest > 0) dense_batch_block<R, rest, I>(rows, dy, x, o + row, I - rest * width<T>);
            });
    });
}

} // namespace ikebana::cpu
