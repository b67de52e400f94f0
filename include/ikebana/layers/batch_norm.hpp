// BatchNorm: per channel of (C,H,W), or per value of (N), over the batch and all places:
//   x̂ = (x − μ) / √(σ² + ε)       y = γ x̂ + β        ε = 1e-5, σ² biased      (Ioffe and Szegedy, 2015)
//   dβ = Σ dy    dγ = Σ dy x̂    dx = γ / √(σ² + ε) · (dy − mean(dy) − x̂ · mean(dy x̂))
// Running statistics, for inference: running ← 0.9 running + 0.1 batch, with the unbiased variance.
//
// Both directions need sums over the whole batch, so the network's type is cut here (network/segments.hpp). A layer
// that meets has two halves each way:
//   collect           a tile's share, into `partial`                  (on each tile)
//   finish            all shares, in the order of tiles, to `batch`   (once, or a channel at a time)
//   forward           y from x and `batch`                            (on each tile)
//   collect_backward, finish_backward, backward                       likewise
#pragma once
#include <ikebana/layers/initialise.hpp>
#include <ikebana/layers/layer.hpp>
#include <ikebana/layers/primitives.hpp>

#include <span>

namespace ikebana {

struct BatchNorm {
    static constexpr bool meets = true;
    static constexpr double epsilon = 1e-5, momentum = 0.1;

    template <class In>
    static consteval auto output() {
        return In{};
    }

    template <class In>
    using parameters = Parameters<Parameter<gamma, Shape<channels<In>>, init::Ones>,
                                  Parameter<beta, Shape<channels<In>>, init::Zeros>>;
    template <class In>
    using state = Parameters<Parameter<running_mean, Shape<channels<In>>, init::Zeros>,
                             Parameter<running_variance, Shape<channels<In>>, init::Ones>>;
    template <class In>
    static constexpr long multiply_adds = static_cast<long>(In::size);

    /// Numbers of one tile's share, each way: two a channel.
    template <class In>
    static constexpr std::size_t partial_size = 2 * static_cast<std::size_t>(channels<In>);
    /// Numbers a batch leaves for its tiles: μ, σ², 1/√(σ² + ε), mean(dy), mean(dy x̂), each a channel.
    template <class In>
    static constexpr std::size_t batch_size = 5 * static_cast<std::size_t>(channels<In>);

    /// Channels [begin, end): each is finished, and its running statistics are updated, on its own.
    struct Units {
        std::size_t begin, end;
    };
    template <class In>
    static constexpr Units all_units{0, channels<In>};

    template <class In, class T>
    static void collect(auto backend, T* partial, auto x, auto& context) {
        channel_moments(backend, partial, partial + channels<In>, x, context.mask, context.samples);
    }

    template <class In, class T>
    static constexpr void finish(T* batch, std::span<const T> partials, std::span<const int> samples,
                                 Units units = all_units<In>) {
        merge_moments(batch, channels<In>, places<In>, partials, samples, units);
    }

    template <class In, class T>
    static constexpr void update_state(auto s, const T* batch, long samples, Units units = all_units<In>) {
        update_running(get<0>(s).data, get<1>(s).data, batch, channels<In>, static_cast<double>(samples) * places<In>,
                       units);
    }

    template <class In, class T>
    static void forward(auto backend, auto y, auto x, auto p, const T* batch, auto&) {
        const auto [mean, rstd] = mean_and_rstd<In>(batch);
        assign(backend, y, (x - mean) * rstd * PerChannel<T>{get<0>(p).data} + PerChannel<T>{get<1>(p).data});
    }

    template <class In, class T>
    static void collect_backward(auto backend, T* partial, auto dy, auto x, const T* batch, auto&) {
        const auto [mean, rstd] = mean_and_rstd<In>(batch);
        per_channel_sums(backend, x, to(partial, partial + channels<In>), from(dy, dy * ((x - mean) * rstd)));
    }

    template <class In, class T>
    static constexpr void finish_backward(T* batch, auto dp, std::span<const T> partials, std::span<const int> samples,
                                          Units units = all_units<In>) {
        add_sums(batch, get<0>(dp).data, get<1>(dp).data, channels<In>, places<In>, partials, samples, units);
    }

