// The training program of a network and a loss: what one tile does in one region between two meeting points. Over 400
// lines, as every function needs the same places in a tile's memory, which are private to it.
//   Region F_k: forward through segment k, then the collecting half of the meeting layer that follows.
//   Region B_k: backward from the meeting layer after segment k down to the collecting half of the one that begins it.
// The last segment's forward, the loss and its backward are one region: the tile is still in the cache. A layer over
// the batch is a region of its own each way, in tasks of its outputs or inputs instead of tiles; an elementwise layer
// goes in these tasks, forward with the one before it and back with the one after it.
// Next to read: train/trainer.hpp, which runs the regions over all tiles.
#pragma once
#include <ikebana/core/once.hpp>
#include <ikebana/loss/cross_entropy.hpp>
#include <ikebana/train/layer_program.hpp>
#include <ikebana/train/profile.hpp>
#include <ikebana/train/program_layout.hpp>

namespace ikebana {

/// The table of a Program's layers: outside of it, as it needs the finished class.
template <class P>
inline constexpr auto layer_programs = P::layers();

template <class Net, class Loss>
struct Program : ProgramLayout<Net, Loss> {
    using base = ProgramLayout<Net, Loss>;
    using base::L, base::count, base::cut, base::segments, base::first_trained, base::tile_bytes, base::batch_offset,
        base::partial_offset, base::packed_offset, base::batch_tasks;
    using typename base::backend, typename base::T, typename base::input, typename base::layout, typename base::chain;
    template <int I>
    using bound = typename base::template bound<I>;
    template <int I>
    static constexpr bool is_over_batch = base::template is_over_batch<I>;
    static constexpr auto in_tasks = base::in_tasks; // by `using`, g++ 12 does not find it in lambdas

    /// What a region sees of the trainer.
    struct View {
        const T* parameters;
        const T* packed;
        T* gradient;     // of this slot
        T* partial;      // of this tile
        T* batch;        // of the whole batch
        std::byte* tile; // of this tile
        std::byte* scratch;
        T scale; // 1 / N
        Seed seed;
        std::uint64_t step;
        std::uint32_t sample; // first of the tile
        int samples;
        Profile* profile; // may be null
        int worker;
        backend on; // what kernels are given; sizes and shapes ask backend{}

        Timed timed(Part part, int layer = 0) const { return {profile, worker, part, layer}; }

        T* labels() const { return reinterpret_cast<T*>(tile + layout::bytes); }
        T* mask() const { return labels() + (tile_bytes - layout::bytes) / 3 / sizeof(T); }
        T* costs() const { return mask() + (tile_bytes - layout::bytes) / 3 / sizeof(T); }
    };

    /// A batch of the network's input.
    static InputRows<T> input_rows(const T* first, int samples) {
        const BatchRows<T> rows{first, L * input::size, input::size, samples};
        if constexpr (is_over_batch<0>)
            return bound<0>::layer::template batch_rows<typename bound<0>::input>(backend{}, rows);
        else
            return {rows};
    }

    /// Fills labels and mask of tile t of the batch and its input, or lists that if it is sparse.
    static void load(const View& v, InputRows<T> rows, int t, const int* labels) {
        for (int lane = 0; lane < L; ++lane) {
            v.labels()[lane] = lane < v.samples ? static_cast<T>(labels[lane]) : T(-1);
            v.mask()[lane] = lane < v.samples ? T(1) : T(0);
        }
        if constexpr (is_over_batch<0>)
            if (rows.sparse) {
                const Timed timed = v.timed(Part::forward, bound<0>::position);
                View first = v;
                first.tile -= static_cast<std::size_t>(t) * tile_bytes;
                return bound<0>::layer::template batch_list<typename bound<0>::input>(v.on, rows, memory_of<0>(first),
                                                                                      t);
            }
        const Timed timed = v.timed(Part::load);
        load_tile(v.on, Tile<T, input, L>{reinterpret_cast<T*>(v.tile)}, rows.tile(t), v.samples, input::size);
    }

    /// The functions of every layer: through a table, what runs them is compiled once and not for each layer.
    static constexpr auto layers() {
        return []<int... I>(std::integer_sequence<int, I...>) {
            return std::array<LayerProgram<View, T>, count>{layer_program<I>()...};
        }
        (std::make_integer_sequence<int, count>{});
    }

