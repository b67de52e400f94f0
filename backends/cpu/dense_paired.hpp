// The weight gradient of Dense over a whole batch, dW = Σ dy xᵀ, in pairs of samples (paired.hpp), where additions have
// units of their own: 5 rows × 4 vectors of columns in registers. Panels of x are made once for all tasks, beside the
// forward direction; a task scales its rows of dy. Next to read: dense_batch.hpp, which calls this.
#pragma once
#include <backends/cpu/paired.hpp>
#include <ikebana/layers/primitives.hpp>

namespace ikebana::cpu {

/// Panels of x in each tile's memory. Tiles go in groups; a panel holds L inputs of all samples of a group, and the
/// group's tiles keep its panels in turns.
template <int I, class T>
struct PanelsOfTile {
    static constexpr int L = backend::lanes<T>, group = 8, panels = (I + L - 1) / L;

    alignas(64) T numbers[(panels + group - 1) * L * L];
    LaneCorrections<T> lanes[panels]; // in a group's first tile

    static PanelsOfTile& of(BatchMemory memory, int tile) {
        return *reinterpret_cast<PanelsOfTile*>(memory.tile(tile));
    }
    /// Panel p of the group of `tiles` tiles from `first` on.
    static T* panel(BatchMemory memory, int first, int tiles, int p) {
        return of(memory, first + p % tiles).numbers + p / tiles * tiles * L * L;
    }
};

/// panel ← inputs i … i + L of K samples from the first one on; zeros where there is no sample or input.
template <int I, class T>
void copy_inputs(T* panel, BatchRows<T> x, int first, int K, int i) {
    constexpr int L = backend::lanes<T>;
    const int inputs = std::min(L, I - i), samples = std::min(K, x.samples - first);
    if (samples < K || inputs < L) std::fill_n(panel, K * L, T(0));
    for (int n = 0; n < samples; ++n) {
        const T* row = x.tile((first + n) / L) + static_cast<std::size_t>((first + n) % L) * x.step + i;
        T* to = panel + place_of_term(n, K) * L;
        if (inputs == L)
            std::copy_n(row, L, to);
        else
            std::copy_n(row, inputs, to);
    }
}

/// One of `tasks` shares of all panels of x.
template <int I, class T>
void make_panels(BatchRows<T> x, BatchMemory memory, int task, int tasks) {
    using Panels = PanelsOfTile<I, T>;
    const int count = (x.samples + Panels::L - 1) / Panels::L;
    for (int p = task; p < Panels::panels; p += tasks)
        for (int first = 0; first < count; first += Panels::group) {
            const int tiles = std::min(Panels::group, count - first), K = tiles * Panels::L;
            T* panel = Panels::panel(memory, first, tiles, p);
            copy_inputs<I>(panel, x, first * Panels::L, K, p * Panels::L);
            scale_panel<T>(panel, Panels::of(memory, first).lanes[p], K);
        }
}

/// to (R,I) ← rows o … o + R of dW over the batch.
template <int R, int I, class T, class DY>
void paired_rows(T* to, DY dy, int samples, int o, BatchMemory memory) {
    using Panels = PanelsOfTile<I, T>;
    constexpr int W = width<T>, L = DY::lanes, vectors = (I + W - 1) / W;
    constexpr int terms = Panels::group * L, step = (terms + chunk_terms - 1) / chunk_terms * chunk_step;
    for (int i = 0; i < R * I; i += 64 / static_cast<int>(sizeof(T))) __builtin_prefetch(to + i, 1);
    for (int first = 0; first < dy.count; first += Panels::group) {
        const int tiles = std::min(Panels::group, dy.count - first), K = tiles * L;
        T a[R * step], row[terms];
        RowCorrection<T> rows[R];
        for (int r = 0; r < R; ++r) {
            std::fill_n(row, K, T(0));
            for (int t = 0; t < tiles; ++t)
                std::copy_n(dy[first + t].row(o + r), std::min(L, samples - (first + t) * L), row + t * L);
            rows[r] = make_row<T>(a, row, r, R, K);
        }
        const auto vector_of = [&](int i) {
            return PairedVector<T>{to + i, Panels::panel(memory, first, tiles, i / L),
                                   &Panels::of(memory, first).lanes[i / L], i % L};
        };
        each_even_block<vectors, 4>([&]<int C>(std::integral_constant<int, C>, int vector) {
            PairedVector<T> results[C];
            for (int c = 0; c < C; ++c) results[c] = vector_of((vector + c) * W);
            paired_block<R, C, T>(results, I, a, rows, K, first > 0, std::min(W, I - (vector + C - 1) * W));
        });
    }
}

/// to (N,I) ← rows o … o + N of dW.
template <int N, int I, class T, class DY>
void paired_gradient(T* to, DY dy, int samples, int o, BatchMemory memory) {
    each_even_block<N, 5>([&]<int R>(std::integral_constant<int, R>, int n) {
        paired_rows<R, I>(to + n * I, dy, samples, o + n, memory);
    });
}

} // namespace ikebana::cpu
