// IKEBANA_ONCE: a function that is compiled once, with its sizes as numbers, and not again for each caller's constants.
#pragma once

#if defined(__clang__) || defined(__CUDACC__)
#define IKEBANA_ONCE __attribute__((noinline))
#else
#define IKEBANA_ONCE __attribute__((noinline, noclone))
#endif