    template <class In, class T>
    static void backward(auto backend, auto dx, auto dy, auto x, auto p, const T* batch, auto& context) {
        constexpr int C = channels<In>;
        const auto [mean, rstd] = mean_and_rstd<In>(batch);
        const PerChannel<T> mean_dy{batch + 3 * C}, mean_dyx{batch + 4 * C}, g{get<0>(p).data};
        // The mask keeps the empty lanes of a last tile at 0.
        assign(backend, dx, PerLane<T>{context.mask} * (g * rstd) * (dy - mean_dy - ((x - mean) * rstd) * mean_dyx));
    }

    static std::string name() { return "BatchNorm"; }

  private:
    /// Chan, Golub and LeVeque's merge (1979), tile after tile; samples[t] is the number of samples in tile t.
    template <class T>
    IKEBANA_ONCE static constexpr void merge_moments(T* batch, std::size_t C, int places, std::span<const T> partials,
                                                     std::span<const int> samples, Units units) {
        for (std::size_t c = units.begin; c < units.end; ++c) {
            double count = 0, mean = 0, m2 = 0;
            for (std::size_t t = 0; t < samples.size(); ++t) {
                const double n = static_cast<double>(samples[t]) * places;
                const double delta = static_cast<double>(partials[t * 2 * C + c]) - mean;
                m2 += static_cast<double>(partials[t * 2 * C + C + c]) + delta * delta * count * n / (count + n);
                mean += delta * n / (count + n);
                count += n;
            }
            batch[c] = static_cast<T>(mean);
            batch[C + c] = static_cast<T>(m2 / count);
            batch[2 * C + c] = static_cast<T>(1.0 / std::sqrt(m2 / count + epsilon));
        }
    }

    /// n values a channel were seen.
    template <class T>
    IKEBANA_ONCE static constexpr void update_running(T* mean, T* variance, const T* batch, std::size_t C, double n,
                                                      Units units) {
        const double unbias = n > 1 ? n / (n - 1) : 1;
        for (std::size_t c = units.begin; c < units.end; ++c) {
            mean[c] = static_cast<T>((1 - momentum) * mean[c] + momentum * batch[c]);
            variance[c] = static_cast<T>((1 - momentum) * variance[c] + momentum * unbias * batch[C + c]);
        }
    }

    template <class T>
    IKEBANA_ONCE static constexpr void add_sums(T* batch, T* dgamma, T* dbeta, std::size_t C, int places,
                                                std::span<const T> partials, std::span<const int> samples,
                                                Units units) {
        double n = 0;
        for (int s : samples) n += static_cast<double>(s) * places;
        for (std::size_t c = units.begin; c < units.end; ++c) {
            double dy = 0, dyx = 0;
            for (std::size_t t = 0; t < samples.size(); ++t) {
                dy += static_cast<double>(partials[t * 2 * C + c]);
                dyx += static_cast<double>(partials[t * 2 * C + C + c]);
            }
            dgamma[c] += static_cast<T>(dyx);
            dbeta[c] += static_cast<T>(dy);
            batch[3 * C + c] = static_cast<T>(dy / n);
            batch[4 * C + c] = static_cast<T>(dyx / n);
        }
    }

    template <class In, class T>
    static std::pair<PerChannel<T>, PerChannel<T>> mean_and_rstd(const T* batch) {
        return {{batch}, {batch + 2 * channels<In>}};
    }
};

namespace detail {

/// What BatchNorm is in inference where it cannot be folded into a neighbour: y = scale · x + shift, a channel each.
struct Affine {
    template <class In>
    static consteval auto output() {
        return In{};
    }
    template <class In>
    using parameters = Parameters<Parameter<scale, Shape<channels<In>>, init::Ones>,
                                  Parameter<shift, Shape<channels<In>>, init::Zeros>>;
    template <class In>
    static constexpr long multiply_adds = static_cast<long>(In::size);

    template <class In>
    static void forward(auto backend, auto y, auto x, auto p, auto&) {
        using T = std::remove_const_t<typename decltype(y)::element>;
        assign(backend, y, x * PerChannel<T>{get<0>(p).data} + PerChannel<T>{get<1>(p).data});
    }

    static std::string name() { return "Affine"; }
};

} // namespace detail

} // namespace ikebana
