// The matrix product: C (M × N) = Σ_k A(m, k) B(k, n). A and B are functors, and so is the destination, which stores,
// adds a bias, or spreads shares: a layer differs from another in what these do.
//   a block     a tile of C, and its share of the depth
//   a round     16 of the depth or a few times as many: both operands' tiles go to shared memory, each number once,
//               and to the sums (sums.hpp); the next round's numbers are on their way meanwhile
// How threads share a tile follows from M and N as constants, so that 20 or 50 filters waste little of it.
// An operand's number is found in two steps, since a thread meets few rows of A and columns of B, all along the depth:
//   Outer outer(int row or column) const        what the one says, kept through all rounds
//   Inner inner(int k) const                    what the depth says
//   T operator()(Outer, Inner) const
//   static constexpr bool along_depth           neighbours in memory are neighbours in depth, not in m or n
// Destination: void store(int m, int n, int share, T sum) const; or, where columns come in windows of `window` · 32,
// which a thread sums whole: void store_window(int m, int n, const T* sums) const. One that takes the sums of A's rows,
// too, has void store_row(int m, T sum) const and bool takes_rows() const; the depth is not shared then.
// Next to read: dense.hpp.
#pragma once
#include <backends/hip/sums.hpp>
#include <ikebana/functors/identity.hpp>
#include <ikebana/tensor/expression.hpp>
#include <ikebana/tensor/view.hpp>

#include <utility>

namespace ikebana::hip {

/// An operand's tile of a round on its way to shared memory, some of its numbers with each thread. Those beyond the
/// depth are 0; rows of A and columns of B beyond the last are the last one's, as their sums go nowhere.
template <class T, class Operand, int Width, int Round>
class Reader {
    using Outer = decltype(std::declval<Operand>().outer(0));
    static constexpr int size = Round * Width, count = (size + threads - 1) / threads;
    static_assert(threads % Round == 0);

  public:
    __device__ Reader(const Operand& operand, int first, int limit) {
        IKEBANA_HIP_UNROLL
        for (int e = 0; e < count; ++e)
            outer_[e] = operand.outer(first + outer(e) < limit ? first + outer(e) : limit - 1);
    }

    __device__ void read(const Operand& operand, int k0, int end) {
        IKEBANA_HIP_UNROLL
        for (int e = 0; e < count; ++e) {
            const int k = k0 + inner(e);
            const T number = operand(outer_[e], operand.inner(k < end ? k : end - 1));
            numbers_[e] = k < end ? number : T(0);
        }
    }

    /// put(k, row or column, number), both within the tile.
    template <class Put>
    __device__ void write(Put put) const {
        IKEBANA_HIP_UNROLL
        for (int e = 0; e < count; ++e)
            if ((e + 1) * threads <= size || id(e) < size) put(inner(e), outer(e), numbers_[e]);
    }

  private:
    static __device__ int id(int e) { return static_cast<int>(threadIdx.x) + e * threads; }
    static __device__ int inner(int e) { return Operand::along_depth ? id(0) % Round : id(e) / Width; }
    static __device__ int outer(int e) {
        return Operand::along_depth ? id(e) / Round : (threads % Width == 0 ? id(0) : id(e)) % Width;
    }

    Outer outer_[count];
    T numbers_[count];
};

template <class To>
concept TakesRows = requires(const To& to) {
    to.takes_rows();
};

/// The sum of a row of A, by one thread each of the blocks that begin C's rows; nothing for other destinations.
template <class T, class To>
struct RowSum {
    __device__ RowSum(const To&, int, int, int, int) {}
    template <class Sums, int Row>
    __device__ void add(const T (&)[Sums::round][Row]) {}
    __device__ void store(const To&, int) const {}
};
template <class T, TakesRows To>
struct RowSum<T, To> {
    int m;
    bool wanted;
    T sum = 0;

