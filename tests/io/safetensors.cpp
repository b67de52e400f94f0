// safetensors.hpp: what is written is read back, the layout is the one that Python reads and writes (safetensors.py
// beside this file), and a file that breaks a rule is refused with one line that says what and where.
#include <cstring>
#include <doctest/doctest.h>
#include <fstream>
#include <ikebana/io/safetensors.hpp>
#include <iterator>

#include "safetensors_help.hpp"

using namespace ikebana;
using namespace safetensors_help;

TEST_CASE("metadata and tensors come back as they were given, in the order given") {
    const scratch_file file;
    const TensorFile given = example();
    write_tensor_file(file.path, given);
    const TensorFile got = read_tensor_file(file.path);
    CHECK(got.metadata == given.metadata);
    REQUIRE(got.tensors.size() == given.tensors.size());
    for (std::size_t i = 0; i < given.tensors.size(); ++i) {
        CHECK(got.tensors[i].name == given.tensors[i].name);
        CHECK(got.tensors[i].dtype == given.tensors[i].dtype);
        CHECK(got.tensors[i].shape == given.tensors[i].shape);
        CHECK(got.tensors[i].data == given.tensors[i].data);
    }
}

TEST_CASE("the bytes on disk") {
    const scratch_file file;
    write_tensor_file(file.path, {{{"k", "v"}}, {tensor<float>("w", "F32", {2}, {1.0f, -2.0f})}});
    std::string header = R"({"__metadata__":{"k":"v"},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
    header.resize((header.size() + 7) / 8 * 8, ' ');
    CHECK(content(file.path) == with_length(header) + std::string("\0\0\x80\x3f\0\0\0\xc0", 8));
}

TEST_CASE("data start at a multiple of eight bytes, whatever the header's length") {
    const scratch_file file;
    for (int length = 0; length < 9; ++length) {
        write_tensor_file(file.path, {{}, {tensor<double>(std::string(length, 'n'), "F64", {}, {1.0})}});
        std::uint64_t header = 0;
        std::memcpy(&header, content(file.path).data(), sizeof header);
        CHECK(header % 8 == 0);
    }
}

TEST_CASE("a file without tensors") {
    const scratch_file file;
    write_tensor_file(file.path, {});
    CHECK(read_tensor_file(file.path).tensors.empty());
    CHECK(content(file.path) == with_length("{}      "));
}

TEST_CASE("tensors come in the order of their data, not of the header") {
    const std::string header = R"({"b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]},)"
                               R"("a":{"data_offsets":[0,1],"shape":[1],"dtype":"U8"}})";
    const scratch_file file(with_length(header) + "xy");
    const TensorFile got = read_tensor_file(file.path);
    CHECK(got.tensors.at(0).name == "a");
    CHECK(got.tensors.at(0).data.at(0) == std::byte{'x'});
    CHECK(got.tensors.at(1).name == "b");
}

TEST_CASE("not a file that can be read") {
    CHECK(refusal("/nowhere/at/all") == "/nowhere/at/all: no such file");
    CHECK(refusal("/dev") == "/dev: is a folder: expected a file");
    CHECK(refusal("/dev/zero") == "/dev/zero: is a device or a pipe: expected a file");
}

TEST_CASE("a wrong length or a header that is not JSON") {
    CHECK(refusal_of("") == "is empty (0 bytes)");
    CHECK(refusal_of("1234567") == "is no safetensors file: it has 7 bytes, expected 8 of header length");
    CHECK(refusal_of(with_length("", 0)) == "is no safetensors file, or not all of one: header length is 0 (at byte 0): expected 1 to 0, by the file's 8 bytes");
    CHECK(refusal_of(with_length("{}", 3)) == "is no safetensors file, or not all of one: header length is 3 (at byte 0): expected 1 to 2, by the file's 10 bytes");
    CHECK(refusal_of(with_length("{}", ~0ull)).starts_with("is no safetensors file, or not all of one: header length is 18446744073709551615 (at byte 0)"));
    CHECK(refusal_of(with_length("\x89PNG")) == "header (at byte 8): expected '{' of a JSON object");
    CHECK(refusal_of(with_length("[]")) == "header (at byte 8): expected '{' of a JSON object");
    CHECK(refusal_of(with_length(std::string("{}\0x", 4))) == "header has a zero byte (at byte 10)");
    CHECK(refusal_of(with_length("{\"a\":")).starts_with("header is not JSON (at byte 14): 'syntax error"));
    CHECK(refusal_of(with_length("{}}")).starts_with("header is not JSON (at byte 11)"));
    CHECK(refusal_of(with_length("{\"\xff\":1}")).find("ill-formed UTF-8") != std::string::npos);
}