    /// Region F_k on a tile.
    static void forward_region(const View& v, std::size_t k) {
        const Segment s = cut.segments[k];
        for (int i = s.begin; i < s.end; ++i) run(v, Part::forward, i, of_layer(i).forward);
        if (s.end < count) return run(v, Part::forward, s.end, of_layer(s.end).collect);
        loss(v);
        backward_region(v, k);
    }
    /// Region B_k on a tile.
    static void backward_region(const View& v, std::size_t k) {
        const Segment s = cut.segments[k];
        if (s.end < count) run(v, Part::backward, s.end, of_layer(s.end).meeting_backward);
        for (int i = s.end; i-- > s.begin;) run(v, Part::backward, i, of_layer(i).backward);
    }
    /// Whether tiles have anything to do there.
    static constexpr bool has_forward_region(std::size_t k) {
        const Segment s = cut.segments[k];
        bool has = s.end == count || of_layer(s.end).collect;
        for (int i = s.begin; i < s.end; ++i) has |= of_layer(i).forward != nullptr;
        return has;
    }
    static constexpr bool has_backward_region(std::size_t k) {
        const Segment s = cut.segments[k];
        bool has = s.end < count && of_layer(s.end).meeting_backward;
        for (int i = s.begin; i < s.end; ++i) has |= of_layer(i).backward != nullptr;
        return has;
    }

    /// Cost of each lane, and the gradient that enters the last layer from above.
    static void loss(const View& v) {
        const Timed timed = v.timed(Part::loss);
        Loss::evaluate(v.on, v.costs(), gradient_of<count>(v), output(v), v.labels(), v.mask(), v.scale,
                       reinterpret_cast<T*>(v.scratch));
    }

    /// One task of a layer over the batch, forward, or one that prepares its gradient; v is the batch's first tile, the
    /// others follow it.
    template <int I>
    static void batch_forward(const View& v, InputRows<T> input_rows, int task) {
        using B = bound<I>;
        using layer = typename B::layer;
        using In = typename B::input;
        constexpr int tasks = ikebana::batch_tasks<B, backend, T>;
        const auto rows = rows_of<I>(v, input_rows);
        const int tiles = tiles_of(rows.samples);
        if (task < tasks) {
            {
                const Timed timed = v.timed(Part::forward, B::position);
                const Tile<T, typename B::output, L> y{reinterpret_cast<T*>(v.tile + layout::inputs[I + 1])};
                layer::template batch_forward<In>(v.on, of_batch(y, tiles), of_batch(input_of<I>(v), tiles), rows,
                                                  memory_of<I>(v), parameters_of_layer<I>(v), task);
            }
            const auto outputs = layer::template batch_outputs<In, T>(backend{}, task);
            if constexpr (is_followed<I>) {
                const Timed timed = v.timed(Part::forward, bound<I + 1>::position);
                on_rows(v, tiles, outputs, &forward_rows<I + 1, 8>, &forward_rows<I + 1, 1>);
            }
            constexpr int next = I + 1 + is_followed<I>;
            if constexpr (next < count)
                if constexpr (is_over_batch<next>) {
                    const Timed timed = v.timed(Part::forward, bound<next>::position);
                    on_rows(v, tiles, outputs, &store_rows<next, 8>, &store_rows<next, 1>);
                }
        } else if constexpr (prepare_tasks<I> > 0) {
            const Timed timed = v.timed(Part::backward, B::position);
            layer::template batch_prepare<In>(v.on, rows, memory_of<I>(v), task - tasks);
        }
    }
    /// One task of the gradient of its input.
    template <int I>
    static void batch_backward(const View& v, int tiles, int task) {
        using B = bound<I>;
        using layer = typename B::layer;
        using In = typename B::input;
        {
            const Timed timed = v.timed(Part::backward, B::position);
            layer::template batch_backward<In>(v.on, of_batch(gradient_of<I>(v), tiles),
                                               of_batch(output_gradient_of<I>(v), tiles), parameters_of_layer<I>(v),
                                               task);
        }
        if constexpr (in_tasks[I - 1].backward && !is_over_batch<I - 1>) {
            const Timed timed = v.timed(Part::backward, bound<I - 1>::position);
            on_rows(v, tiles, layer::template batch_inputs<In, T>(backend{}, task), &backward_rows<I - 1, 8>,
                    &backward_rows<I - 1, 1>);
        }
    }

