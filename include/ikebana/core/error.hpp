// Errors. At run time: ikebana::error, one line that says what, where and what was expected. At compile time: the
// vocabulary whose type names form the sentence that a compiler prints first (never defined, so naming ::error stops).
// Here and elsewhere, what runs once or when something is wrong is marked gnu::cold: compiled for size, it costs the
// compiler less. What it calls in a loop is gnu::noinline, to be compiled for speed.
#pragma once
#include <stdexcept>
#include <string>

namespace ikebana {

/// Everything the library throws. what() is one line.
struct error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// A file that cannot be used: "PATH: what is wrong (at byte OFFSET): what was expected".
struct file_error : error {
    file_error(const std::string& path, const std::string& what) : error(path + ": " + what) {}
};

// shape_mismatch<layer<2, Conv<50,5>>, expected<any_C_H_W_with_H_and_W_at_least<5>>, given<Shape<20,4,4>>>
template <int I, class L>
struct layer;
template <class... What>
struct expected;
template <class... What>
struct given;

template <class Where, class Expected, class Given>
struct shape_mismatch; // never defined: its name is the message

} // namespace ikebana
