// Matrix cores: one operation of a whole warp, sums (M × N) += left (M × K) right (K × N), in float32 sums. Each lane
// holds some numbers of each matrix, in registers; a core says which: left_at(lane, i), right_at and sum_at are the row
// and the column of a lane's number i. runtime.hpp has the operations, multiply_add<Core>() and operand<Core>(), and
// host_matrix.hpp the same on the CPU by tables of its own.
//   Tf32Core      16 × 8 × 8, 32 lanes: operands are rounded to TF32, 10 bits of mantissa, so that a product is wrong
//                 by 2⁻¹⁰ of itself at most; a bias's gradient, read beside them, is the sum of numbers so rounded.
//                 mma.m16n8k8 in the PTX ISA, "Matrix Fragments for mma.m16n8k8"; sm_80 on
//   Float32Core   16 × 16 × 4, 64 lanes: full float32. v_mfma_f32_16x16x4f32 in the CDNA 2 ISA's chapter of matrix
//                 arithmetic, and AMD's matrix instruction calculator; gfx908, gfx90a, gfx94x
// Products of float use the core that -DIKEBANA_HIP_MATRIX_CORE=Tf32Core or Float32Core names (meson: hip_matrix_core),
// else each thread multiplies. Next to read: sums.hpp.
#pragma once

namespace ikebana::hip {

struct PlaceInMatrix {
    int row, column;
};

struct Tf32Core {
    static constexpr const char* backend_name = "hip, products in TF32";
    static constexpr double rounding = 0x1p-10; // of a product, relative to it
    static constexpr int lanes = 32, M = 16, N = 8, K = 8;
    static constexpr int left = 4, right = 2, sums = 4; // numbers a lane holds

    static constexpr PlaceInMatrix left_at(int lane, int i) { return {lane / 4 + i % 2 * 8, lane % 4 + i / 2 * 4}; }
    static constexpr PlaceInMatrix right_at(int lane, int i) { return {lane % 4 + i * 4, lane / 4}; }
    static constexpr PlaceInMatrix sum_at(int lane, int i) { return {lane / 4 + i / 2 * 8, lane % 4 * 2 + i % 2}; }
    /// Numbers that a row of shared memory has beyond a tile's, so that the lanes that read at once meet in no bank.
    static constexpr int padding = 8;
};

struct Float32Core {
    static constexpr const char* backend_name = "hip, products by matrix cores";
    static constexpr double rounding = 0;
    static constexpr int lanes = 64, M = 16, N = 16, K = 4;
    static constexpr int left = 1, right = 1, sums = 4;

    static constexpr PlaceInMatrix left_at(int lane, int) { return {lane % 16, lane / 16}; }
    static constexpr PlaceInMatrix right_at(int lane, int) { return {lane / 16, lane % 16}; }
    static constexpr PlaceInMatrix sum_at(int lane, int i) { return {lane / 16 * 4 + i, lane % 16}; }
    static constexpr int padding = 16;
};

/// Each thread multiplies.
struct NoCore {
    static constexpr const char* backend_name = "hip";
    static constexpr double rounding = 0;
};

#if defined(IKEBANA_HIP_MATRIX_CORE)
using MatrixCore = IKEBANA_HIP_MATRIX_CORE;
#else
using MatrixCore = NoCore;
#endif

} // namespace ikebana::hip
