// The passes of a training run: batches from a reader that reads ahead, a test after each pass, and what handlers are
// told. Trainers differ in what a step is.
#pragma once
#include <ikebana/data/batch.hpp>
#include <ikebana/data/prefetch.hpp>
#include <ikebana/train/evaluate.hpp>
#include <ikebana/train/events.hpp>

#include <chrono>
#include <type_traits>
#include <vector>

namespace ikebana {

struct Passes {
    int count = 1;
};

/// Where a step is in a run: pass and step within it from 0, and progress of the whole from 0 to 1.
struct RunPosition {
    int pass = 0, step = 0;
    double progress = 0;
};

/// Work that is none of a step's own, in parts that its threads do among their tasks, each once.
struct Meanwhile {
    void (*work)(void* argument, int part) noexcept = nullptr;
    void* argument = nullptr;
    int parts = 0;
};

template <class What, class Expected, class Given>
struct handler_mismatch; // never defined: its name is the message
struct a_call_with_const_StepEnd_or_PassEnd;

/// Of an event that the handler doesn't take it isn't told. One that takes neither stops the compiler.
template <class H, class Event>
void tell(H& handler, const Event& event) {
    if constexpr (std::is_invocable_v<H&, const Event&>)
        handler(event);
    else if constexpr (!std::is_invocable_v<H&, const StepEnd&> && !std::is_invocable_v<H&, const PassEnd&>)
        (void)sizeof(handler_mismatch<H, expected<a_call_with_const_StepEnd_or_PassEnd>, given<H>>);
}

namespace detail {

/// How far a run is, from 0 to 1, before a step; by whole passes where a reader doesn't know its steps.
inline double progress(int pass, int step, int steps, Passes passes) {
    return (pass + (steps > 0 ? static_cast<double>(step) / steps : 0.0)) / passes.count;
}

/// Whatever ends a run: later steps are none of it.
struct ProgressOfRun {
    RunPosition& position;
    ~ProgressOfRun() { position.progress = 0; }
};

} // namespace detail

template <class Reader>
int steps_of(const Reader& reader) {
    if constexpr (requires { reader.size(); })
        return static_cast<int>(reader.size());
    else
        return 0;
}

/// step(batch, position, meanwhile) returns the mean cost, test() an Evaluation; handlers are called with StepEnd and
/// PassEnd. Where `takes_over`, the next batch of a reader in memory is what is done meanwhile.
template <class Train, class Step, class Test, class... Handlers>
[[gnu::cold]] std::vector<PassEnd> run_passes(Train train, Passes passes, bool takes_over, Step step, Test test,
                                              Handlers&... handlers) {
    const int steps = steps_of(train);
    auto ahead = prefetch(std::move(train));
    Meanwhile meanwhile;
    constexpr bool can_take_over = requires { ahead.take_over(); };
    if constexpr (can_take_over)
        if (takes_over) {
            ahead.take_over();
            using Ahead = decltype(ahead);
            meanwhile.work = [](void* reader, int part) noexcept { static_cast<Ahead*>(reader)->prepare(part); };
            meanwhile.argument = &ahead;
        }
    std::vector<PassEnd> history;
    Batch batch;
    RunPosition at;
    for (at.pass = 0; at.pass < passes.count; ++at.pass) {
        const auto start = std::chrono::steady_clock::now();
        double sum = 0;
        long samples = 0;
        ahead.start(static_cast<unsigned>(at.pass));
        for (at.step = 0; ahead.next(batch); ++at.step) {
            const int n = static_cast<int>(batch.labels.size());
            at.progress = detail::progress(at.pass, at.step, steps, passes);
            if constexpr (can_take_over)
                if (takes_over) meanwhile.parts = ahead.parts();
            const double cost = step(batch, at, meanwhile);
            sum += cost * n;
            samples += n;
            (tell(handlers, StepEnd{at.pass, at.step, steps, n, cost}), ...);
        }
        if (samples == 0) throw error("fit: pass " + std::to_string(at.pass) + ": the training reader gave no sample");
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        const Evaluation e = test();
        history.push_back({at.pass, sum / static_cast<double>(samples), e.cost, e.accuracy, seconds});
        (tell(handlers, history.back()), ...);
    }
    return history;
}

} // namespace ikebana
