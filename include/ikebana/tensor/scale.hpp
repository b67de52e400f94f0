// How an 8-bit grey level becomes a network's input: x / 255 · 2 − 1, so 0 … 255 covers [−1, 1].
#pragma once
#include <cstdint>

namespace ikebana {

/// x / 255 · 2 − 1. The division is two products: with 1 / 255 to 9 bits, which is exact, and with what these lack;
/// their sum rounds as the quotient does. Doubling is exact, too, so the bits are the same with and without fused
/// multiply-add.
constexpr float scaled(std::uint8_t grey) {
    constexpr float reciprocal = 0x1.01p-8f, lacking = 0x1.010102p-24f;
    const float x = static_cast<float>(grey);
    return (x * reciprocal + x * lacking) * 2.0f - 1.0f;
}

} // namespace ikebana
