#!/usr/bin/env python3
"""PyTorch: the three classifiers of models/, a training step (batch 64, Adam, cross entropy) and inference of LeNet-5.

Random images of MNIST's shape. A step counts at PyTorch's better number of threads, 1 or 2.
`torch_models.py --export FILE` writes LeNet-5 as an ONNX file instead, for ONNX Runtime.
"""
import sys

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


def train_pass(model, threads):
    """6400 images in another order each time, already scaled."""
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    net = MODELS[model]().train()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-6)
    cost_of = nn.CrossEntropyLoss()
    images = torch.rand(6400, 1, 28, 28) * (torch.rand(6400, 1, 28, 28) < 0.2) * 2 - 1
    labels = torch.randint(10, (6400,))

    def step():
        cost = 0
        for chosen in torch.randperm(len(images)).split(64):
            optimizer.zero_grad(set_to_none=True)
            of_batch = cost_of(net(images[chosen]), labels[chosen])
            of_batch.backward()
            optimizer.step()
            cost += of_batch.item()
        return cost
    return step


def inference(model):
    return nn.Sequential(MODELS[model](), nn.Softmax(1)).eval()


def predict(model, batch):
    torch.set_num_threads(1)
    net = torch.jit.freeze(torch.jit.script(inference(model)))
    images = torch.rand(batch, 1, 28, 28) * 2 - 1

    def step():
        with torch.inference_mode():
            return net(images)
    return step


def benchmarks():
    found = {}
    for model in MODELS:
        found[f"{model} train step, 2 threads"] = [
            ("threads: 1", lambda model=model: train_step(model, 1)),
            ("threads: 2", lambda model=model: train_step(model, 2))]
        found[f"{model} pass over 6400 images, 2 threads"] = [
            ("threads: 1", lambda model=model: train_pass(model, 1)),
            ("threads: 2", lambda model=model: train_pass(model, 2))]
    for batch in (1, 64):
        found[f"lenet5 predict, batch {batch}"] = [("threads: 1", lambda batch=batch: predict("lenet5", batch))]
    return found


if __name__ == "__main__":
    if sys.argv[1:2] == ["--export"]:
        torch.onnx.export(inference("lenet5"), torch.rand(1, 1, 28, 28), sys.argv[2], input_names=["input"],
                          dynamic_axes={"input": {0: "n"}}, opset_version=13)
    else:
        harness.main(benchmarks())