    __device__ RowSum(const To& to, int x, int m0, int rows, int M)
        : m(static_cast<int>(threadIdx.x)), wanted(x == 0 && m < rows && m0 + m < M && to.takes_rows()) {}
    template <class Sums, int Row>
    __device__ void add(const T (&a)[Sums::round][Row]) {
        if (!wanted) return;
        for (int k = 0; k < Sums::round; ++k) sum += a[k][Sums::left_place(m)];
    }
    __device__ void store(const To& to, int m0) const {
        if (wanted) to.store_row(m0 + m, sum);
    }
};

/// A product: what it reads, where it goes, how large it is, and how much of the depth a block takes.
template <class A, class B, class To>
struct Product {
    A a;
    B b;
    To to;
    int M, N, depth, share;
};

/// A block's shared memory: both operands' tiles of a round.
template <class Sums>
struct SharedTiles {
    using T = typename Sums::number;
    alignas(4 * sizeof(T)) T left[Sums::round][Sums::left_row];
    T right[Sums::round][Sums::blocking.n() + Sums::padding];
};

/// Tile (y, x) of C, share z of the depth.
template <class Sums, class A, class B, class To>
__device__ void multiply_tile(const Product<A, B, To>& p, int x, int y, int z, SharedTiles<Sums>& room) {
    using T = typename Sums::number;
    constexpr int BM = Sums::blocking.m(), BN = Sums::blocking.n(), round = Sums::round;
    static_assert(BM <= round || round == round_depth, "no room to collect sums");
    const int m0 = y * BM, n0 = x * BN;
    const int begin = z * p.share, end = begin + p.share < p.depth ? begin + p.share : p.depth;
    Reader<T, A, BM, round> left(p.a, m0, p.M);
    Reader<T, B, BN, round> right(p.b, n0, p.N);
    left.read(p.a, begin, end), right.read(p.b, begin, end);
    Sums sums;
    RowSum<T, To> row(p.to, x, m0, BM, p.M);
    for (int k0 = begin; k0 < end; k0 += round) {
        left.write([&](int k, int m, T number) { room.left[k][Sums::left_place(m)] = Sums::operand(number); });
        right.write([&](int k, int n, T number) { room.right[k][n] = Sums::operand(number); });
        __syncthreads();
        if (k0 + round < end) left.read(p.a, k0 + round, end), right.read(p.b, k0 + round, end);
        sums.add(room.left, room.right);
        row.template add<Sums>(room.left);
        __syncthreads();
    }
    sums.collect(room.right[0]);
    sums.store(p.to, m0, n0, p.M, p.N, z);
    row.store(p.to, m0);
}

template <class T>
inline constexpr int blocks_at_once = sizeof(T) > 4 ? 1 : 2;

template <class Sums, class A, class B, class To>
__global__ void __launch_bounds__(threads, blocks_at_once<typename Sums::number>) multiply(Product<A, B, To> p) {
    __shared__ SharedTiles<Sums> room;
    multiply_tile<Sums>(p, static_cast<int>(blockIdx.x), static_cast<int>(blockIdx.y), static_cast<int>(blockIdx.z),
                        room);
}

template <class P, class Q>
union EitherTiles {
    SharedTiles<P> p;
    SharedTiles<Q> q;
};

/// Two products whose depth is not shared: P's blocks, `across` of them side by side, and then Q's.
template <class SumsP, class SumsQ, class P, class Q>
__global__ void __launch_bounds__(threads, blocks_at_once<typename SumsP::number>)
    multiply_two(P p, Q q, int blocks, int across, int across_q) {
    __shared__ EitherTiles<SumsP, SumsQ> room;
    const int block = static_cast<int>(blockIdx.x), of_q = block - blocks;
    if (of_q < 0)
        multiply_tile<SumsP>(p, block % across, block / across, 0, room.p);
    else
        multiply_tile<SumsQ>(q, of_q % across_q, of_q / across_q, 0, room.q);
}

/// What products of T use where nothing else is asked for.
template <class T>
using core_of = std::conditional_t<std::is_same_v<T, float>, MatrixCore, NoCore>;

/// How much of the depth each of `shares` takes, whole rounds; the last may take less, or there are fewer.
constexpr int share_of(int depth, int shares) {
    return ((depth + shares - 1) / shares + round_depth - 1) / round_depth * round_depth;
}

/// How products of M rows are summed, of N columns or, where those are not known, of what they are a multiple of. Few
/// blocks that go deep, as small batches have, are made more and shorter: by threads, not by matrix cores.
template <class T, int M, int N, class Core, class To>
struct SumsOf {
    static constexpr bool by_threads = std::is_same_v<Core, NoCore>;
    static constexpr int window = window_of<To>;
    static constexpr Blocking wide_blocking = blocking_for(M, N, window, unit_of<Core>);
    static constexpr Blocking narrow_blocking = by_threads ? narrow_blocking_for<T>(M, N, window) : wide_blocking;
    static_assert(window == 1 || (wide_blocking.across == window && narrow_blocking.across == window),
                  "no unit holds a window");
    using wide = Sums<T, Core, wide_blocking.rows, wide_blocking.down, wide_blocking.across>;
    using narrow = Sums<T, Core, narrow_blocking.rows, narrow_blocking.down, narrow_blocking.across,
                        by_threads ? groups_for<T>(window) : 1>;
};

/// A product as S sums it.
template <class S, class A, class B, class To>
struct TiledProduct : Product<A, B, To> {
    dim3 grid(const Blocking& blocking) const {
        return dim3(blocks_for(static_cast<std::size_t>(this->N), blocking.n()),
                    blocks_for(static_cast<std::size_t>(this->M), blocking.m()),
                    blocks_for(static_cast<std::size_t>(this->depth), static_cast<std::size_t>(this->share)));
    }
    bool has_few_blocks() const {
        const dim3 blocks = grid(S::wide::blocking);
        return 2 * blocks.x * blocks.y * blocks.z < busy_blocks;
    }
};
constexpr bool goes_deep(int share) { return share > 2 * round_depth; }

/// M, and N where it is known (else what it is a multiple of), choose the blocking; n, depth and a share of it are
/// run-time numbers.
template <class T, int M, int N, class Core = core_of<T>, class A, class B, class To>
TiledProduct<SumsOf<T, M, N, Core, To>, A, B, To> tiled_product(A a, B b, To to, int n, int depth, int share) {
    return {{a, b, to, M, n, depth, share}};
}
template <class T, int M, int N, class Core = core_of<T>, class A, class B, class To>
auto tiled_product(A a, B b, To to, int n, int depth) {
    return tiled_product<T, M, N, Core>(a, b, to, n, depth, share_of(depth, 1));
}

template <class S, class A, class B, class To>
void launch_multiply(backend on, const TiledProduct<S, A, B, To>& p) {
    const Product<A, B, To>& product = p;
    if constexpr (S::by_threads)
        if (p.has_few_blocks() && goes_deep(p.share))
            return launch<multiply<typename S::narrow, A, B, To>>(on.stream, p.grid(S::narrow::blocking), dim3(threads),
                                                                  product);
    launch<multiply<typename S::wide, A, B, To>>(on.stream, p.grid(S::wide::blocking), dim3(threads), product);
}

/// Whether one launch takes both: where each alone would leave a GPU idle. Of threads' products, P goes deep.
template <class S, class... P, class SQ, class... Q>
bool fit_one_launch(const TiledProduct<S, P...>& p, const TiledProduct<SQ, Q...>& q) {
    return p.has_few_blocks() && q.has_few_blocks() && (!S::by_threads || goes_deep(p.share));
}

/// Two that do not wait for each other. Q's depth is known when it is compiled.
template <int DepthOfQ, class S, class... P, class SQ, class... Q>
void launch_multiply_two(backend on, const TiledProduct<S, P...>& p, const TiledProduct<SQ, Q...>& q) {
    if (!fit_one_launch(p, q)) {
        launch_multiply(on, p);
        return launch_multiply(on, q);
    }
    using SumsQ = std::conditional_t<goes_deep(share_of(DepthOfQ, 1)), typename SQ::narrow, typename SQ::wide>;
    const Product<P...>& product_p = p;
    const Product<Q...>& product_q = q;
    const dim3 grid_p = p.grid(S::narrow::blocking), grid_q = q.grid(SumsQ::blocking);
    launch<multiply_two<typename S::narrow, SumsQ, Product<P...>, Product<Q...>>>(
        on.stream, dim3(grid_p.x * grid_p.y + grid_q.x * grid_q.y), dim3(threads), product_p, product_q,
        static_cast<int>(grid_p.x * grid_p.y), static_cast<int>(grid_p.x), static_cast<int>(grid_q.x));
}

// ---- operands and destinations

/// A parameter (rows × Columns), row-major; Transposed: its element (column, row).
template <class T, int Columns, bool Transposed = false>
struct Matrix {
    static constexpr bool along_depth = !Transposed;
    const T* data;
    __device__ int outer(int m) const { return Transposed ? m : m * Columns; }
    __device__ int inner(int k) const { return Transposed ? k * Columns : k; }
    __device__ T operator()(int m, int k) const { return data[m + k]; }
};

/// Tiles of channels × Places as a matrix: a row a channel, a column for each place and lane of each tile.
template <class T, int Places>
struct Columns {
    static constexpr int size = Places * L;
    T* data;
    std::ptrdiff_t step;
    __device__ std::ptrdiff_t column(int n) const { return n / size * step + n % size; }
    static __device__ int channel(int c) { return c * size; }
};

/// The right operand whose columns are those of tiles.
template <class T, int Places>
struct ByColumns : Columns<const T, Places> {
    static constexpr bool along_depth = false;
    __device__ std::ptrdiff_t outer(int n) const { return this->column(n); }
    __device__ int inner(int k) const { return this->channel(k); }
    __device__ T operator()(std::ptrdiff_t n, int k) const { return this->data[n + k]; }
};
/// An operand that is summed over all columns of tiles: a channel a row of A, or a column of B.
template <class T, int Places>
struct OverColumns : Columns<const T, Places> {
    static constexpr bool along_depth = true;
    __device__ int outer(int channel) const { return this->channel(channel); }
    __device__ std::ptrdiff_t inner(int k) const { return this->column(k); }
    __device__ T operator()(int channel, std::ptrdiff_t k) const { return this->data[channel + k]; }
};

/// Such an operand through a functor, whose outputs lie in tiles like it, `y` apart: times its derivative there.
template <class F, class Operand>
struct Differentiated : Operand {
    std::ptrdiff_t y;
    template <class Outer, class Inner>
    __device__ auto operator()(Outer outer, Inner inner) const {
        const auto* at = this->data + outer + inner;
        return *at * functors::derivative_from_output<F>{}(at[y]);
    }
};

/// Tiles are overwritten with F of sums; a bias, one a row, may be null.
template <class T, int Places, class F = functors::identity>
struct ToColumns : Columns<T, Places> {
    const T* bias;
    __device__ void store(int m, int n, int, T sum) const {
        this->data[this->channel(m) + this->column(n)] = F{}(bias ? sum + bias[m] : sum);
    }
};

/// A gradient (rows × Columns) is added to, and that of a bias, if it is not null.
template <class T, int Columns>
struct ToGradient {
    T* data;
    T* bias;
    __device__ bool takes_rows() const { return bias != nullptr; }
    __device__ void store_row(int m, T sum) const { bias[m] += sum; }
    __device__ void store(int m, int n, int, T sum) const { data[static_cast<std::ptrdiff_t>(m) * Columns + n] += sum; }
};

/// Arrays of `size` numbers in the scratch of the tiles, `of_a_tile` of them in each.
template <class T>
struct Shares {
    T* data;
    std::ptrdiff_t step;
    int size, of_a_tile;
    __device__ T* operator[](int share) const { return data + share / of_a_tile * step + share % of_a_tile * size; }
};

/// Share s of a gradient.
template <class T, int Columns>
struct ToShares {
    Shares<T> shares;
    __device__ void store(int m, int n, int share, T sum) const { shares[share][m * Columns + n] = sum; }
};

/// A block: 32 numbers, 8 groups of shares.
template <class T>
__global__ void __launch_bounds__(threads) sum_shares(T* to, Shares<T> shares, int count) {
    constexpr int groups = threads / 32;
    __shared__ T parts[groups][32];
    const int x = static_cast<int>(threadIdx.x), group = static_cast<int>(threadIdx.y);
    const int i = static_cast<int>(blockIdx.x) * 32 + x;
    T sum = 0;
    if (i < shares.size)
        for (int s = group; s < count; s += groups) sum += shares[s][i];
    parts[group][x] = sum;
    __syncthreads();
    if (group > 0 || i >= shares.size) return;
    for (int g = 1; g < groups; ++g) sum += parts[g][x];
    to[i] += sum;
}

/// to += Σ of the first `count` shares.
template <class T>
void add_shares(backend on, T* to, Shares<T> shares, int count) {
    launch<sum_shares<T>>(on.stream, dim3(blocks_for(static_cast<std::size_t>(shares.size), 32)),
                          dim3(32, threads / 32), to, shares, count);
}

/// The numbers of a bias or of its gradient, or null.
template <class T, class B>
auto bias_data(B b) {
    if constexpr (is_nothing<B>)
        return static_cast<T*>(nullptr);
    else
        return b.data;
}

} // namespace ikebana::hip
