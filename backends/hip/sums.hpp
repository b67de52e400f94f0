// How a block sums its tile of a matrix product, from both operands' tiles in shared memory, `round` deep: by threads,
// each for numbers of its own, or by warps with a matrix core each. One such unit holds down × across pieces
// of the tile: pieces below each other follow each other, those beside each other are as far apart as all units are
// wide, so that a thread holds whole windows where columns come in windows of `window` · 32. A block of threads may
// also be in `deep` groups: each sums its part of a round for the same, smaller tile, and the first adds theirs up.
//   round                              round_depth for each group
//   Sums::blocking                     the tile
//   padding                            what the right operand's shared rows have beyond it, against bank conflicts
//   left_row                           how long the left operand's are,
//   left_place(m)                      and where they hold the tile's row m
//   Sums::operand(x)                   a number as it is held in shared memory
//   add(left, right)                   a round
//   collect(room)                      after the last: the groups' sums to the first's, by way of shared memory
//   store(to, m0, n0, M, N, share)     the sums with m < M and n < N; m0, n0: where the tile begins
// Next to read: multiply.hpp.
#pragma once
#include <backends/hip/backend.hpp>

namespace ikebana::hip {

inline constexpr int round_depth = 16;

/// What sums together: how many a block has, the piece m × n that one operation gives, and the numbers a thread then
/// holds of it and reads for it of either operand, those on the left `packed` at a time; down · across · sums is `most`
/// at most.
struct Unit {
    int count = threads, m = 1, n = 1, sums = 1, left = 1, right = 1, packed = 4, most = 64;
};
template <class Core>
inline constexpr Unit unit_of{threads / Core::lanes, Core::M, Core::N, Core::sums, Core::left, Core::right, 1, 64};
template <>
inline constexpr Unit unit_of<NoCore>{};

/// A block's units as rows × columns, each with down × across pieces.
struct Blocking {
    int rows = 16, down = 1, across = 1;
    Unit unit{};

    constexpr int columns() const { return unit.count / rows; }
    constexpr int m() const { return rows * down * unit.m; }
    constexpr int n() const { return columns() * across * unit.n; }
};

/// Columns of a destination that a thread holds together, L apart.
template <class To>
inline constexpr int window_of = 1;
template <class To>
requires(To::window > 1) inline constexpr int window_of<To> = To::window;

/// N of a blocking where it grows with the batch.
inline constexpr int batch_columns = 1024;

/// The blocking that does most for what it reads, counting sums beyond M × N as nothing. Units beside each other are at
/// least 8 columns wide, so that stores follow each other. m + n is `most_reads` at most; the columns of a batch come
/// in powers of two, so that a thread meets one.
constexpr Blocking blocking_for(int M, int N, int window = 1, Unit unit = {}, int most_reads = 2 * 128) {
    Blocking best{1, 1, 1, unit};
    double most = 0;
    for (int rows = 1; rows <= unit.count; rows *= 2)
        for (int down = 1; down <= 8; ++down)
            for (int across = 1; across <= 8 && down * across * unit.sums <= unit.most; ++across) {
                const Blocking b{rows, down, across, unit};
                const int wide = b.columns() * unit.n;
                if (wide < 8 || (window > 1 && (across != window || wide != L))) continue;
                if (b.m() > 128 || b.n() > 128 || b.m() + b.n() > most_reads) continue;
                if (N == batch_columns && N % b.n() != 0) continue;
                const double used =
                    static_cast<double>(M) / ((M + b.m() - 1) / b.m() * b.m()) * N / ((N + b.n() - 1) / b.n() * b.n());
                const int reads = (down + unit.packed - 1) / unit.packed * unit.left + across * unit.right;
                const double work = used * down * across / (reads + 1);
                if (work > most) best = b, most = work;
            }
    return best;
}

/// Groups of a block's threads where a grid has few blocks, and the blocking then: a thread reads 20 numbers a round,
/// or 80 bytes.
template <class T>
constexpr int groups_for(int window) {
    return window > 1 ? 2 : 32 / static_cast<int>(sizeof(T));
}
template <class T>
constexpr Blocking narrow_blocking_for(int M, int N, int window) {
    const int groups = groups_for<T>(window), numbers = window > 1 ? 20 : 80 / static_cast<int>(sizeof(T));
    return blocking_for(M, N, window, Unit{threads / groups}, numbers * threads / (groups * round_depth));
}

/// Numbers that are read at once: by one instruction up to four, of float.
template <class T, int N>
struct alignas(sizeof(T) * (N % 4 == 0 ? 4 : N)) Pack {
    T numbers[N];
};

/// A thread a unit: for down + across numbers read it does down · across multiply-adds. Those on the left, the same for
/// all threads of a row of units, lie together.
template <class T, class Core, int Rows, int Down, int Across, int Deep = 1>
class Sums {
  public:
    using number = T;
    static constexpr Blocking blocking{Rows, Down, Across, Unit{threads / Deep}};
    static constexpr int round = round_depth * Deep;
    static constexpr int padding = 1;
    static constexpr int pack = Down > 2 ? (Down + 3) / 4 * 4 : Down;
    static constexpr int left_row = Rows * pack + (pack < 4 ? pack : 4);

    static __device__ int left_place(int m) { return m / Down * pack + m % Down; }
    static __device__ T operand(T x) { return x; }

