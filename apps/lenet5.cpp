// LeNet-5 on the digits of MNIST: apps/run lenet5. Next to read: classifier.hpp, then models/lenet5.hpp.
#include <apps/classifier.hpp>
#include <models/lenet5.hpp>

int main(int argc, char** argv) {
    return ikebana::apps::classifier<ikebana::models::LeNet5>({"lenet5", "LeNet-5 recognises handwritten digits"}, argc,
                                                              argv);
}
