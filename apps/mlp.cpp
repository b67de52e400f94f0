// A multilayer perceptron on the digits of MNIST: apps/run mlp. Next to read: classifier.hpp, then models/mlp.hpp.
#include <apps/classifier.hpp>
#include <models/mlp.hpp>

int main(int argc, char** argv) {
    return ikebana::apps::classifier<ikebana::models::Mlp>(
        {"mlp", "a multilayer perceptron recognises handwritten digits"}, argc, argv);
}
