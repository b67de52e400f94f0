// What every consumer builds: the README's program.
#include <cstdio>
#include <ikebana/ikebana.hpp>
#include <ikebana/io/mnist.hpp>
#include <ikebana/io/safetensors.hpp>
#include <backends/cpu/cpu.hpp>
using namespace ikebana;
struct LeNet5 : Sequential<Conv<20,5>, Pool<2>, Relu, BatchNorm, Conv<50,5>, Pool<2>, Relu, Dense<10>, Softmax> {};

int main(int, char** argv) {
    Mnist digits(argv[1]);
    Network<Input<1,28,28>, LeNet5, cpu::backend> net(Seed{1});
    Trainer trainer(net, CrossEntropy{}, Adam{.learning_rate = 1e-3f});
    trainer.fit(batch(shuffle(digits.train(), 500), 64), batch(digits.test(), 64), Passes{5}, print_progress);
    save_inference_model("lenet5.safetensors", net.inference());
    std::printf("%d\n", net.inference().predict(digits.test().image(0)).argmax());
}
