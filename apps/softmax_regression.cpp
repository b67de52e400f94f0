// Softmax regression on the digits of MNIST: apps/run softmax_regression. Next to read: classifier.hpp.
#include <apps/classifier.hpp>
#include <models/softmax_regression.hpp>

int main(int argc, char** argv) {
    return ikebana::apps::classifier<ikebana::models::SoftmaxRegression>(
        {"softmax_regression", "softmax regression recognises handwritten digits"}, argc, argv);
}
