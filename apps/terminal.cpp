// Control sequences that every terminal in use knows: up, clear to the end of the screen, no line wrap while drawing.
#include <apps/terminal.hpp>
#include <ikebana/core/error.hpp>

#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <system_error>
#include <utility>

#include <sys/ioctl.h>
#include <unistd.h>

namespace ikebana::apps {
namespace {

std::string_view variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

bool utf8_locale() {
    for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
        const std::string_view value = variable(name);
        if (value.empty()) continue;
        return value.ends_with("UTF-8") || value.ends_with("utf8") || value.ends_with("UTF8") ||
               value.ends_with("utf-8");
    }
    return false;
}

winsize size_of(std::FILE* out) {
    winsize size{};
    if (::ioctl(::fileno(out), TIOCGWINSZ, &size) != 0) size = {};
    return {size.ws_row != 0 ? size.ws_row : static_cast<unsigned short>(24),
            size.ws_col != 0 ? size.ws_col : static_cast<unsigned short>(80), 0, 0};
}

} // namespace

Terminal::Terminal(std::FILE* out, bool plain)
    : out_(out), interactive_(!plain && ::isatty(::fileno(out)) == 1 && variable("TERM") != "dumb"),
      unicode_(utf8_locale()), colour_(interactive_ && variable("NO_COLOR").empty()) {}

Terminal::~Terminal() {
    const std::string text = erased();
    std::fwrite(text.data(), 1, text.size(), out_);
    std::fflush(out_);
}

int Terminal::columns() const { return size_of(out_).ws_col; }
int Terminal::rows() const { return size_of(out_).ws_row; }

void Terminal::print(const std::string& line) { write(erased() + line + "\n" + drawn()); }

void Terminal::show(std::vector<std::string> lines) {
    if (!interactive_) return;
    const std::string before = erased();
    shown_ = std::move(lines);
    write(before + drawn());
}

/// To the first bottom line's start, everything from there on cleared.
std::string Terminal::erased() const {
    if (shown_.empty()) return "";
    const std::string up = shown_.size() > 1 ? "\033[" + std::to_string(shown_.size() - 1) + "A" : "";
    return "\r" + up + "\033[J";
}

std::string Terminal::drawn() const {
    if (shown_.empty()) return "";
    std::string text = "\033[?7l";
    for (std::size_t i = 0; i < shown_.size(); ++i) text += (i > 0 ? "\n" : "") + shown_[i];
    return text + "\033[?7h";
}

void Terminal::write(const std::string& text) {
    errno = 0;
    if (std::fwrite(text.data(), 1, text.size(), out_) != text.size() || std::fflush(out_) != 0)
        throw error("standard output: cannot write: " + std::generic_category().message(errno != 0 ? errno : EIO));
}

} // namespace ikebana::apps
