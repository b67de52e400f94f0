// safetensors.hpp against damaged files: every truncation and thousands of changed bytes of a small file either load or
// throw ikebana::error; nothing else happens, and no claim in the file makes the reader take memory for it.
#include <doctest/doctest.h>
#include <ikebana/core/random.hpp>
#include <ikebana/io/safetensors.hpp>

#include <sys/resource.h>

#include "safetensors_help.hpp"

using namespace ikebana;
using namespace safetensors_help;

namespace {

/// The most memory this process has held so far, in MB.
long peak_memory() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss / 1024;
}

std::string example_bytes() {
    const scratch_file file;
    write_tensor_file(file.path, example());
    return content(file.path);
}

} // namespace

TEST_CASE("every truncation of a file is refused with one line") {
    const std::string whole = example_bytes();
    const scratch_file file;
    for (std::size_t length = 0; length < whole.size(); ++length) {
        file.replace(whole.substr(0, length));
        const std::string what = refusal(file.path);
        CAPTURE(length);
        CHECK(what != "");
        CHECK(what.find('\n') == std::string::npos);
    }
}

TEST_CASE("every claim about the header's length, and great sizes of tensors, take no memory") {
    const std::string whole = example_bytes();
    const scratch_file file;
    const long before = peak_memory();
    for (std::size_t at = 0; at < 8; ++at)
        for (int value = 0; value < 256; ++value) {
            std::string bytes = whole;
            bytes[at] = static_cast<char>(value);
            file.replace(bytes);
            CAPTURE(at);
            CAPTURE(value);
            CHECK((refusal(file.path) == "") == (bytes == whole));
        }
    for (std::uint64_t size = 1 << 20; size < std::uint64_t{1} << 62; size *= 2) {
        const std::string text = std::to_string(size);
        file.replace(with_length(R"({"a":{"dtype":"U8","shape":[)" + text + R"(],"data_offsets":[0,)" + text + "]}}") +
                     "abcd");
        CHECK(refusal(file.path).find("the file has 4 bytes of data") != std::string::npos);
    }
    CHECK(peak_memory() - before < 64);
}

TEST_CASE("a changed byte loads or is refused with one line") {
    const std::string whole = example_bytes();
    const scratch_file file;
    Random random(Seed{7}, Stream::test);
    int loaded = 0, refused_files = 0;
    for (int i = 0; i < 4000; ++i) {
        std::string bytes = whole;
        const std::size_t at = random.below(static_cast<std::uint32_t>(bytes.size()));
        bytes[at] = static_cast<char>(random.below(256));
        file.replace(bytes);
        CAPTURE(at);
        std::string what;
        CHECK_NOTHROW(what = refusal(file.path));
        CHECK(what.find('\n') == std::string::npos);
        CHECK(what.size() < 500);
        ++(what.empty() ? loaded : refused_files);
    }
    CHECK(loaded > 100); // changes of data
    CHECK(refused_files > 2000);
}

TEST_CASE("random bytes in the header's place") {
    const scratch_file file;
    Random random(Seed{8}, Stream::test);
    const std::string alphabet = "{}[]\":,0123456789.eE-+ \\untrfalsedtypeshapedata_offsets__metadata__F32";
    for (int i = 0; i < 2000; ++i) {
        std::string header = "{";
        for (unsigned n = random.below(60); n > 0; --n) header += alphabet[random.below(alphabet.size())];
        file.replace(with_length(header) + "data");
        CHECK_NOTHROW(refusal(file.path));
    }
}