    /// One task of all layers' batch gradients. f(first, n, gradient) gets each parameter's part of it: n numbers from
    /// the arena's element `first` on. v is the batch's first tile, the others follow it. It is written to its places
    /// in `arena`, or to scratch if that is null.
    template <class F>
    static void batch_gradient(const View& v, InputRows<T> input_rows, int task, T* arena, F f) {
        int i = 0;
        while (static_cast<int>(batch_tasks[static_cast<std::size_t>(i) + 1]) <= task) ++i;
        BatchGradient<T> g;
        {
            const Timed timed = v.timed(Part::backward, of_layer(i).position);
            of_layer(i).batch_gradient(v, input_rows, task - static_cast<int>(batch_tasks[static_cast<std::size_t>(i)]),
                                       arena, g);
        }
        for (int k = 0; k < g.count; ++k) f(g.parts[k].first, g.parts[k].size, static_cast<const T*>(g.parts[k].to));
    }

    /// The tile that the loss reads.
    static auto output(const View& v) { return input_of<count>(v); }

    /// Position of the first layer with an output that is not finite; −1 if there is none.
    static int first_not_finite(const View& v) {
        static constexpr auto outputs = []<class... B>(pack<B...>) {
            std::size_t i = 0;
            return std::array{LayerOutput{B::position, layout::inputs[++i], B::output::size}...};
        }(chain{});
        for (const LayerOutput& output : outputs)
            if (!all_finite(reinterpret_cast<const T*>(v.tile + output.begin), output.features, L, v.samples))
                return output.position;
        return -1;
    }

    /// The functions of layer i.
    static constexpr const LayerProgram<View, T>& of_layer(int i) {
        return layer_programs<Program>[static_cast<std::size_t>(i)];
    }

  private:
    static void run(const View& v, Part part, int i, void (*f)(const View&)) {
        if (!f) return;
        const Timed timed = v.timed(part, of_layer(i).position);
        f(v);
    }

    template <int I>
    static constexpr int prepare_tasks =
        bound<I>::layer::template batch_prepare_tasks<typename bound<I>::input, backend, T>;

    template <int I>
    static constexpr LayerProgram<View, T> layer_program() {
        using B = bound<I>;
        using layer = typename B::layer;
        using In = typename B::input;
        LayerProgram<View, T> p{B::position};
        if constexpr (packed_offset[I + 1] > packed_offset[I]) p.pack = &pack_layer<I>;
        if constexpr (is_over_batch<I>) {
            p.tasks = ikebana::batch_tasks<B, backend, T> + prepare_tasks<I>;
            p.batch_forward = &batch_forward<I>, p.batch_gradient = &batch_gradient_of_layer<I>;
            static_assert(B::parameters::count <= BatchGradient<T>::most,
                          "a layer over the batch has at most 4 parameters");
            if constexpr (I > 0)
                if constexpr (!in_tasks[I - 1].forward) p.collect = &store_input<I>;
            if constexpr (I > first_trained)
                p.input_tasks = layer::template batch_input_tasks<In, backend, T>,
                p.batch_backward = &batch_backward<I>;
        } else if constexpr (meets_of<layer>()) {
            p.partial = partial_offset[I], p.partial_size = layer::template partial_size<In>;
            p.collect = &collect<I>, p.finish = &finish<I>, p.forward = &forward<I>, p.update_state = &update_state<I>;
            if constexpr (I >= first_trained)
                p.backward = &collect_backward<I>, p.finish_backward = &finish_backward<I>;
            if constexpr (I > first_trained) p.meeting_backward = &meeting_backward<I>;
        } else {
            if constexpr (!in_tasks[I].forward) p.forward = &forward<I>;
            if constexpr (I >= first_trained && !in_tasks[I].backward) p.backward = &backward<I>;
        }
        return p;
    }

    /// Layer I's parameters in the form that its kernels want.
    template <int I>
    static void pack_layer(const View& v, T* packed) {
        using B = bound<I>;
        B::layer::template pack<typename B::input>(v.on, packed + packed_offset[I], parameters_of_layer<I>(v));
    }

