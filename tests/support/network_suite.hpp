// The whole set of checks for a network, from its type alone:
//   TEST_NETWORK("LeNet-5", Input<1,28,28>, models::LeNet5)              in a test file; a third type is the loss
//   check_network<Input<1,28,28>, LeNet5, CrossEntropy>()                the same, returning what it found
// It compares, each with the bound beside it:
//   gradients of each layer and of the whole with central differences    1e-6 (gradients.hpp)
//   training with inference, folded or not, on both backends             1e-5 (1e-9 in double)
//   cpu in float with the reference in double: costs and all gradients   1e-4, batches of 1 … 70
//   the gradients of a batch with those of its parts                     1e-5 (1e-12 in double)
//   predictions of a batch with those of its parts, and one by one       to the bit, and 1e-5
//   1, 2, 3 and 4 threads, and the same run twice                        to the bit
//   a saved network with the loaded one                                  to the bit
// A program that uses it links tensor_files.cpp.
#pragma once
#include <backends/cpu/cpu.hpp>
#include <doctest/doctest.h>
#include <ikebana/io/model.hpp>

#include "gradients.hpp"
#include "temporary.hpp"

namespace ikebana::test {

/// A reader over samples, `size` a batch, for evaluate().
template <class S, int Classes>
struct SampleBatches {
    using shape = S;
    static constexpr int classes = Classes;
    const Samples<float, S>* samples;
    std::size_t at_once, at = 0;

