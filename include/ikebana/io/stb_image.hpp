// stb_image's decoders for PNG, JPEG and BMP, from memory, compiled here with internal linkage in a namespace of ours:
// they need no library and meet no other copy of stb_image in the program. One .cpp cannot include both this and
// stb_image.h itself (the compilers give both the same symbols): the lines below say so.
#pragma once
#ifdef STBI_INCLUDE_STB_IMAGE_H
#error "ikebana/io/image.hpp brings its own stb_image: include <stb_image.h> in another .cpp"
#endif
// All that stb_image.h includes comes before the namespace opens.
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_ONLY_BMP
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_SIMD
#define STBI_ASSERT(x) ((void)0)
#define STBI_MAX_DIMENSIONS (1 << 15)

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wsign-compare"
// The arithmetic of a damaged JPEG's coefficients may overflow; it wraps around, and the levels are clamped after it.
#ifdef __clang__
#pragma clang attribute push(__attribute__((no_sanitize("signed-integer-overflow"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC optimize("wrapv")
#endif
namespace ikebana::detail::stb {
#if __has_include(<stb/stb_image.h>)
#include <stb/stb_image.h>
#else
#include <stb_image.h>
#endif
} // namespace ikebana::detail::stb
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#pragma GCC diagnostic pop
#undef STB_IMAGE_IMPLEMENTATION
#undef STB_IMAGE_STATIC
#undef STBI_ASSERT
