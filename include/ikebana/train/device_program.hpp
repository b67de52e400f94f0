// The training program of a network on a device (network/device.hpp): the layers one after the other, each call for the
// whole batch, forward, loss, and back. All calls are asked of one stream and return at once, so that they can be
// captured; what differs from step to step is on the device (tensor/device_step.hpp). All memory is here; a tile's is
// one stretch:
//   activations, caches, gradients (TileLayout) | labels, mask, costs, one number a lane each | scratch
// Next to read: train/device_trainer.hpp.
#pragma once
#include <ikebana/network/device.hpp>
#include <ikebana/tensor/device_step.hpp>
#include <ikebana/train/program.hpp>

namespace ikebana {

// What a meeting layer does once for the batch, on the device, which gives one share for all tiles: unit i, which is a
// channel, by thread i.

template <class L, class In, class T>
struct FinishMeeting {
    T* batch;
    const T* partial;
    int samples;
    constexpr void operator()(std::size_t i) const {
        L::template finish<In>(batch, std::span<const T>(partial, L::template partial_size<In>),
                               std::span<const int>(&samples, 1), {i, i + 1});
    }
};
template <class L, class In, class T, class Gradients>
struct FinishMeetingBackward {
    T* batch;
    Gradients gradients;
    const T* partial;
    int samples;
    constexpr void operator()(std::size_t i) const {
        L::template finish_backward<In>(batch, gradients, std::span<const T>(partial, L::template partial_size<In>),
                                        std::span<const int>(&samples, 1), {i, i + 1});
    }
};
template <class L, class In, class T, class State>
struct UpdateState {
    State state;
    const T* batch;
    int samples;
    const DeviceRun* run;
    constexpr void operator()(std::size_t i) const {
        if (!run->backward.stopped) L::template update_state<In>(state, batch, static_cast<long>(samples), {i, i + 1});
    }
};

template <class Net, class Loss>
class DeviceProgram {
    using program = Program<Net, Loss>; // its constants
    using chain = typename program::chain;
    using layout = typename program::layout;

    static_assert(program::batch_tasks.back() == 0, "a device's launches are over the batch already");

  public:
    using backend = typename Net::backend;
    using T = typename Net::scalar;
    using input = typename Net::input;
    static constexpr int L = program::L, count = program::count;
    static constexpr std::size_t extent = Net::parameter_offset.back();

    static constexpr std::size_t lanes_at = layout::bytes, scratch_at = lanes_at + 3 * L * sizeof(T);
    static constexpr std::size_t tile_bytes =
        (scratch_at + std::max(layout::scratch, 4 * L * sizeof(T)) + 255) / 256 * 256;

    /// Steps whose costs are kept, and that may be asked for before the first is done.
    static constexpr int slots = 32;

    DeviceProgram()
        : run_(1), costs_(slots), parameters_(extent), state_(Net::state_offset.back()), gradients_(extent),
          packed_(program::packed_offset.back()), partial_(program::partial_offset.back()),
          batch_(program::batch_offset.back()) {
        on_.stream = stream_.get(), on_.run = run_.data();
    }

    /// The network's numbers to the device, and back to it.
    void take(const Net& net) {
        to_device(on_, parameters_.data(), net.parameters().data(), extent);
        to_device(on_, state_.data(), net.state().data(), state_.size());
    }
    void give(Net& net) const {
        to_host(on_, net.parameters().data(), parameters_.data(), extent);
        to_host(on_, net.state().data(), state_.data(), state_.size());
    }

    /// Memory for batches of n samples. True if it moved: what was captured then is void.
    bool reserve(int n) {
        const auto tiles = static_cast<std::size_t>((n + L - 1) / L);
        if (tiles_.size() >= tiles * tile_bytes) return false;
        tiles_ = array<std::byte>(tiles * tile_bytes);
        return true;
    }

    /// What the next step is.
    void start(const DeviceStep& step) {
        const DeviceRun first{step, {}};
        to_device(on_, run_.data(), &first, 1);
    }