    // A layer that meets.
    template <int I>
    static void collect(const View& v) {
        using B = bound<I>;
        auto context = context_of<I>(v);
        B::layer::template collect<typename B::input>(v.on, v.partial + partial_offset[I], input_of<I>(v), context);
    }
    template <int I>
    static void finish(T* batch, std::span<const T> shares, std::span<const int> samples) {
        bound<I>::layer::template finish<typename bound<I>::input>(batch + batch_offset[I], shares, samples);
    }
    template <int I>
    static void collect_backward(const View& v) {
        using B = bound<I>;
        auto context = context_of<I>(v);
        B::layer::template collect_backward<typename B::input>(v.on, v.partial + partial_offset[I],
                                                               output_gradient_of<I>(v), input_of<I>(v),
                                                               v.batch + batch_offset[I], context);
    }
    template <int I>
    static void finish_backward(T* batch, T* gradients, std::span<const T> shares, std::span<const int> samples) {
        using B = bound<I>;
        B::layer::template finish_backward<typename B::input>(
            batch + batch_offset[I], views(typename B::parameters{}, gradients + Net::parameter_offset[B::position]),
            shares, samples);
    }
    template <int I>
    static void meeting_backward(const View& v) {
        using B = bound<I>;
        auto context = context_of<I>(v);
        B::layer::template backward<typename B::input>(v.on, gradient_of<I>(v), output_gradient_of<I>(v),
                                                       input_of<I>(v), parameters_of_layer<I>(v),
                                                       v.batch + batch_offset[I], context);
    }
    template <int I>
    static void update_state(T* state, const T* batch, long samples) {
        using B = bound<I>;
        B::layer::template update_state<typename B::input>(
            views(typename B::state{}, state + Net::state_offset[B::position]), batch + batch_offset[I], samples);
    }

    /// One task of layer I's batch gradient; `gradient` gets where each part of it went.
    template <int I>
    static void batch_gradient_of_layer(const View& v, InputRows<T> input_rows, int task, T* arena,
                                        BatchGradient<T>& gradient) {
        using B = bound<I>;
        using parameters = typename B::parameters;
        const auto [first, n] = B::layer::template batch_outputs<typename B::input, T>(backend{}, task);
        const auto before = elements_of_outputs<typename B::output>(parameters{}, first),
                   elements = elements_of_outputs<typename B::output>(parameters{}, n),
                   whole = elements_of_outputs<typename B::output>(parameters{}, B::output::size);
        std::array<T*, parameters::count> to;
        T* scratch = reinterpret_cast<T*>(v.scratch);
        std::size_t offset = Net::parameter_offset[B::position];
        for (std::size_t k = 0; k < to.size(); ++k) {
            const std::size_t at = offset + before[k];
            to[k] = arena ? arena + at : scratch;
            gradient.parts[gradient.count++] = {at, elements[k], to[k]};
            offset += padded(whole[k]), scratch += padded(elements[k]);
            // Other threads read them for the gradient of the input, where there is one.
            if constexpr (I > first_trained) prefetch_to_write(v.on, v.parameters + at, elements[k]);
        }
        B::layer::template batch_gradient<typename B::input>(
            v.on, to, of_batch(output_gradient_of<I>(v), tiles_of(input_rows.samples)), rows_of<I>(v, input_rows),
            memory_of<I>(v), task);
    }

    /// eight(view, first) for eight rows of a tile from `first` on, then one() for each that is left, until a task's
    /// {first, number} are done in all tiles. v is the first tile's.
    IKEBANA_ONCE static void on_rows(View v, int tiles, std::pair<int, int> rows, void (*eight)(const View&, int first),
                                     void (*one)(const View&, int first)) {
        const int end = rows.first + rows.second;
        for (int t = 0; t < tiles; ++t, v.tile += tile_bytes) {
            int row = rows.first;
            for (; row + 8 <= end; row += 8) eight(v, row);
            for (; row < end; ++row) one(v, row);
        }
    }
    template <int N, class E, class S>
    static Tile<E, Shape<N>, L> rows_at(Tile<E, S, L> tile, int first) {
        return {tile.row(first)};
    }

    /// Whether an elementwise layer takes the outputs of layer I, which runs over the batch, task by task.
    template <int I>
    static constexpr bool is_followed = [] {
        if constexpr (I + 1 < count)
            return in_tasks[I + 1].forward && !is_over_batch<I + 1>;
        else
            return false;
    }();
    /// An elementwise layer on N rows of a tile.
    template <int I, int N>
    static void forward_rows(const View& v, int first) {
        using B = bound<I>;
        auto context = context_of<I>(v);
        const Tile<T, typename B::output, L> y{reinterpret_cast<T*>(v.tile + layout::inputs[I + 1])};
        B::layer::template forward<Shape<N>>(v.on, rows_at<N>(y, first), rows_at<N>(input_of<I>(v), first),
                                             parameters_of_layer<I>(v), context);
    }
    template <int I, int N>
    static void backward_rows(const View& v, int first) {
        using B = bound<I>;
        auto context = context_of<I>(v);
        const auto rows = [&](auto tile) { return rows_at<N>(tile, first); };
        B::layer::template backward<Shape<N>>(v.on, rows(gradient_of<I>(v)), ParameterViews<>{},
                                              rows(output_gradient_of<I>(v)), rows(output_of<I>(v)),
                                              rows(input_of<I>(v)), parameters_of_layer<I>(v), context);
    }
    /// What enters layer I, which runs over the batch, to its memory as rows; and N rows of a tile as columns of them.
    template <int I>
    static void store_input(const View& v) {
        store_rows<I, static_cast<int>(bound<I>::input::size)>(v, 0);
    }
    template <int I, int N>
    static void store_rows(const View& v, int first) {
        store_tile(v.on, reinterpret_cast<T*>(context_of<I>(v).cache) + first, L, bound<I>::input::size,
                   rows_at<N>(input_of<I>(v), first));
    }

