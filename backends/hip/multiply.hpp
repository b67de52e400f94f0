// The matrix product: C (M × N) = Σ_k A(m, k) B(k, n). A and B are functors (number at two indices), and so is the
// destination, which stores, adds a bias, or spreads shares: a layer differs from another in what these do.
//   a block     a tile of C, and its share of the depth (blockIdx.z)
//   a round     16 of the depth: both operands' tiles go to shared memory, each number once, and to the sums (sums.hpp)
// How threads share a tile follows from M and N as constants, so that 20 or 50 filters waste little of it.
// Functors: T operator()(int row, int column) const; static constexpr bool along_depth: neighbours in memory are
// neighbours in depth, not in m or n. Destination: void store(int m, int n, int share, T sum) const; or, where columns
// come in windows of `window` · 32, which a thread sums whole: void store_window(int m, int n, const T* sums) const.
// Next to read: dense.hpp.
#pragma once
#include <backends/hip/sums.hpp>
#include <ikebana/tensor/view.hpp>

namespace ikebana::hip {

template <class Sums, class A, class B, class To>
__global__ void multiply(A a, B b, To to, int M, int N, int depth, int share) {
    using T = typename Sums::number;
    constexpr int BM = Sums::blocking.m(), BN = Sums::blocking.n();
    __shared__ T as[round_depth][BM + Sums::padding], bs[round_depth][BN + Sums::padding];
    const int id = static_cast<int>(threadIdx.x);
    const int m0 = static_cast<int>(blockIdx.y) * BM, n0 = static_cast<int>(blockIdx.x) * BN;
    const int begin = static_cast<int>(blockIdx.z) * share, end = begin + share < depth ? begin + share : depth;
    Sums sums;
    for (int k0 = begin; k0 < end; k0 += round_depth) {
        for (int i = id; i < round_depth * BM; i += threads) {
            const int k = A::along_depth ? i % round_depth : i / BM, m = A::along_depth ? i / round_depth : i % BM;
            as[k][m] = k0 + k < end && m0 + m < M ? Sums::operand(a(m0 + m, k0 + k)) : T(0);
        }
        for (int i = id; i < round_depth * BN; i += threads) {
            const int k = B::along_depth ? i % round_depth : i / BN, n = B::along_depth ? i / round_depth : i % BN;
            bs[k][n] = k0 + k < end && n0 + n < N ? Sums::operand(b(k0 + k, n0 + n)) : T(0);
        }
        __syncthreads();
        sums.add(as, bs);
        __syncthreads();
    }
    sums.store(to, m0, n0, M, N);
}

/// What products of T use where nothing else is asked for.
template <class T>
using core_of = std::conditional_t<std::is_same_v<T, float>, MatrixCore, NoCore>;

/// M, and N where it is known (else what it is a multiple of), choose the blocking; n, depth and its shares are
/// run-time numbers. A share is a multiple of round_depth.
template <class T, int M, int N, class Core = core_of<T>, class A, class B, class To>
void launch_multiply(backend on, A a, B b, To to, int n, int depth, int shares = 1) {
    constexpr Blocking blocking = blocking_for(M, N, window_of<To>, unit_of<Core>);
    static_assert(window_of<To> == 1 || blocking.across == window_of<To>, "no unit holds a window");
    const dim3 grid(blocks_for(static_cast<std::size_t>(n), blocking.n()), blocks_for(M, blocking.m()),
                    static_cast<unsigned>(shares));
    launch<multiply<Sums<T, Core, blocking.rows, blocking.down, blocking.across>, A, B, To>>(
        on.stream, grid, dim3(threads), a, b, to, M, n, depth, depth / shares);
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
