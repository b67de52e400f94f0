// Profile: what a trainer notes of its steps, the table and the trace made of it; and that it changes no bit.
#include <backends/cpu/cpu.hpp>
#include <doctest/doctest.h>
#include <ikebana/ikebana.hpp>
#include <ikebana/train/describe.hpp>
#include <ikebana/train/profile_report.hpp>
#include <nlohmann/json.hpp>
#include <tests/support/samples.hpp>

using namespace ikebana;
using namespace ikebana::test;

namespace {

using Image = Shape<16, 9, 8>;
using Layers = Sequential<Conv<16, 3, Padding<1>>, Pool<2>, Relu, BatchNorm, Dense<128>, Tanh, Dense<4>, Softmax>;
using Net = Network<Input<16, 9, 8>, Layers, cpu::backend>;
using Digits = Trainer<Net, CrossEntropy, Adam>;
static_assert(Digits::program::packed_offset.back() > 0); // the convolution packs its weights
static_assert(Digits::program::batch_tasks.back() > 0);   // Dense<128> takes its gradient over the batch

} // namespace

TEST_CASE("threads: a profile holds every part of every step, within the time that passed") {
    const auto samples = random_samples<float, Image>(40, 4, 0);
    Net net, other;
    Profile profile(2);
    Digits trainer(net, CrossEntropy{}, Adam{}, Threads{2}), plain(other, CrossEntropy{}, Adam{}, Threads{2});
    trainer.set_profile(&profile);
    const Meanwhile nothing{[](void*, int) noexcept {}, nullptr, 2};
    for (int step = 0; step < 5; ++step) trainer.step(samples, nothing), plain.step(samples);
    trainer.set_profile(nullptr);
    trainer.step(samples), plain.step(samples);
    CHECK(std::equal(net.parameters().begin(), net.parameters().end(), other.parameters().begin()));

    const auto layers = layer_table<Net, CrossEntropy>(40);
    CHECK(profile.steps() == 5);
    CHECK(profile.threads() == 2);
    double sum = 0;
    for (const Part part : {Part::read, Part::load, Part::loss, Part::update}) {
        CHECK(profile.total(part) > 0);
        sum += profile.total(part);
    }
    for (const int layer : {0, 3, 4, 5, 6})
        for (const Part part : {Part::forward, Part::backward}) {
            CHECK(profile.total(part, layer) > 0);
            sum += profile.total(part, layer);
        }
    for (const int fused : {1, 2, 7}) CHECK(profile.total(Part::forward, fused) == 0);
    CHECK(profile.total(Part::pack, 0) > 0);
    CHECK(sum + profile.total(Part::pack, 0) <= 2 * profile.step_seconds());
    CHECK(profile.step_seconds() <= profile.wall_seconds());

    const std::string table = profile_table(profile, layers, 40, 1e11);
    CHECK(table.find("5 steps of 40 samples, 2 threads") == 0);
    for (const char* part : {"Conv<16,3", "BatchNorm", "Dense<128>", "forward", "backward", "pack", "next batch",
                             "batch to tiles", "loss", "update", "other"}) {
        CAPTURE(std::string(part));
        CHECK(table.find(part) != std::string::npos);
    }

    const auto trace = nlohmann::json::parse(chrome_trace(profile, layers)).at("traceEvents");
    std::size_t spans = 0;
    for (int worker = 0; worker < 2; ++worker) {
        std::int64_t end = 0;
        for (const Profile::Span& s : profile.spans(worker)) { // one after the other on each thread
            CHECK(s.begin >= end);
            CHECK(s.end >= s.begin);
            end = s.end;
        }
        spans += profile.spans(worker).size();
    }
    CHECK(trace.size() == spans);
    std::size_t losses = 0;
    for (const auto& event : trace) losses += event.at("name") == "loss";
    CHECK(losses == 2 * 3); // two traced steps of three tiles
}

TEST_CASE("a profile without a step says so") {
    CHECK(profile_table(Profile{}, {}, 40, 1e11) == "no step was profiled\n");
}
