// The C++ side of safetensors.py: "write FILE" writes the example, "check FILE" compares a file with it (exit code 1 if
// it differs).
#include <cstdio>
#include <ikebana/io/safetensors.hpp>

#include "safetensors_help.hpp"

int main(int argc, char** argv) try {
    if (argc != 3) throw ikebana::error("usage: safetensors_example write|check FILE");
    const ikebana::TensorFile wanted = safetensors_help::example();
    if (argv[1] == std::string("write")) {
        ikebana::write_tensor_file(argv[2], wanted);
        return 0;
    }
    const ikebana::TensorFile got = ikebana::read_tensor_file(argv[2]);
    const auto same = [](const ikebana::TensorEntry& a, const ikebana::TensorEntry& b) {
        return a.name == b.name && a.dtype == b.dtype && a.shape == b.shape && a.data == b.data;
    };
    return got.metadata == wanted.metadata && std::equal(got.tensors.begin(), got.tensors.end(), wanted.tensors.begin(),
                                                         wanted.tensors.end(), same)
               ? 0
               : 1;
} catch (const ikebana::error& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 2;
}
