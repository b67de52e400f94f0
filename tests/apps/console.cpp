// apps/console.hpp: the lines in a pipe are exactly the original's; on a terminal (a pseudo terminal here) the bar
// keeps to its width, is drawn a few times a second only, and never leaves a trace in the lines.
#include <apps/console.hpp>
#include <cstdlib>
#include <doctest/doctest.h>
#include <ikebana/core/error.hpp>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

using namespace ikebana;
using apps::Console;

namespace {

/// A terminal of a given size. read() gives what was written to it since the last read().
class PseudoTerminal {
  public:
    PseudoTerminal(unsigned short rows, unsigned short columns) : master_(posix_openpt(O_RDWR | O_NOCTTY)) {
        grantpt(master_);
        unlockpt(master_);
        resize(rows, columns);
        out = fdopen(::open(ptsname(master_), O_WRONLY | O_NOCTTY), "w");
        fcntl(master_, F_SETFL, O_NONBLOCK);
    }
    ~PseudoTerminal() {
        std::fclose(out);
        ::close(master_);
    }
    PseudoTerminal(const PseudoTerminal&) = delete;
    PseudoTerminal& operator=(const PseudoTerminal&) = delete;

    void resize(unsigned short rows, unsigned short columns) const {
        const winsize size{rows, columns, 0, 0};
        ioctl(master_, TIOCSWINSZ, &size);
    }
    std::string read() const {
        std::string text;
        char part[4096];
        for (ssize_t n; (n = ::read(master_, part, sizeof part)) > 0;) text.append(part, static_cast<std::size_t>(n));
        return text;
    }

    std::FILE* out = nullptr;

  private:
    int master_;
};

struct Environment {
    Environment() {
        setenv("TERM", "xterm", 1);
        setenv("LC_ALL", "C", 1);
        unsetenv("NO_COLOR");
    }
};

PassEnd pass_end(int pass) { return {pass, 0.5 / (pass + 1), 0.25 / (pass + 1), 0.9, 1.0}; }

void run(Console& console, int passes, int steps) {
    std::vector<PassEnd> all;
    for (int pass = 0; pass < passes; ++pass) {
        for (int step = 0; step < steps; ++step) console(StepEnd{pass, step, steps, 64, 1.0 / (pass + step + 1)});
        all.push_back(pass_end(pass));
        console(all.back());
    }
    console.finish(all);
}

const std::string lines = "Pass 0, Batch 0, Cost 1.000000\n"
                          "Pass 0, Batch 100, Cost 0.009901\n"
                          "Test with Epoch 0, avg_cost: 0.25, acc: 0.9\n"
                          "Pass 1, Batch 0, Cost 0.500000\n"
                          "Pass 1, Batch 100, Cost 0.009804\n"
                          "Test with Epoch 1, avg_cost: 0.125, acc: 0.9\n"
                          "Best pass is 1, testing Avgcost is 0.125\n"
                          "The classification accuracy is 90.00%\n";

/// What a screen of endless length shows in the end, for the control sequences that Terminal uses; "" where another one
/// comes.
std::string screen(const std::string& text) {
    std::vector<std::string> rows{""};
    std::size_t row = 0, column = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\r') {
            column = 0;
        } else if (text[i] == '\n') {
            if (++row == rows.size()) rows.emplace_back();
        } else if (text[i] == '\033') {
            const std::size_t end = text.find_first_of("AJhlm", i);
            const std::string sequence = text.substr(i + 1, end - i);
            if (sequence == "[J") {
                rows.resize(row + 1);
                rows[row].resize(column);
            } else if (sequence.ends_with("A")) {
                row -= std::stoul(sequence.substr(1));
            } else if (sequence != "[?7l" && sequence != "[?7h" && !sequence.ends_with("m")) {
                return "";
            }
            i = end;
        } else {
            rows[row].resize(std::max(rows[row].size(), column + 1), ' ');
            rows[row][column++] = text[i];
        }
    }
    std::string all;
    for (const std::string& one : rows) all += one + "\n";
    return all;
}

std::size_t count(const std::string& text, const std::string& what) {
    std::size_t n = 0;
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
    return n;
}

} // namespace

