// A digit classifier as a program: train, test, predict, describe for one network type on the device chosen. The three
// programs differ in their network alone. Everything that names no network is compiled once, in apps/*.cpp.
#pragma once
#include <apps/chosen_optimizer.hpp>
#include <apps/digits.hpp>
#include <apps/output_folder.hpp>
#include <apps/program.hpp>
#include <apps/report.hpp>
#include <apps/training_run.hpp>
#include <backends/cpu/cpu.hpp>
#include <backends/cpu/peak.hpp>
#include <backends/reference/reference.hpp>
#include <ikebana/ikebana.hpp>
#include <ikebana/io/model.hpp>
#include <ikebana/train/describe.hpp>

namespace ikebana::apps {

template <class Layers, class Backend>
struct Classifier {
    using Net = Network<Input<1, 28, 28>, Layers, Backend>;
    using DigitTrainer = Trainer<Net, CrossEntropy, ChosenOptimizer>;

    static void run(const Options& options, const std::string& name) {
        switch (options.command) {
        case Command::train:
            return train(options, name);
        case Command::test:
            return test(options);
        case Command::predict:
            return predict(options);
        case Command::describe:
            return describe(options);
        }
    }

    [[gnu::cold]] static void train(const Options& options, const std::string& name) {
        Digits digits = read_digits(options);
        const Seed seed{options.seed};
        Net net(seed, init::FanInUniform{}); // LeNet-5 ends 0.1 % more accurate than from the layers' own rules
        DigitTrainer trainer(net, {}, {options.optimizer, options.lr}, Threads{options.threads}, seed);
        trainer.set_schedule(options.schedule);
        TrainingRun run(options, name, Backend::name, Backend::template vector_width<float>, trainer.threads());
        trainer.set_profile(run.profile());
        const auto keep = [&](const PassEnd& e) {
            auto model = net.inference();
            run.keep(e, content_of(model));
        };
        run.finish(trainer.fit(std::move(digits.train), std::move(digits.test), Passes{options.epochs}, keep, run));
        if (!run.profile()) return;
        const auto layers = layer_table<Net, CrossEntropy>(options.batch);
        if constexpr (DeviceBackend<Backend>)
            run.report_profile(layers, multiply_add_peak(Backend{}), "the GPU");
        else
            run.report_profile(layers, cpu::multiply_add_peak(), "a core");
    }

    [[gnu::cold]] static void test(const Options& options) {
        const auto model = load_inference_model<Net>(model_to_use(options));
        Digits digits = read_digits(options);
        typename Backend::workers workers(options.threads);
        std::vector<int> predicted;
        const Evaluation e = evaluate<CrossEntropy>(model, digits.test, workers, &predicted);
        report_test(options, e, predicted);
    }

    [[gnu::cold]] static void predict(const Options& options) {
        const auto model = load_inference_model<Net>(model_to_use(options));
        for (const auto& image : options.images) {
            const auto p = model.predict(read_digit(image));
            report_prediction(options, image, p.argmax(), p.values);
        }
    }

    [[gnu::cold]] static void describe(const Options& options) {
        report_table(network_table<DigitTrainer>(options.batch, typename Backend::workers(options.threads).count()));
    }
};

/// Classifier on the HIP backend, where the program is built with it (on_hip.hpp). False, and nothing is done, if the
/// device is to be chosen and there is no GPU.
template <class Layers>
bool run_on_hip(const Options& options, const std::string& name);

template <class Layers>
int classifier(const ProgramInfo& program, int argc, const char* const* argv) {
    return run_program(program, argc, argv, [&](const Options& options) {
        if (options.device == Device::reference)
            return Classifier<Layers, reference::backend>::run(options, program.name);
#ifdef IKEBANA_HIP
        if (options.device != Device::cpu && run_on_hip<Layers>(options, program.name)) return;
#else
        if (options.device == Device::hip)
            throw error("--device hip: this program was built without it (meson's option hip)");
#endif
        Classifier<Layers, cpu::backend>::run(options, program.name);
    });
}

} // namespace ikebana::apps
