// The inference pass: what a chain becomes when it is only asked to predict. Dropout and Flatten go; batch norm is
// folded into the layer beside it:
//   back     the layer before it has weights:                 W ← s W, b ← s b + t
//   forward  the next layer is a Dense or a Conv without padding:    W ← W s, b ← b + W t
//   affine   elsewhere it stays as y = s x + t
// with s = γ / √(running variance + ε), t = β − s · running mean. Fates are values, so the pass costs no templates.
#pragma once
#include <ikebana/layers/batch_norm.hpp>
#include <ikebana/layers/conv.hpp>
#include <ikebana/layers/dense.hpp>
#include <ikebana/layers/depthwise_conv.hpp>
#include <ikebana/layers/dropout.hpp>
#include <ikebana/layers/flatten.hpp>
#include <ikebana/network/layout.hpp>

namespace ikebana {

enum class Fate { keep, drop, fold_back, fold_forward, affine };
enum class Kind { other, linear, padded_linear, batch_norm, dropout, flatten };

template <class L>
struct inference_traits {
    static constexpr Kind kind = Kind::other;
    using type = L;
};
template <>
struct inference_traits<BatchNorm> {
    static constexpr Kind kind = Kind::batch_norm;
    using type = detail::Affine;
};
template <int P>
struct inference_traits<Dropout<P>> {
    static constexpr Kind kind = Kind::dropout;
    using type = Dropout<P>;
};
template <>
struct inference_traits<Flatten> {
    static constexpr Kind kind = Kind::flatten;
    using type = Flatten;
};

/// The same layer with a bias, for batch norm to be folded into.
template <int K, int R, class L, class... O>
struct conv_with_bias {
    using type = L;
};
template <int K, int R, class... Kept, class First, class... O>
struct conv_with_bias<K, R, Conv<K, R, Kept...>, First, O...>
    : conv_with_bias<K, R,
                     std::conditional_t<std::is_same_v<First, NoBias>, Conv<K, R, Kept...>, Conv<K, R, Kept..., First>>,
                     O...> {};
template <int N, class L, class... O>
struct dense_with_bias {
    using type = L;
};
template <int N, class... Kept, class First, class... O>
struct dense_with_bias<N, Dense<N, Kept...>, First, O...>
    : dense_with_bias<N, std::conditional_t<std::is_same_v<First, NoBias>, Dense<N, Kept...>, Dense<N, Kept..., First>>,
                      O...> {};

template <int R, class L, class... O>
struct depthwise_with_bias {
    using type = L;
};
template <int R, class... Kept, class First, class... O>
struct depthwise_with_bias<R, DepthwiseConv<R, Kept...>, First, O...>
    : depthwise_with_bias<R,
                          std::conditional_t<std::is_same_v<First, NoBias>, DepthwiseConv<R, Kept...>,
                                             DepthwiseConv<R, Kept..., First>>,
                          O...> {};

template <int R, class... O>
struct inference_traits<DepthwiseConv<R, O...>> {
    static constexpr Kind kind = Kind::padded_linear; // a filter meets one channel: nothing is folded forward
    using type = typename depthwise_with_bias<R, DepthwiseConv<R>, O...>::type;
};
template <int K, int R, class... O>
struct inference_traits<Conv<K, R, O...>> {
    static constexpr Kind kind = Conv<K, R, O...>::padding > 0 ? Kind::padded_linear : Kind::linear;
    using type = typename conv_with_bias<K, R, Conv<K, R>, O...>::type;
};
template <int N, class... O>
struct inference_traits<Dense<N, O...>> {
    static constexpr Kind kind = Kind::linear;
    using type = typename dense_with_bias<N, Dense<N>, O...>::type;
};

/// What becomes of each layer. With fold = false every batch norm stays an affine layer, for tests to compare.
template <std::size_t N>
constexpr std::array<Fate, N> fates_of(const std::array<Kind, N>& kinds, bool fold) {
    std::array<Fate, N> fates{};
    for (std::size_t i = 0; i < N; ++i) {
        if (kinds[i] == Kind::dropout || kinds[i] == Kind::flatten) fates[i] = Fate::drop;
        if (kinds[i] != Kind::batch_norm) continue;
        fates[i] = Fate::affine;
        if (!fold) continue;
        std::size_t before = i;
        while (before > 0 && kinds[before - 1] == Kind::dropout) --before;
        std::size_t after = i + 1;
        while (after < N && (kinds[after] == Kind::dropout || kinds[after] == Kind::flatten)) ++after;
        if (before > 0 && (kinds[before - 1] == Kind::linear || kinds[before - 1] == Kind::padded_linear))
            fates[i] = Fate::fold_back;
        else if (after < N && kinds[after] == Kind::linear)
            fates[i] = Fate::fold_forward;
    }
    return fates;
}

template <bool Fold, class... B>
struct InferencePass {
    static constexpr std::array<Kind, sizeof...(B)> kinds{inference_traits<typename B::layer>::kind...};
    static constexpr auto fates = fates_of(kinds, Fold);

    /// Position in the inference chain of the layer at each position; of the layer it is folded into, if it is folded.
    static constexpr auto targets = [] {
        std::array<int, sizeof...(B)> t{};
        int next = 0;
        for (std::size_t i = 0; i < t.size(); ++i) {
            const bool stays = fates[i] == Fate::keep || fates[i] == Fate::affine;
            t[i] = fates[i] == Fate::fold_back ? next - 1 : next;
            next += stays;
        }
        return t;
    }();

    /// Positions of the layers that remain, and their number.
    static constexpr auto remaining = [] {
        std::pair<std::array<int, sizeof...(B)>, int> r{};
        for (std::size_t i = 0; i < fates.size(); ++i)
            if (fates[i] == Fate::keep || fates[i] == Fate::affine) r.first[r.second++] = static_cast<int>(i);
        return r;
    }();
};

/// A bound layer as it predicts.
template <class B>
using predicting = Bound<B::position, typename inference_traits<typename B::layer>::type, typename B::input>;

template <bool Fold, class... B>
InferencePass<Fold, B...> inference_pass(pack<B...>); // for decltype

/// The chain of inference; positions are those in the training chain.
template <bool Fold, class... B>
consteval auto inference_chain(pack<B...> chain) {
    constexpr auto remaining = InferencePass<Fold, B...>::remaining;
    return [&]<int... K>(std::integer_sequence<int, K...>) {
        return pack<predicting<decltype(item_of<remaining.first[K]>(chain))>...>{};
    }
    (std::make_integer_sequence<int, remaining.second>{});
}

} // namespace ikebana