TEST_CASE("in a pipe: the lines, each flushed when it comes, and nothing else") {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    std::FILE* out = fdopen(ends[1], "w");
    std::string text(8192, '\0');
    {
        Console console(2, false, out);
        console(StepEnd{0, 0, 2, 64, 1.0});
        CHECK(::read(ends[0], text.data(), text.size()) == 31); // at once
        run(console, 2, 150);
    }
    std::fclose(out);
    text.resize(static_cast<std::size_t>(::read(ends[0], text.data(), text.size())));
    ::close(ends[0]);
    CHECK(text == lines);
}

TEST_CASE("on a terminal with --plain: the lines and nothing else") {
    const Environment environment;
    const PseudoTerminal terminal(24, 80);
    Console console(2, true, terminal.out);
    run(console, 2, 150);
    CHECK(count(terminal.read(), "\033") == 0);
}

TEST_CASE("on a terminal the lines stay whole above the bar, which is gone in the end") {
    const Environment environment;
    const PseudoTerminal terminal(24, 80);
    std::string text;
    {
        Console console(2, false, terminal.out);
        run(console, 2, 150);
        text = terminal.read();
    }
    CHECK(text.find("[#####") != std::string::npos);
    CHECK(text.find("testing") != std::string::npos);
    const std::string end = screen(text + terminal.read());
    for (const auto* line : {"Pass 0, Batch 0, Cost 1.000000\n", "Pass 1, Batch 100, Cost 0.009804\n",
                             "Test with Epoch 1, avg_cost: 0.125, acc: 0.9\n",
                             "Best pass is 1, testing Avgcost is 0.125\nThe classification accuracy is 90.00%\n"})
        CHECK(count(end, line) == 1);
    CHECK(end.find('#') == std::string::npos);
    CHECK(end.find("train cost") != std::string::npos); // the curve stays
}

TEST_CASE("an interrupted run takes its bar away") {
    const Environment environment;
    const PseudoTerminal terminal(24, 80);
    std::string text;
    try {
        Console console(2, false, terminal.out);
        console(StepEnd{0, 0, 10, 64, 1.0});
        text = terminal.read();
        CHECK(screen(text).find("[") != std::string::npos);
        throw error("stopped");
    } catch (const error&) {
    }
    CHECK(screen(text + terminal.read()) == "Pass 0, Batch 0, Cost 1.000000\n\n");
}

TEST_CASE("the bar is drawn ten times a second at most") {
    const Environment environment;
    const PseudoTerminal terminal(24, 80);
    Console console(1, false, terminal.out);
    for (int step = 0; step < 99; ++step) console(StepEnd{0, step, 1000, 64, 1.0});
    CHECK(count(terminal.read(), "\033[?7l") <= 2);
}

TEST_CASE("each drawing keeps to the width of the moment") {
    const Environment environment;
    const PseudoTerminal terminal(24, 80);
    Console console(2, false, terminal.out);
    for (const unsigned short columns : {80, 43, 24, 10, 1, 300}) {
        terminal.resize(24, columns);
        terminal.read();
        console(pass_end(0)); // draws
        const std::string text = terminal.read();
        const std::size_t begin = text.rfind("\033[?7l") + 5, end = text.rfind("\033[?7h");
        REQUIRE(end != std::string::npos);
        std::size_t at = begin;
        for (std::size_t next; at < end; at = next + 1) {
            next = std::min(text.find('\n', at), end);
            CHECK(next - at <= columns);
        }
    }
}

TEST_CASE("a low terminal has a bar and no curve") {
    const Environment environment;
    const PseudoTerminal terminal(10, 80);
    Console console(2, false, terminal.out);
    console(pass_end(0));
    const std::string text = terminal.read();
    CHECK(text.find("[####") != std::string::npos);
    CHECK(text.find("train cost") == std::string::npos);
}

TEST_CASE("lines that cannot be written are an error") {
    std::FILE* full = std::fopen("/dev/full", "w");
    {
        Console console(1, false, full);
        CHECK_THROWS_WITH_AS(console(pass_end(0)), "standard output: cannot write: No space left on device", error);
    }
    std::fclose(full);
}
