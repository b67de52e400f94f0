// A network as text: "Input<1,28,28>, Conv<20,5>, Pool<2>, …". It names the network in files and in messages; two
// networks have the same signature exactly if they have the same input and layers of the same names.
#pragma once
#include <ikebana/network/network.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace ikebana {

using NameFunction = std::string (*)();

template <class... B>
constexpr std::array<NameFunction, sizeof...(B)> name_functions(pack<B...>) {
    return {&layer_name<typename B::layer>...};
}

[[gnu::cold]] inline std::vector<std::string> names_of(std::span<const int> input,
                                                       std::span<const NameFunction> layers) {
    std::vector<std::string> names{"Input<" + numbers_text(input, ",") + ">"};
    for (const NameFunction name : layers) names.push_back(name());
    return names;
}

/// The input and every layer, one text each.
template <class Net>
std::vector<std::string> layer_names() {
    static constexpr auto layers = name_functions(typename Net::chain{});
    return names_of(Net::input::sizes, layers);
}

inline std::string joined(const std::vector<std::string>& names) {
    std::string s;
    for (const std::string& name : names) s.append(s.empty() ? "" : ", ").append(name);
    return s;
}

template <class Net>
std::string signature() {
    return joined(layer_names<Net>());
}

/// Where two signatures differ, layer by layer, in one line; empty if they are equal.
inline std::string signature_difference(const std::vector<std::string>& here, std::string_view other) {
    if (joined(here) == other) return {};
    std::vector<std::string> there;
    while (!other.empty()) {
        const std::size_t end = other.find(", ");
        there.emplace_back(other.substr(0, end));
        other.remove_prefix(end == std::string_view::npos ? other.size() : end + 2);
    }
    std::string difference;
    for (std::size_t i = 0; i < std::max(here.size(), there.size()); ++i) {
        const std::string a = i < here.size() ? here[i] : "nothing", b = i < there.size() ? there[i] : "nothing";
        if (a == b) continue;
        difference += (difference.empty() ? "" : "; ") +
                      (i == 0 ? std::string("input") : "layer " + std::to_string(i - 1)) + ": " + a + " here, " + b +
                      " in the file";
    }
    return difference;
}

} // namespace ikebana
