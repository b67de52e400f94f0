// What every consumer builds.
#include <cstdio>
#include <ikebana/core/shape.hpp>

static_assert(ikebana::Shape<20, 12, 12>::size == 2880);

int main() { std::puts(ikebana::Shape<20, 12, 12>::text().c_str()); }
