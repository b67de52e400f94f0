// The protocol of a layer: what a struct must have to stand in Sequential<…>. A layer is an empty struct and knows no
// input shape; everything is asked with the input shape In (a Shape) as template argument.
//
//   template <class In> static consteval auto output();      Shape<…>{}, or refused<expected<…>>{} if In does not fit
//   template <class In> using parameters = Parameters<…>;    what is trained, in the order it lies in memory (optional)
//   template <class In> using state = Parameters<…>;         what is kept but not trained, as running means (optional)
//   template <class In> static constexpr long multiply_adds  of one sample's forward direction (optional)
//   template <class In, class Backend, class T> static constexpr std::size_t cache_bytes, scratch_bytes;    (optional)
//   template <class In, class Backend, class T> static constexpr std::size_t packed_size;     with pack()    (optional)
//   template <class In> static void pack(backend, packed, p);
//   template <class In> static void forward(backend, y, x, p, context);
//   template <class In> static void backward(backend, dx, dp, dy, y, x, p, context);
//
// x, y, dx, dy are Tiles; p and dp are ParameterViews in the order of `parameters`: get<0>(p). backward adds to dp and
// overwrites dx, which is Nothing where no gradient is wanted. cache lives from forward to backward of a tile
// (argmax, masks); scratch is the thread's and lives for one call; packed holds what pack() made of the parameters,
// once a step, for the kernels of every tile (a convolution's transformed weights). No function holds a loop over
// elements: they evaluate expressions or call the primitives of backends/ by tag.
//
// A layer with `elementwise = true` treats each value alone, and knows nothing of its place in the network, the batch or
// the tile: it may be called on any rows of a tile, In then being their shape, and dx may lie where dy does. A layer
// derived from such a one that needs more sets it to false; one with parameters is called on whole tiles, and dx lies
// elsewhere, in any case. One that is Activation<F> and no more says `using fusible = ` itself (layers/activation.hpp).
//
// A layer of many parameters may train over the whole batch, in tasks of its outputs (optional, all of):
//   template <class In, class Backend, class T, bool First> static constexpr int batch_tasks;     of a network's first layer
//   template <class In, class Backend, class T> static constexpr int batch_input_tasks;
//   template <class In, class Backend, class T> static constexpr int batch_prepare_tasks;
//   template <class In, class Backend, class T> static constexpr std::size_t batch_prepared_bytes;       in each tile
//   template <class In> static void batch_prepare(backend, rows, memory, task);      for the gradient, beside forward
//   template <class In, class Backend, class T> static constexpr std::size_t batch_list_bytes;           in each tile
//   template <class In> static auto batch_rows(backend, rows);       the network's input, as InputRows; if sparse, then
//   template <class In> static void batch_list(backend, rows, memory, tile);         what is read in place of the tile's x
//   template <class In> static void batch_forward(backend, y, x, rows, memory, p, task);         the task's outputs
//   template <class In> static void batch_backward(backend, dx, dy, p, task);        the input task's inputs
//   template <class In, class T> static constexpr auto batch_outputs(backend, task); {first output, number of them}
//   template <class In, class T> static constexpr auto batch_inputs(backend, task);  {first input, number of them}
//   template <class In> static void batch_gradient(backend, dp, dy, rows, memory, task);
// x, y, dx, dy are BatchTiles then, memory a BatchMemory; rows is what x holds as BatchRows, or for the network's first
// layer the InputRows that batch_rows returned; dp has a pointer for each parameter, to the part that belongs to the
// task's outputs.
//
// A layer with `meets = true` needs the whole batch between two halves, each way (batch_norm.hpp). It has, all of:
//   template <class In> static constexpr std::size_t partial_size, batch_size;      numbers of a tile, of the batch
//   template <class In> static constexpr Units all_units{0, n};                     what is finished alone, as channels
//   template <class In> static void collect(backend, partial, x, context);          a tile's share
//   template <class In> static constexpr void finish(batch, partials, samples, units);    the shares in tiles' order
//   template <class In> static void forward(backend, y, x, p, batch, context);
//   template <class In> static void collect_backward(backend, partial, dy, x, batch, context);
//   template <class In> static constexpr void finish_backward(batch, dp, partials, samples, units);
//   template <class In> static void backward(backend, dx, dy, x, p, batch, context);
//   template <class In> static constexpr void update_state(state, batch, samples, units);     after a step
// Units is a range {begin, end}, by default all_units<In>. A device's thread i finishes and updates {i, i + 1}, so that
// no unit may need what another one writes.
// Next to read: dense.hpp (the simplest), then network/chain.hpp.
#pragma once
#include <ikebana/core/error.hpp>
#include <ikebana/core/random.hpp>
#include <ikebana/tensor/assign.hpp>
#include <ikebana/tensor/view.hpp>

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace ikebana {

/// The answer of a shape rule that does not hold; Expected names the rule.
template <class Expected>
struct refused {
    using expects = Expected;
};
template <class X>
inline constexpr bool is_refused = false;
template <class E>
inline constexpr bool is_refused<refused<E>> = true;

// Names of rules, as they appear in messages.
struct an_image_of_channels_rows_columns;
struct a_vector;
template <int R, int S>
struct rows_and_columns_at_least;
template <int R>
struct window;
template <class Window, class Step>
struct rows_and_columns_covered_exactly_by;
template <int N>
struct values_at_least;
struct each_option_once;
template <int N>
struct outputs_at_least;
template <int N>
struct filters_at_least;
template <int N>
struct kernel_size_at_least;
template <int Lo, int Hi>
struct window_from_to;
template <int N>
struct stride_at_least;
template <int Lo, int Hi>
struct padding_from_to;
template <int Lo, int Hi>
struct per_cent_from_to;
template <class... Allowed>
struct options;

// ---- parameters

/// A trained (or kept) array of a layer: its name in files, its shape, how it begins.
template <class Name, class S, class Initial>
struct Parameter {
    using name = Name;
    using shape = S;
    using initial = Initial;
};
template <class... P>
struct Parameters {
    static constexpr int count = sizeof...(P);
};

struct weight {
    static constexpr const char* text = "weight";
};
struct bias {
    static constexpr const char* text = "bias";
};
struct gamma {
    static constexpr const char* text = "gamma";
};
struct beta {
    static constexpr const char* text = "beta";
};
struct running_mean {
    static constexpr const char* text = "running_mean";
};
struct running_variance {
    static constexpr const char* text = "running_variance";
};
struct scale {
    static constexpr const char* text = "scale";
};
struct shift {
    static constexpr const char* text = "shift";
};

template <class L, class In>
struct parameters_of {
    using type = Parameters<>;
};
template <class L, class In>
requires requires { typename L::template parameters<In>; }
struct parameters_of<L, In> {
    using type = typename L::template parameters<In>;
};
template <class L, class In>
struct state_of {
    using type = Parameters<>;
};
template <class L, class In>
requires requires { typename L::template state<In>; }
struct state_of<L, In> {
    using type = typename L::template state<In>;
};

/// Elements a parameter takes in the arena: its size, rounded up to a cache line of floats.
constexpr std::size_t padded(std::size_t n) { return (n + 15) / 16 * 16; }

template <class P>
inline constexpr std::size_t parameter_count = 0; // without padding
template <class... P>
inline constexpr std::size_t parameter_count<Parameters<P...>> = (std::size_t{0} + ... + P::shape::size);
template <class P>
inline constexpr std::size_t parameter_extent = 0; // with padding: what the arena holds
template <class... P>
inline constexpr std::size_t parameter_extent<Parameters<P...>> = (std::size_t{0} + ... + padded(P::shape::size));

/// Views of a layer's parameters or state: get<0>(p), or auto [w, b] = p. Numbered bases, because each layer's are a type
/// of their own and std::tuple has many constructors to check. get is found by its argument; there is no std::get.
template <int I, class V>
struct NumberedView {
    V view;
};
template <class Numbers, class... V>
struct NumberedViews;
template <int... I, class... V>
struct NumberedViews<std::integer_sequence<int, I...>, V...> : NumberedView<I, V>... {};
template <class... V>
using ParameterViews = NumberedViews<std::make_integer_sequence<int, sizeof...(V)>, V...>;

template <int I, class V>
constexpr V get(const NumberedView<I, V>& numbered) {
    return numbered.view;
}

/// Those that lie one after the other from `base`.
template <class T, class... P>
constexpr auto views(Parameters<P...>, T* base) {
    [[maybe_unused]] const auto next = [&base](std::size_t n) {
        T* here = base;
        base += padded(n);
        return here;
    };
    return ParameterViews<View<T, typename P::shape>...>{{{next(P::shape::size)}}...}; // braces: left to right
}

// ---- optional facts of a layer

/// "Conv<20,5,Stride<2>>": a type as the user writes it.
[[gnu::cold]] inline std::string type_text(const char* name, std::initializer_list<int> numbers,
                                           std::initializer_list<std::string> options = {}) {
    std::string s = std::string(name) + "<" + numbers_text({numbers.begin(), numbers.size()}, ",");
    for (const std::string& option : options) s.append(",").append(option);
    return s + ">";
}

namespace detail {

/// A type's name as g++ and clang agree on it, from "… [with L = {anonymous}::Clip<0, 6>; …]" or
/// "… [L = (anonymous namespace)::Clip<0, 6>]": "Clip<0,6>".
[[gnu::cold]] inline std::string type_name(std::string_view function) {
    function.remove_prefix(function.find("L = ") + 4);
    std::string name(function.substr(0, function.find_first_of(";]")));
    for (const std::string_view left_out : {"{anonymous}::", "(anonymous namespace)::", "ikebana::", " "})
        for (std::size_t at; (at = name.find(left_out)) != std::string::npos;) name.erase(at, left_out.size());
    return name;
}

} // namespace detail

/// "Conv<20,5>": what the layer calls itself, else the name of its type.
template <class L>
std::string layer_name() {
    if constexpr (requires { L::name(); })
        return L::name();
    else
        return detail::type_name(__PRETTY_FUNCTION__);
}

template <class L, class In>
constexpr long multiply_adds_of() {
    if constexpr (requires { L::template multiply_adds<In>; })
        return L::template multiply_adds<In>;
    else
        return 0;
}
template <class L, class In, class Backend, class T>
constexpr std::size_t cache_bytes_of() {
    if constexpr (requires { L::template cache_bytes<In, Backend, T>; })
        return (L::template cache_bytes<In, Backend, T> + 63) / 64 * 64;
    else
        return 0;
}
template <class L, class In, class Backend, class T>
constexpr std::size_t scratch_bytes_of() {
    if constexpr (requires { L::template scratch_bytes<In, Backend, T>; })
        return (L::template scratch_bytes<In, Backend, T> + 63) / 64 * 64;
    else
        return 0;
}
/// Numbers that pack() writes.
template <class L, class In, class Backend, class T>
constexpr std::size_t packed_size_of() {
    if constexpr (requires { L::template packed_size<In, Backend, T>; })
        return padded(L::template packed_size<In, Backend, T>);
    else
        return 0;
}
/// Tasks of a layer that trains over the whole batch, the network's first or another; 0: it is run tile by tile.
template <class L, class In, class Backend, class T, bool First>
constexpr int batch_tasks_of() {
    if constexpr (requires { L::template batch_tasks<In, Backend, T, First>; })
        return L::template batch_tasks<In, Backend, T, First>;
    else
        return 0;
}
template <class B, class Backend, class T>
inline constexpr int batch_tasks = batch_tasks_of<typename B::layer, typename B::input, Backend, T, B::position == 0>();
template <class B, class Backend, class T>
inline constexpr bool over_batch = batch_tasks<B, Backend, T> > 0;
/// Whether a layer treats each value alone.
template <class L>
inline constexpr bool is_elementwise = requires { requires L::elementwise; };
template <class L>
constexpr bool meets_of() {
    if constexpr (requires { L::meets; })
        return L::meets;
    else
        return false;
}

/// What a layer's call can see beside its operands.
template <class T>
struct LayerContext {
    const T* mask = nullptr;    // one a lane: 1 for a sample of the batch, 0 for a lane that the last tile leaves empty
    std::byte* cache = nullptr; // from forward to backward, of this tile and layer
    std::byte* scratch = nullptr; // of this thread
    const T* packed = nullptr;    // what pack() made of the layer's parameters
    Seed seed{};                  // of dropout
    std::uint32_t layer = 0;      // position, counted from 0
    std::uint64_t step = 0;       // steps since the trainer was made
    std::uint32_t sample = 0;     // first sample of the tile within the batch
    int samples = 0;              // of the tile; the other lanes are empty
};

// ---- options: Conv<20,5, Stride<2>, Padding<1>>

template <int N>
struct Stride {};
template <int N>
struct Padding {};
struct Average {};
struct Max {};
struct Exact {};
struct NoBias {};

template <template <int> class Option, int Default, class... Options>
struct option_value {
    template <int N>
    static constexpr int read(Option<N>*) {
        return N;
    }
    static constexpr int read(...) { return Default; }
    static constexpr int value = [] {
        [[maybe_unused]] auto prefer = [](int v, int other) { return v != Default ? v : other; };
        int v = Default;
        ((v = prefer(read(static_cast<Options*>(nullptr)), v)), ...);
        return v;
    }();
};
template <class Option, class... Options>
inline constexpr bool has_option = (std::is_same_v<Option, Options> || ...);

template <class O>
struct is_stride : std::false_type {};
template <int N>
struct is_stride<Stride<N>> : std::true_type {};
template <class O>
struct is_padding : std::false_type {};
template <int N>
struct is_padding<Padding<N>> : std::true_type {};

// Options as text, for signatures and tables.
template <int N>
std::string option_name(Stride<N>) {
    return type_text("Stride", {N});
}
template <int N>
std::string option_name(Padding<N>) {
    return type_text("Padding", {N});
}
inline std::string option_name(Average) { return "Average"; }
inline std::string option_name(Max) { return "Max"; }
inline std::string option_name(Exact) { return "Exact"; }
inline std::string option_name(NoBias) { return "NoBias"; }
template <class O>
std::string option_name(O) {
    return O::text;
} // an initialisation

} // namespace ikebana

template <class Numbers, class... V>
struct std::tuple_size<ikebana::NumberedViews<Numbers, V...>> : std::integral_constant<std::size_t, sizeof...(V)> {};
template <std::size_t I, class Numbers, class... V>
struct std::tuple_element<I, ikebana::NumberedViews<Numbers, V...>> {
    using type = decltype(get<static_cast<int>(I)>(std::declval<ikebana::NumberedViews<Numbers, V...>>()));
};
