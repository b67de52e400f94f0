// The matrix product: C (M × N) = Σ_k A(m, k) B(k, n). A and B are functors (number at two indices), and so is the
// destination, which stores, adds a bias, or spreads shares: a layer differs from another in what these do.
//   a block     a tile of C, and its share of the depth (blockIdx.z)
//   a round     16 of the depth: both operands' tiles go to shared memory, each number once
//   a thread    down × across sums in registers: for down + across numbers read it does down · across multiply-adds
// How threads share a tile follows from M and N as constants, so that 20 or 50 filters waste little of it.
// Functors: T operator()(int row, int column) const; static constexpr bool along_depth: neighbours in memory are
// neighbours in depth, not in m or n. Destination: void store(int m, int n, int share, T sum) const; or, where columns
// come in windows of `window` · 32, which a thread sums whole: void store_window(int m, int n, const T* sums) const.
// Next to read: dense.hpp.
#pragma once
#include <backends/hip/backend.hpp>
#include <ikebana/tensor/view.hpp>

namespace ikebana::hip {

/// A block's threads as rows × columns, each with down × across sums.
struct Blocking {
    int rows = 16, down = 1, across = 1;

    constexpr int columns() const { return threads / rows; }
    constexpr int m() const { return rows * down; }
    constexpr int n() const { return columns() * across; }
};

/// Columns of a destination that a thread holds together, L apart.
template <class To>
inline constexpr int window_of = 1;
template <class To>
requires(To::window > 1) inline constexpr int window_of<To> = To::window;

/// The blocking that does most for what it reads, counting sums beyond M × N as nothing. Columns are at least 8, so
/// that stores follow each other.
constexpr Blocking blocking_for(int M, int N, int window = 1) {
    Blocking best;
    double most = 0;
    for (int rows = 2; rows <= 32; rows *= 2)
        for (int down = 1; down <= 8; ++down)
            for (int across = 1; across <= 8 && down * across <= 32; ++across) {
                const Blocking b{rows, down, across};
                if (window > 1 && (across != window || b.columns() != L)) continue;
                const double used =
                    static_cast<double>(M) / ((M + b.m() - 1) / b.m() * b.m()) * N / ((N + b.n() - 1) / b.n() * b.n());
                const double work = used * down * across / (down + across + 1.0);
                if (b.m() <= 128 && b.n() <= 128 && work > most) best = b, most = work;
            }
    return best;
}

inline constexpr int round_depth = 16;

template <class T, int Rows, int Down, int Across, class A, class B, class To>
__global__ void multiply(A a, B b, To to, int M, int N, int depth, int share) {
    constexpr Blocking blocking{Rows, Down, Across};
    constexpr int BM = blocking.m(), BN = blocking.n(), columns = blocking.columns();
    __shared__ T as[round_depth][BM + 1], bs[round_depth][BN + 1]; // one more: no two threads meet in a bank
    const int id = static_cast<int>(threadIdx.x), row = id / columns, column = id % columns;
    const int m0 = static_cast<int>(blockIdx.y) * BM, n0 = static_cast<int>(blockIdx.x) * BN;
    const int begin = static_cast<int>(blockIdx.z) * share, end = begin + share < depth ? begin + share : depth;
    T sums[Down][Across]{};
    for (int k0 = begin; k0 < end; k0 += round_depth) {
        for (int i = id; i < round_depth * BM; i += threads) {
            const int k = A::along_depth ? i % round_depth : i / BM, m = A::along_depth ? i / round_depth : i % BM;
            as[k][m] = k0 + k < end && m0 + m < M ? a(m0 + m, k0 + k) : T(0);
        }
        for (int i = id; i < round_depth * BN; i += threads) {
            const int k = B::along_depth ? i % round_depth : i / BN, n = B::along_depth ? i / round_depth : i % BN;
            bs[k][n] = k0 + k < end && n0 + n < N ? b(k0 + k, n0 + n) : T(0);
        }
        __syncthreads();
        for (int k = 0; k < round_depth; ++k) {
            T left[Down], right[Across];
            for (int i = 0; i < Down; ++i) left[i] = as[k][row * Down + i];
            for (int j = 0; j < Across; ++j) right[j] = bs[k][column + j * columns];
            for (int i = 0; i < Down; ++i)
                for (int j = 0; j < Across; ++j) sums[i][j] += left[i] * right[j];
        }
        __syncthreads();
    }
    for (int i = 0; i < Down; ++i) {
        const int m = m0 + row * Down + i;
        if constexpr (window_of<To> != 1) {
            if (m < M && n0 + column < N) to.store_window(m, n0 + column, sums[i]);
        } else {
            for (int j = 0; j < Across; ++j) {
                const int n = n0 + column + j * columns;
                if (m < M && n < N) to.store(m, n, static_cast<int>(blockIdx.z), sums[i][j]);
            }
        }
    }
}

/// M, and N where it is known (else what it is a multiple of), choose the blocking; n, depth and its shares are
/// run-time numbers. A share is a multiple of round_depth.
template <class T, int M, int N, class A, class B, class To>
void launch_multiply(backend on, A a, B b, To to, int n, int depth, int shares = 1) {
    constexpr Blocking blocking = blocking_for(M, N, window_of<To>);
    const dim3 grid(blocks_for(static_cast<std::size_t>(n), blocking.n()), blocks_for(M, blocking.m()),
                    static_cast<unsigned>(shares));
    launch<multiply<T, blocking.rows, blocking.down, blocking.across, A, B, To>>(on.stream, grid, dim3(threads), a, b,
                                                                                 to, M, n, depth, depth / shares);
}

/// N of a blocking where it grows with the batch.
inline constexpr int batch_columns = 1024;

// ---- operands and destinations

/// A parameter (rows × Columns), row-major; Transposed: its element (column, row).
template <class T, int Columns, bool Transposed = false>
struct Matrix {
    static constexpr bool along_depth = !Transposed;
    const T* data;
    __device__ T operator()(int m, int k) const {
        return Transposed ? data[static_cast<std::ptrdiff_t>(k) * Columns + m]
                          : data[static_cast<std::ptrdiff_t>(m) * Columns + k];
    }
};

/// Tiles of channels × Places as a matrix: a row a channel, a column for each place and lane of each tile.
template <class T, int Places>
struct Columns {
    T* data;
    std::ptrdiff_t step;
    __device__ T& at(int channel, int column) const {
        constexpr int size = Places * L;
        return data[column / size * step + channel * size + column % size];
    }
};

/// The right operand whose columns are those of tiles.
template <class T, int Places>
struct ByColumns : Columns<const T, Places> {
    static constexpr bool along_depth = false;
    __device__ T operator()(int k, int n) const { return this->at(k, n); }
};
/// An operand that is summed over all columns of tiles: on the left (m, column), on the right (column, n).
template <class T, int Places>
struct OverColumnsLeft : Columns<const T, Places> {
    static constexpr bool along_depth = true;
    __device__ T operator()(int m, int k) const { return this->at(m, k); }
};
template <class T, int Places>
struct OverColumnsRight : Columns<const T, Places> {
    static constexpr bool along_depth = true;
    __device__ T operator()(int k, int n) const { return this->at(n, k); }
};

/// Tiles are overwritten; a bias, one a row, may be null.
template <class T, int Places>
struct ToColumns : Columns<T, Places> {
    const T* bias;
    __device__ void store(int m, int n, int, T sum) const { this->at(m, n) = bias ? sum + bias[m] : sum; }
};

/// A gradient (rows × Columns) is added to.
template <class T, int Columns>
struct ToGradient {
    T* data;
    __device__ void store(int m, int n, int, T sum) const { data[static_cast<std::ptrdiff_t>(m) * Columns + n] += sum; }
};

/// The bias's numbers, or null.
template <class T, class B>
const T* bias_data(B b) {
    if constexpr (is_nothing<B>)
        return nullptr;
    else
        return b.data;
}

} // namespace ikebana::hip
