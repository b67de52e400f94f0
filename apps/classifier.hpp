// A digit classifier as a program: train, test, predict, describe for one network type on the device chosen. The three
// programs differ in their network alone. Everything that names no network is compiled once, in apps/*.cpp.
#pragma once
#include <apps/chosen_optimizer.hpp>
#include <apps/console.hpp>
#include <apps/digits.hpp>
#include <apps/history.hpp>
#include <apps/learning_curve.hpp>
#include <apps/output_folder.hpp>
#include <apps/profile.hpp>
#include <apps/program.hpp>
#include <backends/cpu/cpu.hpp>
#include <backends/reference/reference.hpp>
#include <ikebana/ikebana.hpp>
#include <ikebana/io/atomic_file.hpp>
#include <ikebana/io/model.hpp>
#include <ikebana/train/describe.hpp>
#include <ikebana/train/print_progress.hpp>
#include <ikebana/train/profile.hpp>
#include <limits>

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

    static void train(const Options& options, const std::string& name) {
        Digits digits = read_digits(options);
        const Seed seed{options.seed};
        Net net(seed, init::FanInUniform{}); // LeNet-5 ends 0.25 % more accurate than from the layers' own rules
        DigitTrainer trainer(net, {}, {options.optimizer, options.lr}, Threads{options.threads}, seed);
        trainer.set_schedule(options.schedule);
        make_output_folder(options.out);
        Profile profile;
        if (options.profile) trainer.set_profile(&profile);
        Console console(options.epochs, options.plain);
        console.print(std::string("backend ") + Backend::name + ", vectors of " +
                      std::to_string(Backend::template vector_width<float>) + ", threads " +
                      std::to_string(trainer.threads()));

        double best = std::numeric_limits<double>::infinity();
        const auto keep = [&](const PassEnd& e) {
            const auto model = net.inference();
            save_inference_model(pass_file(options, e.pass), model);
            if (e.test_cost < best) save_inference_model(best_file(options), model), best = e.test_cost;
        };
        const auto passes =
            trainer.fit(std::move(digits.train), std::move(digits.test), Passes{options.epochs}, keep,
                        History(history_file(options)), LearningCurve(curve_file(options), name), console);
        console.finish(passes);
        if (options.profile) report_profile(options, profile, layer_table<Net, CrossEntropy>(options.batch));
    }

    static void test(const Options& options) {
        const auto model = load_inference_model<Net>(model_to_use(options));
        Digits digits = read_digits(options);
        typename Backend::workers workers(options.threads);
        std::vector<int> predicted;
        const Evaluation e = evaluate<CrossEntropy>(model, std::move(digits.test), workers, &predicted);
        std::printf("Test avg_cost: %s, acc: %s\nThe classification accuracy is %.2f%%\n",
                    shortest_decimal(e.cost).c_str(), shortest_decimal(e.accuracy).c_str(), 100 * e.accuracy);
        if (options.dump) {
            std::string lines;
            for (const int c : predicted) lines += std::to_string(c) + "\n";
            write_file(*options.dump, lines);
        }
    }

    static void predict(const Options& options) {
        const auto model = load_inference_model<Net>(model_to_use(options));
        for (const auto& image : options.images) {
            const auto p = model.predict(read_digit(image));
            std::printf("Inference result of %s is: %d\n", image.string().c_str(), p.argmax());
            for (std::size_t k = 0; options.probabilities && k < p.size(); ++k)
                std::printf("  %zu  %.6f\n", k, static_cast<double>(p[k]));
        }
    }

    static void describe(const Options& options) {
        std::fputs(
            ikebana::describe<DigitTrainer>(options.batch, typename Backend::workers(options.threads).count()).c_str(),
            stdout);
    }
};

template <class Layers>
int classifier(const ProgramInfo& program, int argc, const char* const* argv) {
    return run_program(program, argc, argv, [&](const Options& options) {
        if (options.device == Device::cpu)
            Classifier<Layers, cpu::backend>::run(options, program.name);
        else
            Classifier<Layers, reference::backend>::run(options, program.name);
    });
}

} // namespace ikebana::apps
