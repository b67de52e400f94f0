// A label is a class, 0 … K − 1, in an integer of any type.
#pragma once
#include <ikebana/core/error.hpp>

#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>

namespace ikebana {

[[noreturn, gnu::cold]] inline void refuse_label(const char* whose, const std::string& label, std::size_t sample,
                                                 int classes) {
    throw error(std::string(whose) + ": label " + label + " of sample " + std::to_string(sample) + ": expected 0 … " +
                std::to_string(classes - 1));
}

/// The label of a sample as an int; throws error if it is no class, checked before it is converted.
template <class Label>
int checked_label(const Label& label, int classes, const char* whose, std::size_t sample) {
    const auto number = [&] {
        if constexpr (std::is_integral_v<Label>)
            return +label;
        else
            return static_cast<int>(label);
    }();
    if (std::cmp_less(number, 0) || std::cmp_greater_equal(number, classes))
        refuse_label(whose, std::to_string(number), sample, classes);
    return static_cast<int>(number);
}

} // namespace ikebana
