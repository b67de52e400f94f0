// The tag of the reference backend: plain loops in float or double, a sample at a time, on one thread. It is the
// specification that every other backend is tested against.
#pragma once
#include <ikebana/core/once.hpp>
#include <ikebana/tensor/view.hpp>

#include <cstddef>

namespace ikebana::reference {

struct backend {
    static constexpr const char* name = "reference";
    static constexpr bool fuses = false;
    /// Samples in a tile.
    template <class T>
    static constexpr int lanes = 1;
    /// Numbers of type T in a vector register.
    template <class T>
    static constexpr int vector_width = 1;

    /// Runs everything on the calling thread, whatever number is asked for.
    class workers {
      public:
        explicit workers(int) {}
        int count() const { return 1; }
        /// f(task, worker) for task = 0 … tasks−1.
        template <class F>
        void run(int tasks, F f) {
            for (int t = 0; t < tasks; ++t) f(t, 0);
        }
    };

    /// For sweeps over so many bytes of memory: plain loops are the same for any.
    static constexpr backend sweeping(std::size_t) { return {}; }
};

/// See layers/primitives.hpp; plain loops wait.
template <class T>
void prefetch_to_write(backend, const T*, std::size_t) {}

/// The numbers of a View or Tile, which has X's type of them; null for Nothing.
template <class X, class V>
auto numbers_of(V v) {
    if constexpr (is_nothing<V>)
        return static_cast<number_of<X>*>(nullptr);
    else
        return v.data;
}

} // namespace ikebana::reference