TEST_CASE("a header longer than the format allows is refused though the file has the bytes") {
    const scratch_file file(with_length("{}", 100'000'001));
    std::filesystem::resize_file(file.path, 100'000'009 + 8); // sparse
    CHECK(refusal(file.path).find("expected 1 to 100000000") != std::string::npos);
}

TEST_CASE("a header of another form") {
    const auto header = [](const std::string& entry) { return refusal_of(with_length("{" + entry + "}") + "abcd"); };
    const std::string rest = R"(,"shape":[1],"data_offsets":[0,4]})";

    CHECK(header(R"("a":5)") == "header: 'a' holds the number 5: expected an object that describes a tensor");
    CHECK(header(R"("a":null)") == "header: 'a' holds null: expected an object that describes a tensor");
    CHECK(header(R"("a":[])") == "header: 'a' holds an array: expected an object that describes a tensor");
    CHECK(header(R"("__metadata__":"x")") ==
          "header: '__metadata__' holds the text 'x': expected an object of strings");
    CHECK(header(R"("__metadata__":{"k":1})") == "header: __metadata__ 'k' holds the number 1: expected a string");
    CHECK(header(R"("__metadata__":{"k":"","k":""})") == "header: __metadata__ 'k' appears twice");
    CHECK(header(R"("__metadata__":{},"__metadata__":{})") == "header: '__metadata__' appears twice");
    CHECK(header(R"("a":{"dtype":7)" + rest) == "header: tensor 'a', 'dtype' holds the number 7: expected a string");
    CHECK(header(R"("a":{"dtype":"F31")" + rest) == "header: tensor 'a' has the unknown dtype 'F31'");
    CHECK(header(R"("a":{"dtype":"F32","dtype":"F32")" + rest) == "header: tensor 'a', 'dtype' appears twice");
    CHECK(header(R"("a":{"dtype":"F32","size":4)" + rest) ==
          "header: tensor 'a', 'size' is unknown: expected dtype, shape or data_offsets");
    CHECK(header(R"("a":{})") == "header: tensor 'a' lacks dtype");
    CHECK(header(R"("a":{"dtype":"F32","data_offsets":[0,4]})") == "header: tensor 'a' lacks shape");
    CHECK(header(R"("a":{"dtype":"F32","shape":[1]})") == "header: tensor 'a' lacks data_offsets");
    CHECK(header(R"("a":{"dtype":"F32")" + rest + R"(,"a":{"dtype":"F32")" + rest) == "header: 'a' appears twice");
    CHECK(header("\"a\\nb\":1").find('\n') == std::string::npos);
}

TEST_CASE("shapes and offsets that cannot be") {
    const auto claim = [](const std::string& shape, const std::string& offsets) {
        return refusal_of(with_length(R"({"a":{"dtype":"F32","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}") +
                       "abcd");
    };
    CHECK(claim("[1]", "[0,4]") == "");
    CHECK(claim("[]", "[0,4]") == "");
    CHECK(claim("[-1]", "[0,4]") ==
          "header: tensor 'a', 'shape' holds the number -1: expected sizes from 0 to 9223372036854775807");
    CHECK(claim("[1.0]", "[0,4]").find("holds the number '1.0'") != std::string::npos);
    CHECK(claim("[9223372036854775808]", "[0,4]").find("holds the number 9223372036854775808") != std::string::npos);
    CHECK(claim("[99999999999999999999]", "[0,4]").find("holds the number '9999") != std::string::npos);
    CHECK(claim("[4294967296,4294967296]", "[0,4]") == "header: tensor 'a' has a shape beyond 64 bits");
    CHECK(claim("[\"1\"]", "[0,4]").find("holds the text '1'") != std::string::npos);
    CHECK(claim("[[1]]", "[0,4]").find("holds an array") != std::string::npos);
    CHECK(claim("[1" + std::string(64, ' ') + ",1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]",
                "[0,4]") == "header: tensor 'a', 'shape' has more than 32 axes");
    CHECK(claim("[2]", "[0,4]") == "header: tensor 'a' has data_offsets [0, 4]: its dtype and shape take 8 bytes");
    CHECK(claim("[1]", "[4,0]").find("has data_offsets [4, 0]") != std::string::npos);
    CHECK(claim("[1]", "[4]") == "header: tensor 'a', 'data_offsets' holds 1: expected two offsets in bytes");
    CHECK(claim("[1]", "[0,4,8]") ==
          "header: tensor 'a', 'data_offsets' holds more than two: expected two offsets in bytes");
    CHECK(claim("[1]", "[0,-4]").find("holds the number -4") != std::string::npos);
    CHECK(claim("[2]", "[0,8]") == "tensor 'a' ends at data byte 8: the file has 4 bytes of data");
    CHECK(claim("[0]", "[0,0]") == "has 4 bytes of data: the tensors take 0");
    CHECK(claim("[1000000000000]", "[0,4000000000000]").find("the file has 4 bytes of data") != std::string::npos);
    CHECK(claim("[1]", "[18446744073709551612,18446744073709551615]").find("its dtype") != std::string::npos);
}

