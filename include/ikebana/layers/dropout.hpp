// Dropout<50>: in training each value becomes 0 with 50 per cent, the others are divided by the part that stays, so
// that the mean is kept; in inference it is no layer at all. The mask is a pure function of seed, layer, step, sample
// and feature: threads and batch splits don't change it. (Srivastava et al., 2014)
#pragma once
#include <ikebana/layers/layer.hpp>
#include <ikebana/layers/primitives.hpp>

namespace ikebana {

template <int PerCent>
struct Dropout {
    template <class In>
    static consteval auto output() {
        if constexpr (PerCent < 0 || PerCent > 99)
            return refused<expected<per_cent_from_to<0, 99>>>{};
        else
            return In{};
    }

    template <class In, class Backend, class T>
    static constexpr std::size_t cache_bytes = In::size* static_cast<std::size_t>(Backend::template lanes<T>) *
                                               sizeof(T);

    template <class In>
    static void forward(auto backend, auto y, auto x, auto, auto& context) {
        auto mask = mask_in<In>(backend, y, context);
        dropout_mask(backend, mask, PerCent, context);
        assign(backend, y, x * mask);
    }

    template <class In>
    static void backward(auto backend, auto dx, auto, auto dy, auto y, auto, auto, auto& context) {
        if constexpr (!is_nothing<decltype(dx)>) assign(backend, dx, dy * mask_in<In>(backend, y, context));
    }

    static std::string name() { return type_text("Dropout", {PerCent}); }

  private:
    template <class In>
    static auto mask_in(auto, auto y, auto& context) {
        using T = std::remove_const_t<typename decltype(y)::element>;
        return Tile<T, In, decltype(y)::lanes>{reinterpret_cast<T*>(context.cache)};
    }
};

} // namespace ikebana