    /// Cost and gradients of n samples of the step's batch; one that isn't the last of a pass has `batch` of them. The
    /// mean cost goes to the step's slot; the next call is the next step's.
    template <class U>
    void run(const DeviceSamples<U>& samples, int batch, int n, Seed seed) {
        on_.tiles = (n + L - 1) / L, on_.step = tile_bytes;
        samples_ = n, seed_ = seed;
        timed(Part::load, 0, [&] {
            load_samples(on_, Tile<T, input, L>{at<T>(0)}, lanes(0), lanes(1), samples, batch, n, gradients_.data(),
                         extent);
        });
        [&]<int... I>(std::integer_sequence<int, I...>) {
            (timed(Part::pack, bound<I>::position, [&] { pack_layer<I>(); }), ...);
            (timed(Part::forward, bound<I>::position, [&] { forward<I>(); }), ...);
        }
        (std::make_integer_sequence<int, count>{});
        timed(Part::loss, 0, [&] {
            evaluate_loss_and_mean<Loss>(on_, costs_.data(), n, lanes(2), gradient<count>(), x<count>(),
                                         static_cast<const T*>(lanes(0)), static_cast<const T*>(lanes(1)),
                                         T(1) / static_cast<T>(n), scratch());
        });
        [&]<int... I>(std::integer_sequence<int, I...>) {
            (timed(Part::backward, bound<count - 1 - I>::position, [&] { backward<count - 1 - I>(); }), ...);
        }
        (std::make_integer_sequence<int, count - program::first_trained>{});
    }

    /// Running statistics, from the batch that was just run.
    void update_state() {
        [&]<int... I>(std::integer_sequence<int, I...>) { (update_state<I>(), ...); }
        (std::make_integer_sequence<int, count>{});
    }

    void set_profile(Profile* profile) { profile_ = profile; }
    /// f(), a part of a profile; the device is waited for where one is wanted.
    template <class F>
    void timed(Part part, int layer, F f) {
        if (profile_) synchronize(on_);
        const Timed note(profile_, 0, part, layer);
        f();
        if (profile_) synchronize(on_);
    }

    backend on() const { return on_; }
    T* parameters() { return parameters_.data(); }
    const T* gradients() const { return gradients_.data(); }
    /// Mean costs of the latest steps, one a slot.
    const double* costs() const { return costs_.data(); }

    /// Position of the first layer with an output that is not finite for a batch of n; Net::layer_count if there is
    /// none.
    int first_not_finite(int n) const {
        static constexpr auto outputs = []<class... B>(pack<B...>) {
            return std::array{std::pair{B::position, B::output::size}...};
        }(chain{});
        for (std::size_t i = 0; i < outputs.size(); ++i)
            for (int t = 0; t * L < n; ++t) {
                const std::vector<T> numbers = tile_on_host(t, layout::inputs[i + 1], outputs[i].second);
                if (!all_finite(numbers.data(), outputs[i].second, L, std::min(L, n - t * L))) return outputs[i].first;
            }
        return Net::layer_count;
    }
    /// The first of a batch of n that holds a number that is not finite; −1 if there is none.
    int first_non_finite_sample(int n) const {
        for (int t = 0; t * L < n; ++t) {
            const std::vector<T> numbers = tile_on_host(t, layout::inputs[0], input::size);
            for (int lane = 0; lane < std::min(L, n - t * L); ++lane)
                if (!all_finite(numbers.data() + lane, input::size, L, 1)) return t * L + lane;
        }
        return -1;
    }

    /// Bytes that batches of n samples take, without the samples.
    static constexpr std::size_t workspace_bytes(int n) {
        const auto tiles = static_cast<std::size_t>((n + L - 1) / L);
        return tiles * tile_bytes +
               (program::partial_offset.back() + program::batch_offset.back() + program::packed_offset.back()) *
                   sizeof(T);
    }

  private:
    /// What lies `at` bytes within tile t.
    std::vector<T> tile_on_host(int t, std::size_t at, std::size_t features) const {
        std::vector<T> numbers(features * L);
        at += static_cast<std::size_t>(t) * tile_bytes;
        to_host(on_, numbers.data(), reinterpret_cast<const T*>(tiles_.data() + at), numbers.size());
        return numbers;
    }

    template <int I>
    using bound = typename program::template bound<I>;
    template <int I>
    static constexpr bool meets = meets_of<typename bound<I>::layer>();
    template <int I>
    static constexpr std::size_t units = bound<I>::layer::template all_units<typename bound<I>::input>.end;

    // ---- tile 0's memory

    template <class U>
    U* at(std::size_t byte) {
        return reinterpret_cast<U*>(tiles_.data() + byte);
    }
    /// Labels, mask, costs.
    T* lanes(std::size_t which) { return at<T>(lanes_at) + which * L; }
    T* scratch() { return at<T>(scratch_at); }

