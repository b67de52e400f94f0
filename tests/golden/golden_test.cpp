// The golden files are whole and say what their scripts promise; the loader refuses what is not.
#include "golden.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>

namespace {

const std::string folder = IKEBANA_SOURCE_ROOT "/tests/golden/";
const std::vector<std::string> parameters{"conv1.weight", "conv1.bias", "bn.gamma",     "bn.beta",
                                          "conv2.weight", "conv2.bias", "dense.weight", "dense.bias"};

double largest(const std::vector<double>& values) {
    double m = 0;
    for (const double v : values) m = std::max(m, std::abs(v));
    return m;
}

void write(const std::string& path, const std::string& content) { std::ofstream(path, std::ios::binary) << content; }

} // namespace

TEST_CASE("golden: float16 is decoded") {
    CHECK(golden::from_half(0x0000) == 0.0);
    CHECK(golden::from_half(0x3C00) == 1.0);
    CHECK(golden::from_half(0xC500) == -5.0);
    CHECK(golden::from_half(0x7BFF) == 65504.0);
    CHECK(golden::from_half(0x0001) == std::ldexp(1.0, -24)); // the smallest subnormal
    CHECK(golden::from_half(0x03FF) == std::ldexp(1023.0, -24));
    CHECK(golden::from_half(0x0400) == std::ldexp(1.0, -14));
    CHECK(std::isinf(golden::from_half(0xFC00)));
    CHECK(std::isnan(golden::from_half(0x7E00)));
}

TEST_CASE("golden: FNV-1a of known strings") {
    CHECK(golden::fnv1a64("") == 0xCBF29CE484222325u);
    CHECK(golden::fnv1a64("a") == 0xAF63DC4C8601EC8Cu);
    CHECK(golden::fnv1a64("foobar") == 0x85944171F73967E8u);
}

TEST_CASE("golden: ten steps of LeNet-5 with all parameters and gradients") {
    const golden::File steps(folder + "lenet5_steps");
    CHECK(steps.names().size() == 2 + 10 * 17 + 11);
    CHECK(steps.shape("step0/conv1.weight") == golden::File::Sizes{20, 1, 5, 5});
    CHECK(steps.shape("step9/ddense.weight") == golden::File::Sizes{10, 800});
    double before = 0;
    for (int s = 0; s < 10; ++s) {
        const std::string step = "step" + std::to_string(s) + "/";
        std::size_t count = 0;
        for (const std::string& p : parameters) {
            CAPTURE(step + p);
            count += steps.size(step + p);
            CHECK(steps.shape(step + p) == steps.shape(step + "d" + p));
            CHECK(largest(steps.values(step + p)) < 2);
            CHECK(largest(steps.values(step + "d" + p)) > 1e-4);
        }
        CHECK(count == 33620);
        const double w = steps.values(step + "conv2.weight")[777];
        CHECK(w != before); // the parameters move
        before = w;
    }
    CHECK(steps.value("step0/loss") > 2.0); // nothing learned: about ln 10
    CHECK(steps.value("step9/loss") < 1.5);
}

TEST_CASE("golden: the gradients of the last biases, mean p - y, sum to nothing") {
    const golden::File steps(folder + "lenet5_steps");
    for (int s = 0; s < 10; ++s) {
        double sum = 0;
        for (const double g : steps.values("step" + std::to_string(s) + "/ddense.bias")) sum += g;
        CHECK(std::abs(sum) < 1e-4);
    }
}

TEST_CASE("golden: the free steps begin where the rounded ones do") {
    const golden::File steps(folder + "lenet5_steps");
    const std::vector<double> losses = steps.values("free/losses");
    REQUIRE(losses.size() == 10);
    CHECK(losses[0] == doctest::Approx(steps.value("step0/loss")).epsilon(1e-6));
    CHECK(losses[9] < 1.5);
    for (const std::string& p : parameters) {
        CAPTURE(p);
        CHECK(steps.shape("free/change." + p) == steps.shape("step0/" + p));
        const double change = largest(steps.values("free/change." + p));
        CHECK(change > 1e-3);         // ten steps of Adam with rate 0.001 …
        CHECK(change < 10 * 1.05e-3); // … move a parameter by little more than ten times that
    }
    CHECK(steps.size("free/bn.running_mean") == 20);
    CHECK(steps.size("free/bn.running_var") == 20);
    for (const double v : steps.values("free/bn.running_var"))
        CHECK(v > std::pow(0.9, 10)); // 1 decays, the rest is positive
}

TEST_CASE("golden: the layers' cases are complete") {
    const golden::File layers(folder + "layers");
    CHECK(layers.names().size() == 204);
    CHECK(layers.shape("conv/worked_example/x") == golden::File::Sizes{2, 3, 5, 5});
    CHECK(layers.shape("conv/worked_example/y") == golden::File::Sizes{2, 2, 3, 3}); // (5 - 3 + 2*1)/2 + 1
    for (const std::string& name : layers.names()) {
        const std::size_t slash = name.rfind('/');
        const std::string derived = name.substr(0, slash + 1) + "d" + name.substr(slash + 1);
        CAPTURE(name);
        if (layers.contains(derived)) CHECK(layers.shape(name) == layers.shape(derived));
        for (const double v : layers.values(name)) CHECK(std::isfinite(v));
    }
    const std::vector<double> p = layers.values("cross_entropy/normal/probabilities"),
                              label = layers.values("cross_entropy/normal/labels");
    double loss = 0;
    for (std::size_t n = 0; n < label.size(); ++n) loss -= std::log(p[n * 10 + static_cast<std::size_t>(label[n])]);
    CHECK(loss / static_cast<double>(label.size()) ==
          doctest::Approx(layers.value("cross_entropy/normal/loss")).epsilon(1e-12));
}

TEST_CASE("golden: a missing, shortened or altered file is refused") {
    const std::string stem = (std::filesystem::temp_directory_path() / "ikebana_golden_test").string();
    const std::string values("\0\0\0\0\0\0\xF0\x3F", 8); // 1.0 as float64
    std::ostringstream head;
    head << "golden 1 8 " << std::hex << golden::fnv1a64(values) << "\n";
    const auto refuses = [&](const std::string& index, const std::string& bytes, const char* why) {
        write(stem + ".index", index);
        write(stem + ".bin", bytes);
        CHECK_THROWS_WITH_AS(golden::File{stem}, doctest::Contains(why), ikebana::file_error);
    };
    write(stem + ".index", head.str() + "one f64 2.0 1 0\n");
    write(stem + ".bin", values);
    const golden::File good(stem);
    CHECK(good.value("one") == 2.0);
    CHECK_THROWS_WITH_AS(good.values("two"), doctest::Contains("holds no tensor two"), ikebana::file_error);
    refuses(head.str(), values.substr(1), "has 7 bytes, expected 8");
    refuses(head.str(), std::string(1, '\1') + values.substr(1), "another FNV-1a hash");
    refuses("silver 1 8 0\n", values, "does not begin with");
    refuses(head.str() + "one f64 1.0 2 0\n", values, "one lies outside the 8 bytes");
    refuses(head.str() + "one f64 1.0 1 9\n", values, "one lies outside the 8 bytes");
    refuses(head.str() + "one f80 1.0 1 0\n", values, "line of one");
    refuses(head.str() + "one f64 1.0 1 0\none f64 1.0 1 0\n", values, "names one twice");
    std::filesystem::remove(stem + ".bin");
    CHECK_THROWS_WITH_AS(golden::File{stem}, doctest::Contains("cannot be opened"), ikebana::file_error);
    std::filesystem::remove(stem + ".index");
}
