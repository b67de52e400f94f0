// Terminal: lines that scroll, above a few lines at the bottom that are drawn anew (progress bar, curve). Where
// standard output is no terminal, or plain lines are asked for, the bottom lines don't exist and lines are just
// written.
#pragma once
#include <cstdio>
#include <string>
#include <vector>

namespace ikebana::apps {

class Terminal {
  public:
    /// `out` is used and not owned.
    Terminal(std::FILE* out, bool plain);
    ~Terminal(); // takes the bottom lines away
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

    bool interactive() const { return interactive_; } // it has bottom lines
    bool unicode() const { return unicode_; }         // by the locale's variables
    bool colour() const { return colour_; }           // unless NO_COLOR is set
    int columns() const;                              // now: a user may resize
    int rows() const;

    /// Writes a line above the bottom lines, at once. Throws error when it cannot be written.
    void print(const std::string& line);

    /// Replaces the bottom lines (none: takes them away). What is wider than the terminal is cut off by it.
    void show(std::vector<std::string> lines);

  private:
    std::string erased() const;
    std::string drawn() const;
    void write(const std::string& text);

    std::FILE* out_;
    bool interactive_, unicode_, colour_;
    std::vector<std::string> shown_;
};

} // namespace ikebana::apps