    void start(unsigned) { at = 0; }
    bool next(Batch& b) {
        const std::size_t n = std::min(at_once, samples->size() - at);
        if (n == 0) return false;
        b.template resize<S>(n);
        std::copy_n(samples->images.data() + at * S::size, n * S::size, b.images.data());
        std::copy_n(samples->labels.data() + at, n, b.labels.data());
        at += n;
        return true;
    }
    std::size_t batch_size() const { return at_once; }
};

/// Error per tensor as max |a − b| over max |b|, floored at a thousandth of the largest gradient. A parameter that
/// a batch norm behind it cancels, as the bias of a convolution before it, has gradient 0 and only rounding is left
/// of large terms: it must be below 1e-5 of the largest gradient (the reference in float does no better).
template <class A, class B>
void compare_gradients(Findings& findings, const std::vector<ArrayRow>& rows, bool has_meeting, const std::string& what,
                       std::span<const A> a, std::span<const B> b, double bound) {
    const double most = largest(b);
    for (const ArrayRow& row : rows) {
        const auto array = a.subspan(row.at, row.size);
        const auto expected = b.subspan(row.at, row.size);
        if (has_meeting && largest(expected) < 1e-4 * most)
            findings.expect(what + row.name + ", which is cancelled", largest_difference(array, expected) / most, 1e-5);
        else
            findings.expect(what + row.name, relative_error(array, expected, 1e-3 * most), bound);
    }
}

template <class T>
bool same_bits(std::span<const T> a, std::span<const T> b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

template <class In, class Layers, class Loss>
class NetworkSuite {
  public:
    using Exact = Network<In, Layers, reference::backend, double>;
    using Fast = Network<In, Layers, cpu::backend, float>;
    using S = typename Exact::input;
    using ExactTrainer = Trainer<Exact, Loss, Sgd>;
    using FastTrainer = Trainer<Fast, Loss, Adam>;
    static constexpr int classes = static_cast<int>(Exact::output::size);

    static constexpr bool has_meeting = []<class... B>(pack<B...>) {
        return (meets_of<typename B::layer>() || ...);
    }(typename Exact::chain{});
    /// A batch norm over vectors makes ±1 of any two samples: its gradient is a difference of equals, about ε, and what
    /// lies below gets rounding. Batches of two are left out there (the reference in float does no better).
    static constexpr bool norms_vectors = []<class... B>(pack<B...>) {
        return ((meets_of<typename B::layer>() && places<typename B::input> == 1) || ...);
    }(typename Exact::chain{});
    static constexpr bool has_dropout = []<class... B>(pack<B...>) {
        return (is_dropout<typename B::layer> || ...);
    }(typename Exact::chain{});

    Findings findings;

    void run() {
        randomise_vectors(fast_, 4);
        std::copy(fast_.parameters().begin(), fast_.parameters().end(), exact_.parameters().begin());
        std::copy(fast_.state().begin(), fast_.state().end(), exact_.state().begin());
        check_gradients<In, Layers, Loss>(findings);
        train_against_inference();
        cpu_against_reference();
        parts_of_a_batch();
        threads();
        files();
    }

    /// Running statistics are set to those of a batch, so inference on it must give what training computed.
    void train_against_inference() {
        constexpr std::size_t n = 19;
        const auto samples = random_samples<double, S>(n, classes, 11);
        Interpreter<Exact, Loss> interpreter(exact_, n);
        interpreter.forward(samples.images.data(), false);
        Exact exact = exact_;
        Fast fast = fast_;
        Interpreter<Exact, Loss>::template each<Exact::layer_count>([&](auto i) {
            if constexpr (std::is_base_of_v<BatchNorm, typename Exact::template bound<i>::layer>) {
                const auto batch = interpreter.template run<i>().batch();
                const auto to = exact.template layer_state<i>();
                const auto to_fast = fast.template layer_state<i>();
                const std::size_t C = get<0>(to).size;
                for (std::size_t c = 0; c < C; ++c) {
                    get<0>(to)[c] = batch[c], get<1>(to)[c] = batch[C + c];
                    get<0>(to_fast)[c] = static_cast<float>(batch[c]);
                    get<1>(to_fast)[c] = static_cast<float>(batch[C + c]);
                }
            }
        });
        const std::span<const double> expected = interpreter.output();
        const double scale = std::max(1.0, largest(expected));
        const auto compare = [&](const char* what, const auto& model, const auto& input, double bound) {
            const auto y = predictions(model, input);
            findings.expect(std::string("training against inference, ") + what,
                            largest_difference(span_of(y), expected) / scale, bound);
        };
        const auto floats = samples.template as<float>();
        compare("reference, not folded", InferenceNetwork<Exact, false>(exact), samples, 1e-9);
        compare("reference, folded", exact.inference(), samples, 1e-9);
        compare("cpu, not folded", InferenceNetwork<Fast, false>(fast), floats, 1e-5);
        compare("cpu, folded", fast.inference(), floats, 1e-5);
    }

    void cpu_against_reference() {
        ExactTrainer exact(exact_);
        FastTrainer fast(fast_, Loss{}, Adam{}, Threads{2});
        for (const std::size_t n : {1u, 2u, 15u, 16u, 17u, 33u, 70u}) {
            if (n == 2 && norms_vectors) continue;
            const std::string batch = "cpu against reference, batch of " + std::to_string(n) + ", ";
            const auto samples = far_from_kinks(n);
            if (samples.size() == 0) {
                findings.expect(batch + "no samples found that are far enough from kinks", false);
                continue;
            }
            const double cost = exact.compute_gradients(samples);
            findings.expect(batch + "cost",
                            std::abs(fast.compute_gradients(samples.template as<float>()) - cost) / std::abs(cost),
                            1e-4);
            compare_gradients(findings, rows_, has_meeting, batch, fast.gradients(), exact.gradients(), 1e-4);
        }
    }

    void parts_of_a_batch() {
        constexpr std::size_t n = 33;
        const auto samples = random_samples<float, S>(n, classes, 12);
        if constexpr (!has_meeting && !has_dropout) {
            gradients_of_parts<ExactTrainer>(exact_, samples.template as<double>(), 1e-12);
            gradients_of_parts<FastTrainer>(fast_, samples, 1e-5);
        }
        parts_of_a_prediction();
        if constexpr (S::rank == 3) {
            FastTrainer trainer(fast_, Loss{}, Adam{}, Threads{2});
            const auto evaluate = [&](std::size_t size) {
                return trainer.evaluate(SampleBatches<S, classes>{&samples, size});
            };
            const Evaluation whole = evaluate(n);
            for (const std::size_t size : {1u, 7u, 16u, 32u}) {
                const Evaluation e = evaluate(size);
                const std::string name = "evaluation in batches of " + std::to_string(size);
                findings.expect(name + ", cost", std::abs(e.cost - whole.cost) / std::abs(whole.cost), 1e-12);
                findings.expect(name + ", accuracy and count",
                                e.accuracy == whole.accuracy && e.samples == whole.samples);
            }
        }
    }

    /// A tile with one sample goes by other kernels, so its numbers are equal up to rounding only. No batch here but
    /// those of one leaves such a tile.
    void parts_of_a_prediction() {
        constexpr std::size_t n = 34;
        const auto samples = random_samples<float, S>(n, classes, 15);
        const auto model = fast_.inference();
        const auto all = predictions(model, samples);
        const auto in_parts = [&](std::size_t size) {
            std::vector<float> some;
            for (std::size_t at = 0; at < n; at += size)
                for (const float v : predictions(model, samples.part(at, std::min(size, n - at)))) some.push_back(v);
            return some;
        };
        for (const std::size_t size : {7u, 16u, 32u})
            findings.expect("predictions in batches of " + std::to_string(size),
                            same_bits(span_of(in_parts(size)), span_of(all)));
        const auto ones = in_parts(1);
        findings.expect("predictions one by one", relative_error(span_of(ones), span_of(all)), 1e-5);
        findings.expect("predictions one by one, twice", same_bits(span_of(in_parts(1)), span_of(ones)));
    }

    void threads() {
        constexpr std::size_t n = std::max<std::size_t>(70, 1'000'000 / Fast::multiply_adds + 1);
        static_assert(!FastTrainer::runs_alone(n));
        const auto samples = random_samples<float, S>(n, classes, 13);
        const auto trained = [&](int threads) {
            Fast net = fast_;
            FastTrainer trainer(net, Loss{}, Adam{}, Threads{threads}, Seed{8});
            for (int step = 0; step < 3; ++step) trainer.step(samples.part(0, step == 1 ? 33 : n));
            std::vector<float> all(net.parameters().begin(), net.parameters().end());
            all.insert(all.end(), net.state().begin(), net.state().end());
            return all;
        };
        const auto one = trained(1);
        findings.expect("a step changes the parameters", !same_bits(span_of(one).first(fast_.parameters().size()),
                                                                    std::span<const float>(fast_.parameters())));
        findings.expect("the same run twice, 1 thread", same_bits(span_of(trained(1)), span_of(one)));
        for (const int count : {2, 3, 4})
            findings.expect("1 and " + std::to_string(count) + " threads",
                            same_bits(span_of(trained(count)), span_of(one)));
    }

    void files() {
        const Temporary file("network_suite.safetensors");
        const auto model = fast_.inference();
        save_inference_model(file.path, model);
        const auto loaded = load_inference_model<Fast>(file.path);
        findings.expect("an inference network saved and loaded", same_bits(loaded.parameters(), model.parameters()));
        const auto samples = random_samples<float, S>(5, classes, 14);
        findings.expect("its predictions",
                        same_bits(span_of(predictions(loaded, samples)), span_of(predictions(model, samples))));
        save_network(file.path, exact_);
        Exact net(Seed{99});
        load_network(file.path, net);
        const Exact &from = exact_, &to = net;
        findings.expect("a network saved and loaded, parameters", same_bits(to.parameters(), from.parameters()));
        findings.expect("a network saved and loaded, running statistics", same_bits(to.state(), from.state()));
    }

  private:
    template <class Model, class X>
    static std::vector<typename Model::scalar> predictions(const Model& model, const X& samples) {
        auto workspace = model.workspace();
        std::vector<typename Model::scalar> all;
        for (const auto& row : model.predict(samples.images, workspace)) all.insert(all.end(), row.begin(), row.end());
        return all;
    }

    /// Samples whose values are all too far from a kink for float's rounding to cross it, Winograd's included. Those
    /// that are not are replaced; none is returned if that comes to no end, as a batch norm lets all depend on all.
    Samples<double, S> far_from_kinks(std::size_t n) {
        Interpreter<Exact, Loss> interpreter(exact_, static_cast<int>(n));
        auto samples = random_samples<double, S>(n, classes, 100);
        for (std::uint32_t round = 1; round < 40; ++round) {
            interpreter.forward(samples.images.data());
            const auto others = random_samples<double, S>(n, classes, 100 + round);
            bool all = true;
            for (std::size_t i = 0; i < n; ++i) {
                if (interpreter.margin(static_cast<int>(i)) > 2e-5) continue;
                std::copy_n(others.images.data() + i * S::size, S::size, samples.images.data() + i * S::size);
                all = false;
            }
            if (all) return samples;
        }
        return Samples<double, S>(0);
    }

    /// Gradients of the parts, weighted by their sizes, against those of the whole batch.
    template <class T, class Net, class Data>
    void gradients_of_parts(Net& net, const Data& samples, double bound) {
        T trainer(net);
        const auto n = static_cast<double>(samples.size());
        const double cost = trainer.compute_gradients(samples);
        const std::vector<typename T::T> whole(trainer.gradients().begin(), trainer.gradients().end());
        std::vector<double> sum(whole.size());
        double costs = 0;
        std::size_t at = 0;
        for (const std::size_t size : {1u, 5u, 16u, 11u}) {
            costs += trainer.compute_gradients(samples.part(at, size)) * static_cast<double>(size) / n;
            for (std::size_t i = 0; i < sum.size(); ++i)
                sum[i] += double(trainer.gradients()[i]) * static_cast<double>(size) / n;
            at += size;
        }
        findings.expect("cost of the parts of a batch", std::abs(costs - cost) / std::abs(cost), bound);
        compare_gradients(findings, rows_, has_meeting, "gradients of the parts of a batch, ", span_of(sum),
                          span_of(whole), bound);
    }

    const std::vector<ArrayRow> rows_ = parameter_rows<Exact>();
    Fast fast_{Seed{3}};
    Exact exact_{Seed{3}};
};

template <class In, class Layers, class Loss = CrossEntropy>
Findings check_network() {
    NetworkSuite<In, Layers, Loss> suite;
    suite.run();
    return suite.findings;
}

/// Hands findings to doctest.
inline void report(const Findings& findings) {
    for (const std::string& what : findings.list) FAIL_CHECK(what);
    CHECK(findings.list.empty());
    CHECK(findings.comparisons > 40);
}

} // namespace ikebana::test

#define TEST_NETWORK(NAME, ...)                                                                                        \
    TEST_CASE("network: " NAME) { ikebana::test::report(ikebana::test::check_network<__VA_ARGS__>()); }