    static constexpr int tiles_of(int samples) { return (samples + L - 1) / L; }

    /// A layer's input as rows: the network's own, or what was kept of it.
    template <int I>
    static auto rows_of(const View& first, InputRows<T> input_rows) {
        if constexpr (I == 0)
            return input_rows;
        else
            return BatchRows<T>{reinterpret_cast<const T*>(context_of<I>(first).cache), tile_bytes / sizeof(T),
                                bound<I>::input::size, input_rows.samples};
    }

    /// What a layer over the batch prepares or lists: behind its rows.
    template <int I>
    static BatchMemory memory_of(const View& first) {
        return {context_of<I>(first).cache + layout::template rows<bound<I>>, tile_bytes};
    }

    /// All tiles of the batch, given the first one's.
    template <class E, class S>
    static BatchTiles<E, S, L> of_batch(Tile<E, S, L> first, int tiles) {
        return {first.data, tile_bytes / sizeof(T), tiles};
    }

    /// What enters layer I; I = count is what leaves the last.
    template <int I>
    static auto input_of(const View& v) {
        return Tile<const T, decltype(base::template shape_at<I>()), L>{
            reinterpret_cast<const T*>(v.tile + layout::inputs[I])};
    }
    /// The gradient of what enters layer I.
    template <int I>
    static auto gradient_of(const View& v) {
        return Tile<T, decltype(base::template shape_at<I>()), L>{
            reinterpret_cast<T*>(v.tile + layout::gradient_at(I))};
    }
    /// What leaves layer I and its gradient, in the layer's own shape (a dropped Flatten may give the next another).
    template <int I>
    static auto output_of(const View& v) {
        return Tile<const T, typename bound<I>::output, L>{input_of<I + 1>(v).data};
    }
    template <int I>
    static auto output_gradient_of(const View& v) {
        return Tile<T, typename bound<I>::output, L>{gradient_of<I + 1>(v).data};
    }
    template <int I>
    static auto parameters_of_layer(const View& v) {
        return views(typename bound<I>::parameters{}, v.parameters + Net::parameter_offset[bound<I>::position]);
    }
    template <int I>
    static LayerContext<T> context_of(const View& v) {
        return {v.mask(), v.tile + layout::caches_at + layout::caches[I], v.scratch, v.packed + packed_offset[I],
                v.seed,   static_cast<std::uint32_t>(bound<I>::position), v.step,    v.sample,
                v.samples};
    }

    template <int I>
    static void forward(const View& v) {
        using B = bound<I>;
        auto context = context_of<I>(v);
        const Tile<T, typename B::output, L> y{reinterpret_cast<T*>(v.tile + layout::inputs[I + 1])};
        if constexpr (meets_of<typename B::layer>())
            B::layer::template forward<typename B::input>(v.on, y, input_of<I>(v), parameters_of_layer<I>(v),
                                                          static_cast<const T*>(v.batch + batch_offset[I]), context);
        else
            B::layer::template forward<typename B::input>(v.on, y, input_of<I>(v), parameters_of_layer<I>(v), context);
    }

    template <int I>
    static void backward(const View& v) {
        using B = bound<I>;
        auto context = context_of<I>(v);
        const auto dp = views(typename B::parameters{}, v.gradient + Net::parameter_offset[B::position]);
        const auto call = [&](auto dx) {
            B::layer::template backward<typename B::input>(v.on, dx, dp, output_gradient_of<I>(v), output_of<I>(v),
                                                           input_of<I>(v), parameters_of_layer<I>(v), context);
        };
        if constexpr (I > first_trained)
            call(gradient_of<I>(v));
        else
            call(Nothing{});
    }
};

} // namespace ikebana
