// The cut: a tile is carried through as many layers as possible; only a layer that needs the whole batch is a meeting
// point, as one that meets or that runs over the batch. Segment k is [begin, end) in the chain; every segment but the
// first begins with such a layer. The collecting half of one that meets ends the segment before.
#pragma once
#include <ikebana/network/layout.hpp>

namespace ikebana {

struct Segment {
    int begin = 0, end = 0;
    constexpr bool operator==(const Segment&) const = default;
};

template <std::size_t N>
struct Cut {
    std::array<Segment, N> segments{};
    std::size_t count = 0;

    /// Takes layer `position`, which may open a new segment.
    constexpr Cut then(int position, bool opens) const {
        Cut c = *this;
        if (c.count == 0 || opens) c.segments[c.count++] = {position, position};
        c.segments[c.count - 1].end = position + 1;
        return c;
    }
};

/// Whether a layer needs all tiles before it begins.
template <class B, class Backend, class T>
inline constexpr bool opens_segment = meets_of<typename B::layer>() || over_batch<B, Backend, T>;

template <class Backend, class T>
struct cut_before_meeting {
    template <std::size_t N, class B>
    constexpr auto operator()(std::pair<Cut<N>, int> state, hana::basic_type<B>) const {
        return std::pair{state.first.then(state.second, opens_segment<B, Backend, T>), state.second + 1};
    }
};

/// The segments of a chain. A network that begins with a meeting point has an empty first segment.
template <class Backend, class T, class... B>
constexpr auto segments_of(pack<B...>) {
    using first = decltype(item_of<0>(pack<B...>{}));
    std::pair<Cut<sizeof...(B) + 1>, int> start{};
    if (opens_segment<first, Backend, T>) start.first = start.first.then(0, false), start.first.segments[0].end = 0;
    return hana::fold_left(hana::tuple_t<B...>, start, cut_before_meeting<Backend, T>{}).first;
}

} // namespace ikebana