    /// What enters layer I, and what leaves the last; its gradient.
    template <int I>
    auto x() {
        return Tile<const T, decltype(program::template shape_at<I>()), L>{at<T>(layout::inputs[I])};
    }
    template <int I>
    auto gradient() {
        return Tile<T, decltype(program::template shape_at<I>()), L>{at<T>(layout::gradient_at(I))};
    }
    /// What leaves layer I and its gradient, in the layer's own shape.
    template <int I>
    auto y() {
        return Tile<T, typename bound<I>::output, L>{at<T>(layout::inputs[I + 1])};
    }
    template <int I>
    auto dy() {
        return Tile<T, typename bound<I>::output, L>{at<T>(layout::gradient_at(I + 1))};
    }

    template <int I>
    LayerContext<T> context() {
        return {lanes(1),
                at<std::byte>(layout::caches_at + layout::caches[I]),
                at<std::byte>(scratch_at),
                packed_.data() + program::packed_offset[I],
                seed_,
                static_cast<std::uint32_t>(bound<I>::position),
                0, // the step is on_.run's
                0,
                samples_};
    }
    template <int I>
    auto parameters_of() {
        const T* base = parameters_.data();
        return views(typename bound<I>::parameters{}, base + Net::parameter_offset[bound<I>::position]);
    }
    template <int I>
    auto gradients_of() {
        return views(typename bound<I>::parameters{}, gradients_.data() + Net::parameter_offset[bound<I>::position]);
    }
    template <int I>
    T* batch() {
        return batch_.data() + program::batch_offset[I];
    }

    // ---- layers

    template <int I>
    void pack_layer() {
        using B = bound<I>;
        if constexpr (program::packed_offset[I + 1] > program::packed_offset[I])
            B::layer::template pack<typename B::input>(on_, packed_.data() + program::packed_offset[I],
                                                       parameters_of<I>());
    }

    template <int I>
    void forward() {
        using layer = typename bound<I>::layer;
        using In = typename bound<I>::input;
        auto c = context<I>();
        if constexpr (meets<I>) {
            layer::template collect<In>(on_, partial_.data(), x<I>(), c);
            run_each(on_, units<I>, FinishMeeting<layer, In, T>{batch<I>(), partial_.data(), samples_});
            layer::template forward<In>(on_, y<I>(), x<I>(), parameters_of<I>(), static_cast<const T*>(batch<I>()), c);
        } else {
            layer::template forward<In>(on_, y<I>(), x<I>(), parameters_of<I>(), c);
        }
    }

    template <int I>
    void backward() {
        using layer = typename bound<I>::layer;
        using In = typename bound<I>::input;
        constexpr bool wanted = I > program::first_trained; // the gradient of what enters
        auto c = context<I>();
        const auto dp = gradients_of<I>();
        if constexpr (meets<I>) {
            const T* shared = batch<I>();
            layer::template collect_backward<In>(on_, partial_.data(), dy<I>(), x<I>(), shared, c);
            run_each(on_, units<I>,
                     FinishMeetingBackward<layer, In, T, std::remove_const_t<decltype(dp)>>{batch<I>(), dp,
                                                                                            partial_.data(), samples_});
            if constexpr (wanted)
                layer::template backward<In>(on_, gradient<I>(), dy<I>(), x<I>(), parameters_of<I>(), shared, c);
        } else {
            const Tile<const T, typename bound<I>::output, L> out = y<I>();
            if constexpr (wanted)
                layer::template backward<In>(on_, gradient<I>(), dp, dy<I>(), out, x<I>(), parameters_of<I>(), c);
            else
                layer::template backward<In>(on_, Nothing{}, dp, dy<I>(), out, x<I>(), parameters_of<I>(), c);
        }
    }

    template <int I>
    void update_state() {
        if constexpr (meets<I>) {
            using B = bound<I>;
            const auto state = views(typename B::state{}, state_.data() + Net::state_offset[B::position]);
            run_each(on_, units<I>,
                     UpdateState<typename B::layer, typename B::input, T, std::remove_const_t<decltype(state)>>{
                         state, batch<I>(), samples_, run_.data()});
        }
    }

    template <class U>
    using array = typename backend::template array<U>;

    backend on_{};
    typename backend::stream_type stream_;
    array<DeviceRun> run_;
    array<double> costs_;
    array<T> parameters_, state_, gradients_, packed_, partial_, batch_;
    array<std::byte> tiles_;
    Profile* profile_ = nullptr;
    Seed seed_{};
    int samples_ = 0;
};

} // namespace ikebana