    template <int LeftRow, int RightRow>
    __device__ void add(const T (&left)[round][LeftRow], const T (&right)[round][RightRow]) {
        const int first = group() * round_depth;
        IKEBANA_HIP_UNROLL
        for (int i = 0; i < round_depth; ++i) {
            const int k = first + i;
            const auto l = *reinterpret_cast<const Pack<T, pack>*>(&left[k][row() * pack]);
            T r[Across];
            IKEBANA_HIP_UNROLL
            for (int j = 0; j < Across; ++j) r[j] = right[k][column() + j * columns];
            IKEBANA_HIP_UNROLL
            for (int d = 0; d < Down; ++d) IKEBANA_HIP_UNROLL
            for (int j = 0; j < Across; ++j) sums_[d][j] += l.numbers[d] * r[j];
        }
    }

    __device__ void collect(T* room) {
        IKEBANA_HIP_UNROLL
        for (int g = 1; g < Deep; ++g) {
            if (group() == g) each_sum([&](int i, T& sum) { room[i * group_size + id()] = sum; });
            __syncthreads();
            if (group() == 0) each_sum([&](int i, T& sum) { sum += room[i * group_size + id()]; });
            __syncthreads();
        }
    }

    template <class To>
    __device__ void store(const To& to, int m0, int n0, int M, int N, int share) const {
        if (group() > 0) return;
        IKEBANA_HIP_UNROLL
        for (int i = 0; i < Down; ++i) {
            const int m = m0 + row() * Down + i;
            if constexpr (window_of<To> != 1) {
                if (m < M && n0 + column() < N) to.store_window(m, n0 + column(), sums_[i]);
            } else {
                IKEBANA_HIP_UNROLL
                for (int j = 0; j < Across; ++j) {
                    const int n = n0 + column() + j * columns;
                    if (m < M && n < N) to.store(m, n, share, sums_[i][j]);
                }
            }
        }
    }

  private:
    static constexpr int columns = blocking.columns(), group_size = threads / Deep;
    static __device__ int group() { return static_cast<int>(threadIdx.x) / group_size; }
    static __device__ int id() { return static_cast<int>(threadIdx.x) % group_size; }
    static __device__ int row() { return id() / columns; }
    static __device__ int column() { return id() % columns; }

    template <class F>
    __device__ void each_sum(F f) {
        IKEBANA_HIP_UNROLL
        for (int i = 0; i < Down; ++i) IKEBANA_HIP_UNROLL
        for (int j = 0; j < Across; ++j) f(i * Across + j, sums_[i][j]);
    }

    T sums_[Down][Across]{};
};

/// A warp a unit, by its matrix core.
template <class Core, int Rows, int Down, int Across>
requires(Core::lanes > 0) class Sums<float, Core, Rows, Down, Across> {
  public:
    using number = float;
    static constexpr Blocking blocking{Rows, Down, Across, unit_of<Core>};
    static constexpr int round = round_depth;
    static constexpr int padding = Core::padding, left_row = blocking.m() + padding;
    static_assert(round_depth % Core::K == 0);

    static __device__ int left_place(int m) { return m; }
    static __device__ float operand(float x) { return hip::operand<Core>(x); }

    template <int LeftRow, int RightRow>
    __device__ void add(const float (&left)[round_depth][LeftRow], const float (&right)[round_depth][RightRow]) {
        IKEBANA_HIP_UNROLL
        for (int k = 0; k < round_depth; k += Core::K) {
            float l[Down][Core::left], r[Across][Core::right];
            for (int i = 0; i < Down; ++i)
                for (int e = 0; e < Core::left; ++e) {
                    const PlaceInMatrix at = Core::left_at(lane(), e);
                    l[i][e] = left[k + at.column][row() + i * Core::M + at.row];
                }
            for (int j = 0; j < Across; ++j)
                for (int e = 0; e < Core::right; ++e) {
                    const PlaceInMatrix at = Core::right_at(lane(), e);
                    r[j][e] = right[k + at.row][column() + j * wide + at.column];
                }
            for (int i = 0; i < Down; ++i)
                for (int j = 0; j < Across; ++j) multiply_add<Core>(sums_[i][j], l[i], r[j]);
        }
    }

    __device__ void collect(float*) {}

    template <class To>
    __device__ void store(const To& to, int m0, int n0, int M, int N, int share) const {
        IKEBANA_HIP_UNROLL
        for (int i = 0; i < Down; ++i) {
            IKEBANA_HIP_UNROLL
            for (int e = 0; e < Core::sums; ++e) {
                const PlaceInMatrix at = Core::sum_at(lane(), e);
                const int m = m0 + row() + i * Core::M + at.row, first = n0 + column() + at.column;
                if constexpr (window_of<To> != 1) {
                    float window[Across];
                    for (int j = 0; j < Across; ++j) window[j] = sums_[i][j][e];
                    if (m < M && first < N) to.store_window(m, first, window);
                } else {
                    IKEBANA_HIP_UNROLL
                    for (int j = 0; j < Across; ++j)
                        if (const int n = first + j * wide; m < M && n < N)
                            to.store(m, n, share, sums_[i][j][e]);
                }
            }
        }
    }

  private:
    static constexpr int columns = blocking.columns(), wide = columns * Core::N;
    static __device__ int lane() { return static_cast<int>(threadIdx.x) % Core::lanes; }
    static __device__ int warp() { return static_cast<int>(threadIdx.x) / Core::lanes; }
    static __device__ int row() { return warp() / columns * (Down * Core::M); } // of the unit's first piece
    static __device__ int column() { return warp() % columns * Core::N; }

    float sums_[Down][Across][Core::sums]{};
};

} // namespace ikebana::hip
