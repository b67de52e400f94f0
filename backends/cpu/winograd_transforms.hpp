// Winograd's transforms: matrices of Toom and Cook for the points 0, ±1, ±2, ±1/2, ∞, computed by the compiler, and
// their products with a piece of an image, a kernel, a piece of the output, there and back (Lavin and Gray, "Fast
// Algorithms for Convolutional Neural Networks", arXiv 1509.09308; Blahut, "Fast Algorithms for Signal Processing",
// chapter 5). Rows of a and −a share their even and odd halves, so half of the multiplications go. Next to read:
// winograd.hpp, the convolution made of them.
#pragma once
#include <backends/cpu/backend.hpp>

#include <algorithm>
#include <array>
#include <cstddef>

namespace ikebana::cpu {

// ---- the matrices

/// Coefficients of a transform to N points from Columns numbers; rows 2i + 1 and 2i + 2 belong to the points ±a.
template <int N, int Columns>
using Coefficients = std::array<std::array<double, Columns>, N>;

inline constexpr double winograd_points[] = {0, 1, -1, 2, -2, 0.5, -0.5};

/// Π (a_j − a_l) over the finite points but j.
template <int N>
constexpr double winograd_norm(int j) {
    double norm = 1;
    for (int l = 0; l < N - 1; ++l)
        if (l != j) norm *= winograd_points[j] - winograd_points[l];
    return norm;
}

/// A (N×M): powers of the points; the last row is the point at infinity.
template <int N, int M>
struct OutputPoints {
    static constexpr int rows = N, columns = M;
    static constexpr Coefficients<N, M> values = [] {
        Coefficients<N, M> a{};
        for (int j = 0; j < N - 1; ++j) {
            double power = 1;
            for (int i = 0; i < M; ++i, power *= winograd_points[j]) a[j][i] = power;
        }
        a[N - 1][M - 1] = 1;
        return a;
    }();
};

/// G (N×R): powers of the points over their norms.
template <int N, int R>
struct KernelPoints {
    static constexpr int rows = N, columns = R;
    static constexpr Coefficients<N, R> values = [] {
        Coefficients<N, R> g = OutputPoints<N, R>::values;
        for (int j = 0; j < N - 1; ++j)
            for (double& x : g[j]) x /= winograd_norm<N>(j);
        return g;
    }();
};

/// Bᵀ (N×N): row j holds the coefficients of Π (x − a_l) over the other finite points, the last row over all of them.
template <int N>
struct InputPoints {
    static constexpr int rows = N, columns = N;
    static constexpr Coefficients<N, N> values = [] {
        Coefficients<N, N> b{};
        for (int j = 0; j < N; ++j) {
            b[j][0] = 1;
            for (int l = 0; l < N - 1; ++l) {
                if (l == j) continue;
                for (int i = N - 1; i >= 0; --i) b[j][i] = (i > 0 ? b[j][i - 1] : 0) - winograd_points[l] * b[j][i];
            }
        }
        return b;
    }();
};

// ---- a transform of one row or column, in registers

/// sum ← sum + c · x, c a constant of the code; `any` tells whether sum holds anything yet.
template <class V>
IKEBANA_INLINE inline void add_product(V& sum, bool& any, double c, V x) {
    if (c == 0) return;
    using T = typename V::value_type;
    if (!any)
        sum = c == 1 ? x : c == -1 ? -x : V(static_cast<T>(c)) * x;
    else if (c == 1)
        sum = sum + x;
    else if (c == -1)
        sum = sum - x;
    else
        sum = xsimd::fma(V(static_cast<T>(c)), x, sum);
    any = true;
}

/// out (rows) = matrix · in (columns): from coefficients to points.
template <class Matrix, class V>
IKEBANA_INLINE inline void to_points(V* out, const V* in) {
    constexpr auto& m = Matrix::values;
    constexpr int N = Matrix::rows, columns = Matrix::columns;
    IKEBANA_UNROLL
    for (int pair = 0; pair < N / 2 + 1; ++pair) { // row 0, pairs of rows, the last row
        const int row = pair == 0 ? 0 : 2 * pair - 1;
        V even(0), odd(0);
        bool any_even = false, any_odd = false;
        IKEBANA_UNROLL
        for (int i = 0; i < columns; i += 2) add_product(even, any_even, m[row][i], in[i]);
        IKEBANA_UNROLL
        for (int i = 1; i < columns; i += 2) add_product(odd, any_odd, m[row][i], in[i]);
        if (pair == 0 || pair == N / 2) {
            out[row] = !any_odd ? even : !any_even ? odd : even + odd;
        } else {
            out[row] = even + odd;
            out[row + 1] = even - odd;
        }
    }
}

/// out (columns) = matrixᵀ · in (rows): from points to coefficients.
template <class Matrix, class V>
IKEBANA_INLINE inline void from_points(V* out, const V* in) {
    constexpr auto& m = Matrix::values;
    constexpr int N = Matrix::rows, columns = Matrix::columns, pairs = N / 2 - 1;
    V even[pairs], odd[pairs];
    IKEBANA_UNROLL
    for (int i = 0; i < pairs; ++i) {
        even[i] = in[2 * i + 1] + in[2 * i + 2];
        odd[i] = in[2 * i + 1] - in[2 * i + 2];
    }
    IKEBANA_UNROLL
    for (int c = 0; c < columns; ++c) {
        V sum(0);
        bool any = false;
        add_product(sum, any, m[0][c], in[0]);
        IKEBANA_UNROLL
        for (int i = 0; i < pairs; ++i) add_product(sum, any, m[2 * i + 1][c], c % 2 == 0 ? even[i] : odd[i]);
        add_product(sum, any, m[N - 1][c], in[N - 1]);
        out[c] = sum;
    }
}

// In both directions: functions of the matrix alone, compiled once for all geometries. Numbers are vectors in memory,
// the steps between them count elements. The outer loops stay loops: written out they save a twentieth of the time, and
// cost the compiler a second.

/// to [N·N] ← matrix · d · matrixᵀ of a square d, whose rows begin at rows[i]; it is 0 outside of the columns from
/// `begin` to `end`.
template <class Matrix, class T>
IKEBANA_ONCE void to_points_2d(T* to, std::ptrdiff_t to_step, const T* const (&rows)[Matrix::columns],
                               std::ptrdiff_t column_step, int begin, int end) {
    using V = xsimd::batch<T>;
    constexpr int N = Matrix::rows, columns = Matrix::columns;
    V half[columns][N]; // half[j] = matrix · column j
    IKEBANA_ROLLED
    for (int j = 0; j < columns; ++j) {
        if (j < begin || j >= end) {
            std::fill_n(half[j], N, V(0));
            continue;
        }
        V column[columns];
        IKEBANA_UNROLL
        for (int i = 0; i < columns; ++i) column[i] = V::load_unaligned(rows[i] + j * column_step);
        to_points<Matrix>(half[j], column);
    }
    IKEBANA_ROLLED
    for (int i = 0; i < N; ++i) {
        V row[columns], points[N];
        IKEBANA_UNROLL
        for (int j = 0; j < columns; ++j) row[j] = half[j][i];
        to_points<Matrix>(points, row);
        IKEBANA_UNROLL
        for (int j = 0; j < N; ++j) points[j].store_unaligned(to + (i * N + j) * to_step);
    }
}

/// The same of a square whose rows and columns lie equal steps apart.
template <class Matrix, class T>
IKEBANA_INLINE inline void to_points_2d(T* to, std::ptrdiff_t to_step, const T* from, std::ptrdiff_t row_step,
                                        std::ptrdiff_t column_step) {
    const T* rows[Matrix::columns];
    for (int i = 0; i < Matrix::columns; ++i) rows[i] = from + i * row_step;
    to_points_2d<Matrix>(to, to_step, rows, column_step, 0, Matrix::columns);
}

/// to [columns·columns] ← matrixᵀ · m · matrix of N×N points.
template <class Matrix, class T>
IKEBANA_ONCE void from_points_2d(T* to, std::ptrdiff_t to_step, const T* from, std::ptrdiff_t from_step) {
    using V = xsimd::batch<T>;
    constexpr int N = Matrix::rows, columns = Matrix::columns;
    V half[N][columns]; // half[i] = row i · matrix
    IKEBANA_ROLLED
    for (int i = 0; i < N; ++i) {
        V row[N];
        IKEBANA_UNROLL
        for (int j = 0; j < N; ++j) row[j] = V::load_unaligned(from + (i * N + j) * from_step);
        from_points<Matrix>(half[i], row);
    }
    IKEBANA_ROLLED
    for (int j = 0; j < columns; ++j) {
        V points[N], column[columns];
        IKEBANA_UNROLL
        for (int i = 0; i < N; ++i) points[i] = half[i][j];
        from_points<Matrix>(column, points);
        IKEBANA_UNROLL
        for (int i = 0; i < columns; ++i) column[i].store_unaligned(to + (i * columns + j) * to_step);
    }
}

} // namespace ikebana::cpu
