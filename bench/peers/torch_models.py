#!/usr/bin/env python3
"""PyTorch: the three classifiers of models/, a training step (batch 64, Adam, cross entropy) and inference of LeNet-5.

Random images of MNIST's shape. A step counts at PyTorch's better number of threads, 1 or 2.
"""
import harness
import torch
from torch import nn

MODELS = {
    "lenet5": lambda: nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.ReLU(), nn.BatchNorm2d(20),
        nn.Conv2d(20, 50, 5), nn.MaxPool2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(800, 10)),
    "mlp": lambda: nn.Sequential(
        nn.Flatten(), nn.Linear(784, 200), nn.ReLU(), nn.Linear(200, 200), nn.ReLU(), nn.Linear(200, 10)),
    "softmax_regression": lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 10)),
}


def train_step(model, threads):
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    net = MODELS[model]().train()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-6)
    cost_of = nn.CrossEntropyLoss()  # takes the softmax's input
    images, labels = torch.rand(64, 1, 28, 28) * 2 - 1, torch.randint(10, (64,))

    def step():
        optimizer.zero_grad(set_to_none=True)
        cost = cost_of(net(images), labels)
        cost.backward()
        optimizer.step()
        return cost.item()
    return step


def predict(model, batch):
    torch.set_num_threads(1)
    net = torch.jit.freeze(torch.jit.script(nn.Sequential(MODELS[model](), nn.Softmax(1)).eval()))
    images = torch.rand(batch, 1, 28, 28) * 2 - 1

    def step():
        with torch.inference_mode():
            return net(images)
    return step


if __name__ == "__main__":
    benchmarks = {f"{model} train step, 2 threads": [(f"{n} thread" + "s" * (n > 1), lambda m=model, n=n: train_step(m, n))
                                                     for n in (1, 2)] for model in MODELS}
    benchmarks.update({f"lenet5 predict, batch {n}": [("1 thread", lambda n=n: predict("lenet5", n))] for n in (1, 64)})
    harness.main(benchmarks)
