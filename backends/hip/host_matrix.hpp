// The operations of matrix_cores.hpp on the CPU: a warp's threads show each other their registers. Which lane and which
// of its registers holds a number is written here a second time, from the number's side, so that a wrong index in a
// core or in what uses it gives wrong sums. Next to read: sums.hpp.
#pragma once
#include <backends/hip/host_block.hpp>
#include <backends/hip/matrix_cores.hpp>

#include <bit>

namespace ikebana::hip {

namespace host {

struct Holder {
    int lane, number;
};

template <class Core>
struct Layout;
template <>
struct Layout<Tf32Core> {
    static constexpr Holder left(int m, int k) { return {m % 8 * 4 + k % 4, k / 4 * 2 + m / 8}; }
    static constexpr Holder right(int k, int n) { return {n * 4 + k % 4, k / 4}; }
    static constexpr Holder sum(int m, int n) { return {m % 8 * 4 + n / 2, m / 8 * 2 + n % 2}; }
};
template <>
struct Layout<Float32Core> {
    static constexpr Holder left(int m, int k) { return {k * 16 + m, 0}; }
    static constexpr Holder right(int k, int n) { return {k * 16 + n, 0}; }
    static constexpr Holder sum(int m, int n) { return {m / 4 * 16 + n, m % 4}; }
};

/// The nearest number with 10 bits of mantissa, of two the one away from 0, as the conversion on a GPU has it.
inline float round_to_tf32(float x) {
    const auto bits = std::bit_cast<std::uint32_t>(x);
    const bool finite = (bits & 0x7f800000u) != 0x7f800000u;
    return std::bit_cast<float>(finite ? (bits + 0x1000u) & 0xffffe000u : bits);
}
/// What a core reads of an operand's register.
inline float tf32_part(float x) { return std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) & 0xffffe000u); }

} // namespace host

/// A number as the core takes it.
template <class Core>
float operand(float x) {
    return Core::rounding != 0 ? host::round_to_tf32(x) : x;
}

/// sums += left · right, by all threads of a warp.
template <class Core>
void multiply_add(float (&sums)[Core::sums], const float (&left)[Core::left], const float (&right)[Core::right]) {
    using Layout = host::Layout<Core>;
    const struct Registers { const float *left, *right; } mine{left, right};
    unsigned lane, lanes;
    const std::uint64_t* slots = host::Block::here().exchange(reinterpret_cast<std::uintptr_t>(&mine), lane, lanes);
    if (lanes != Core::lanes) host::stop("a matrix operation of %u threads in a warp of %u", Core::lanes, lanes);
    const auto read = [&](auto numbers, host::Holder at) {
        const float x = (reinterpret_cast<const Registers*>(slots[at.lane])->*numbers)[at.number];
        return Core::rounding != 0 ? host::tf32_part(x) : x;
    };
    for (int m = 0; m < Core::M; ++m)
        for (int n = 0; n < Core::N; ++n) {
            const host::Holder at = Layout::sum(m, n);
            if (static_cast<unsigned>(at.lane) != lane) continue;
            for (int k = 0; k < Core::K; ++k)
                sums[at.number] +=
                    read(&Registers::left, Layout::left(m, k)) * read(&Registers::right, Layout::right(k, n));
        }
    host::Block::here().exchange(0, lane, lanes); // others read these registers until then
}

} // namespace ikebana::hip
