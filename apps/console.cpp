// The lines come at once; the bar is drawn ten times a second at most.
#include <apps/console.hpp>
#include <apps/terminal_curve.hpp>
#include <ikebana/train/print_progress.hpp>

#include <algorithm>

namespace ikebana::apps {

Console::Console(int passes, bool plain, std::FILE* out) : terminal_(out, plain), progress_(passes) {}

void Console::operator()(const StepEnd& e) {
    const auto now = Progress::clock::now();
    record_(e);
    progress_.step(e, now);
    if (has_line(e)) terminal_.print(step_line(e));
    if (progress_.testing() || now - drawn_ >= std::chrono::milliseconds(100)) {
        draw();
        drawn_ = now;
    }
}

void Console::operator()(const PassEnd& e) {
    record_(e);
    progress_.pass(e, Progress::clock::now());
    terminal_.print(pass_line(e));
    draw();
}

void Console::finish(std::span<const PassEnd> passes) {
    const std::string best = best_pass_lines(best_pass(passes));
    terminal_.show({});
    if (terminal_.interactive())
        for (const std::string& line : curve()) terminal_.print(line);
    terminal_.print(best);
}

void Console::draw() {
    if (!terminal_.interactive()) return;
    std::vector<std::string> lines = curve();
    lines.push_back(progress_.line(terminal_.columns(), terminal_.unicode()));
    terminal_.show(std::move(lines));
}

/// Where the terminal has room for it below some lines of text.
std::vector<std::string> Console::curve() const {
    if (record_.passes().empty() || terminal_.rows() < 16) return {};
    return terminal_curve(record_,
                          {std::min(terminal_.columns() - 1, 72), 7, terminal_.unicode() && terminal_.colour()});
}

} // namespace ikebana::apps