TEST_CASE("data with holes, overlaps or bytes left over") {
    const auto two = [](const std::string& a, const std::string& b, const std::string& data) {
        return refusal_of(with_length(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":)" + a +
                                   R"(},"b":{"dtype":"U8","shape":[2],"data_offsets":)" + b + "}}") +
                       data);
    };
    CHECK(two("[0,2]", "[2,4]", "abcd") == "");
    CHECK(two("[2,4]", "[0,2]", "abcd") == "");
    CHECK(two("[0,2]", "[3,5]", "abcde") == "tensor 'b' begins at data byte 3: expected 2, without hole or overlap");
    CHECK(two("[0,2]", "[1,3]", "abc") == "tensor 'b' begins at data byte 1: expected 2, without hole or overlap");
    CHECK(two("[0,2]", "[0,2]", "ab") == "tensor 'b' begins at data byte 0: expected 2, without hole or overlap");
    CHECK(two("[0,2]", "[2,4]", "abcde") == "has 5 bytes of data: the tensors take 4");
    CHECK(two("[0,2]", "[2,4]", "abc") == "tensor 'b' ends at data byte 4: the file has 3 bytes of data");
}

TEST_CASE("a million brackets are refused at the first that has no place") {
    CHECK(refusal_of(with_length("{\"a\":" + std::string(1'000'000, '['))).find("holds an array") != std::string::npos);
    std::string objects;
    for (int i = 0; i < 100'000; ++i) objects += "{\"dtype\":";
    CHECK(refusal_of(with_length(objects)).find("holds an object") != std::string::npos);
}

TEST_CASE("what has no form in the file is not written") {
    const scratch_file file("old");
    const auto refusal_of = [&](const TensorFile& what) {
        try {
            write_tensor_file(file.path, what);
            return std::string();
        } catch (const error& e) {
            return std::string(e.what()).substr(file.path.string().size() + 2);
        }
    };
    const TensorEntry one = tensor<float>("a", "F32", {1}, {1.0f});
    const auto changed = [&](auto change) {
        TensorEntry other = one;
        change(other);
        return refusal_of({{}, {other}});
    };
    CHECK(refusal_of({{}, {one, one}}) == "cannot write tensor 'a': its name is taken");
    CHECK(changed([](auto& t) { t.name = "__metadata__"; }).find("its name is taken") != std::string::npos);
    CHECK(changed([](auto& t) { t.dtype = "float"; }) == "cannot write tensor 'a': its dtype is unknown");
    CHECK(changed([](auto& t) { t.shape = {2}; }) == "cannot write tensor 'a': its data do not fit its shape");
    CHECK(changed([](auto& t) { t.shape = {-1, -1}; }).find("its data do not fit") != std::string::npos);
    CHECK(changed([](auto& t) { t.shape.assign(33, 1); }).find("more than 32 axes") != std::string::npos);
    CHECK(changed([](auto& t) { t.name = "\xff"; }) == "cannot write the text '?': it is not UTF-8");
    CHECK(refusal_of({{{"k", "\xc0\x80"}}, {}}) == "cannot write the text '?"
                                                   "?': it is not UTF-8");
    CHECK(content(file.path) == "old");
}
