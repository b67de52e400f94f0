// The cut: a tile is carried through as many layers as possible; only a layer that needs the whole batch (meets) is a
// meeting point. Segment k is [begin, end) in the chain; every segment but the first begins with a meeting layer, whose
// collecting half ends the segment before.
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

    /// Takes layer `position`, which opens a new segment if it meets.
    constexpr Cut then(int position, bool meets) const {
        Cut c = *this;
        if (c.count == 0 || meets) c.segments[c.count++] = {position, position};
        c.segments[c.count - 1].end = position + 1;
        return c;
    }
};

struct cut_before_meeting {
    template <std::size_t N, class B>
    constexpr auto operator()(std::pair<Cut<N>, int> state, hana::basic_type<B>) const {
        return std::pair{state.first.then(state.second, meets_of<typename B::layer>()), state.second + 1};
    }
};

/// The segments of a chain. A network that begins with a meeting layer has an empty first segment.
template <class... B>
constexpr auto segments_of(pack<B...>) {
    using first = decltype(item_of<0>(pack<B...>{}));
    std::pair<Cut<sizeof...(B) + 1>, int> start{};
    if (meets_of<typename first::layer>()) start.first = start.first.then(0, false), start.first.segments[0].end = 0;
    return hana::fold_left(hana::tuple_t<B...>, start, cut_before_meeting{}).first;
}

} // namespace ikebana
