// How an 8-bit grey level becomes a network's input: x / 255 · 2 − 1, so 0 … 255 covers [−1, 1].
#pragma once
#include <cstdint>

namespace ikebana {

/// Doubling is exact, so the bits are the same with and without fused multiply-add.
constexpr float scaled(std::uint8_t grey) { return static_cast<float>(grey) / 255.0f * 2.0f - 1.0f; }

} // namespace ikebana
