// The weight gradient of Dense over a whole batch, dW = Σ dy xᵀ, in pairs of samples (paired.hpp), where additions have
// units of their own: 5 rows × 4 vectors of columns in registers. Panels of x are made once for all tasks, beside the
// forward direction; a task scales its rows of dy. Next to read: dense_batch.hpp, which calls this.
#pragma once
#include <backends/cpu/paired.hpp>
#include <ikebana/layers/primitives.hpp>

namespace ikebana::cpu {

/// Panels of x, of I inputs, in each tile's memory. Tiles go in groups; a panel holds L inputs of all samples of a
/// group, and the group's tiles keep its panels in turns.
template <class T>
struct BatchPanels {
    static constexpr int L = backend::lanes<T>, group = 8;
    BatchMemory memory;
    int count;

    BatchPanels(BatchMemory tiles, int I) : memory(tiles), count(panels(I)) {}

    static constexpr int panels(int I) { return (I + L - 1) / L; }
    static constexpr std::size_t numbers(int count) { return static_cast<std::size_t>((count + group - 1) * L * L); }
    static constexpr std::size_t bytes(int I) {
        return numbers(panels(I)) * sizeof(T) + static_cast<std::size_t>(panels(I)) * sizeof(LaneCorrections<T>);
    }

    /// Panel p of the group of `tiles` tiles from `first` on, and what its lanes need.
    T* panel(int first, int tiles, int p) const {
        return reinterpret_cast<T*>(memory.tile(first + p % tiles)) + p / tiles * tiles * L * L;
    }
    LaneCorrections<T>& lanes(int first, int p) const {
        return reinterpret_cast<LaneCorrections<T>*>(reinterpret_cast<T*>(memory.tile(first)) + numbers(count))[p];
    }
};

/// panel ← inputs i … i + L of K samples from the first one on; zeros where there is no sample or input.
template <class T>
void copy_inputs(T* panel, BatchRows<T> x, int I, int first, int K, int i) {
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
template <class T>
IKEBANA_ONCE void make_panels(BatchRows<T> x, int I, BatchMemory memory, int task, int tasks) {
    using Panels = BatchPanels<T>;
    const Panels panels(memory, I);
    const int tiles_of_batch = (x.samples + Panels::L - 1) / Panels::L;
    for (int p = task; p < panels.count; p += tasks)
        for (int first = 0; first < tiles_of_batch; first += Panels::group) {
            const int tiles = std::min(Panels::group, tiles_of_batch - first), K = tiles * Panels::L;
            T* panel = panels.panel(first, tiles, p);
            copy_inputs<T>(panel, x, I, first * Panels::L, K, p * Panels::L);
            scale_panel<T>(panel, panels.lanes(first, p), K);
        }
}

/// to (R,I) ← R rows of dW over the batch, whose dy begin with those of `dy`. C vectors of columns go in registers, and
/// C − 1 in the last blocks, as far as they don't fill `vectors`.
template <int R, int C, class T>
IKEBANA_ONCE void paired_rows(T* to, int I, TileRows<const T> dy, int samples, BatchMemory memory) {
    using Panels = BatchPanels<T>;
    constexpr int W = width<T>, L = backend::lanes<T>;
    constexpr int most = Panels::group * L, step = (most + chunk_terms - 1) / chunk_terms * chunk_step;
    const Panels panels(memory, I);
    const int vectors = (I + W - 1) / W, blocks = (vectors + C - 1) / C, smaller = blocks * C - vectors;
    for (int i = 0; i < R * I; i += 64 / static_cast<int>(sizeof(T))) __builtin_prefetch(to + i, 1);
    for (int first = 0; first < dy.count; first += Panels::group) {
        const int tiles = std::min(Panels::group, dy.count - first), K = tiles * L;
        T a[R * step], row[most];
        RowCorrection<T> rows[R];
        for (int r = 0; r < R; ++r) {
            std::fill_n(row, K, T(0));
            for (int t = 0; t < tiles; ++t)
                std::copy_n(dy[first + t] + r * L, std::min(L, samples - (first + t) * L), row + t * L);
            rows[r] = make_row<T>(a, row, r, R, K);
        }
        const auto block = [&]<int B>(std::integral_constant<int, B>, int vector) {
            PairedVector<T> results[B];
            for (int c = 0; c < B; ++c) {
                const int i = (vector + c) * W;
                results[c] = {to + i, panels.panel(first, tiles, i / L), &panels.lanes(first, i / L), i % L};
            }
            paired_block<R, B, T>(results, static_cast<std::size_t>(I), a, rows, K, first > 0,
                                  std::min(W, I - (vector + B - 1) * W));
        };
        int vector = 0;
        for (; vector < (blocks - smaller) * C; vector += C) block(std::integral_constant<int, C>{}, vector);
        if constexpr (C > 1)
            for (; vector < vectors; vector += C - 1) block(std::integral_constant<int, C - 1>{}, vector);
    }
}

/// to (N,I) ← N rows of dW.
template <int N, int I, class T>
void paired_gradient(T* to, TileRows<const T> dy, int samples, BatchMemory memory) {
    constexpr int vectors = (I + width<T> - 1) / width<T>, blocks = (vectors + 3) / 4,
                  C = (vectors + blocks - 1) / blocks;
    each_even_block<N, 5>([&]<int R>(std::integral_constant<int, R>, int n) {
        paired_rows<R, C>(to + n * I, I, TileRows<const T>{dy.first + n * backend::lanes<T>, dy.step, dy.count},
                          samples, memory);
    });
}

} // namespace ikebana::cpu
