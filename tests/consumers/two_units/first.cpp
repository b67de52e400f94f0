#include "everything.hpp"

int second();

int main() { return second() == 42 ? 0 : 1; }
