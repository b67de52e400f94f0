#!/usr/bin/python3
"""Layers and losses in PyTorch, float64 -> layers.{index,bin}. Run: python3 tests/golden/layers.py

A case is LAYER/CASE/...: x, the parameters (weight, bias, gamma, beta), y, a random dy, and what follows from it: dx,
dweight, dbias, dgamma, dbeta. Nothing given is rounded when stored. No value lies on or near a kink: what max
pooling and ReLU see is a permutation of distinct numbers 1/16 apart, zero left out. Shapes are (N, C, H, W) or (N, I).
"""
import os

import numpy
import torch
from torch import nn
from torch.nn import functional as F

from golden_file import GoldenFile

out = GoldenFile()


def normal(*shape):
    """Normal numbers that float16 holds."""
    return torch.randn(*shape).half().double()


def distinct(*shape):
    """A permutation of numbers 1/16 apart, none of them zero."""
    n = int(numpy.prod(shape))
    return ((torch.randperm(n).double() - n // 2 + 0.5) / 16).reshape(shape)


def put(case, **tensors):
    """Values computed are stored as float64, those given as float16 where it holds them."""
    for name, t in tensors.items():
        v = t.detach().numpy()
        out.add(f"{case}/{name}", v, "f16" if (v.astype("<f2").astype("f8") == v).all() else "f64")


def differentiate(case, f, x, **parameters):
    """Stores y = f(x, parameters) and all gradients for a random dy."""
    x = x.clone().requires_grad_()
    parameters = {k: p.clone().requires_grad_() for k, p in parameters.items()}
    y = f(x, **parameters)
    dy = normal(*y.shape)
    y.backward(dy)
    put(case, x=x, **parameters, y=y, dy=dy, dx=x.grad, **{"d" + k: p.grad for k, p in parameters.items()})


def convolution(case, N, C, H, W, K, R, S=1, P=0, bias=True):
    parameters = {"weight": normal(K, C, R, R) * 0.25}
    if bias:
        parameters["bias"] = normal(K)
    differentiate(f"conv/{case}", lambda x, weight, bias=None: F.conv2d(x, weight, bias, S, P), normal(N, C, H, W), **parameters)


def batch_norm(case, *shape):
    C = shape[1]
    norm = (nn.BatchNorm2d if len(shape) == 4 else nn.BatchNorm1d)(C, eps=1e-5, momentum=0.1).double()
    x, gamma, beta = normal(*shape) * 2 + 1, normal(C) + 1.5, normal(C)

    def train(x, gamma, beta):
        return F.batch_norm(x, norm.running_mean, norm.running_var, gamma, beta, True, norm.momentum, norm.eps)

    differentiate(f"batch_norm/{case}", train, x, gamma=gamma, beta=beta)  # running: from mean 0 and variance 1
    put(f"batch_norm/{case}", running_mean=norm.running_mean, running_var=norm.running_var,
        inference=F.batch_norm(x, norm.running_mean, norm.running_var, gamma, beta, False, 0, norm.eps))


def cross_entropy(case, logits, labels):
    logits = logits.requires_grad_()
    loss = F.cross_entropy(logits, labels)
    loss.backward()
    out.add_exact(f"cross_entropy/{case}/labels", labels, "u32")
    put(f"cross_entropy/{case}", logits=logits, probabilities=logits.softmax(1), loss=loss, dlogits=logits.grad)


def mean_squared_error(case, y, labels):
    """Against the labels' one-hot vectors, mean over batch and values."""
    y = y.requires_grad_()
    loss = F.mse_loss(y, F.one_hot(labels, y.shape[1]).double())
    loss.backward()
    out.add_exact(f"mean_squared_error/{case}/labels", labels, "u32")
    put(f"mean_squared_error/{case}", y=y, loss=loss, dy=y.grad)


def main():
    torch.manual_seed(2)
    convolution("worked_example", 2, 3, 5, 5, K=2, R=3, S=2, P=1)
    convolution("plain", 3, 1, 9, 8, K=4, R=3)
    convolution("stride", 2, 2, 8, 7, K=3, R=3, S=2)
    convolution("padding", 2, 2, 6, 6, K=3, R=5, P=2)
    convolution("stride_and_padding", 2, 3, 7, 5, K=2, R=4, S=3, P=3)
    convolution("pointwise", 2, 5, 4, 3, K=6, R=1)
    convolution("no_bias", 2, 2, 5, 5, K=3, R=3, bias=False)

    for case, shape, window, stride, padding in (
            ("even", (3, 2, 6, 8), 2, 2, 0), ("remainder", (2, 3, 7, 5), 2, 2, 0), ("overlap", (2, 2, 8, 7), 3, 2, 0),
            ("padding", (2, 2, 6, 7), 3, 2, 1), ("gaps", (2, 1, 9, 8), 2, 3, 0)):
        differentiate(f"max_pool/{case}", lambda x: F.max_pool2d(x, window, stride, padding), distinct(*shape))
        differentiate(f"average_pool/{case}", lambda x: F.avg_pool2d(x, window, stride, padding), normal(*shape))
    differentiate("average_pool/padding_not_counted", lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
                  normal(2, 2, 6, 7))

    differentiate("dense/vector", F.linear, normal(4, 7), weight=normal(5, 7), bias=normal(5))
    differentiate("dense/image", lambda x, weight, bias: F.linear(x.flatten(1), weight, bias), normal(3, 2, 3, 4),
                  weight=normal(6, 24), bias=normal(6))
    differentiate("dense/no_bias", F.linear, normal(1, 9), weight=normal(3, 9))
    batch_norm("vector", 6, 5)
    batch_norm("image", 4, 3, 3, 4)
    batch_norm("pair", 2, 3)

    steep = torch.tensor([[-40.0, -12.5, -3, -1e-3, 0.5, 3, 12.5, 40]]).half().double()
    for name, f in (("relu", torch.relu), ("sigmoid", torch.sigmoid), ("tanh", torch.tanh)):
        differentiate(f"{name}/normal", f, distinct(4, 15) / 4)
        differentiate(f"{name}/steep", f, steep)
    differentiate("softmax/normal", lambda x: x.softmax(1), normal(5, 10))
    cross_entropy("normal", normal(6, 10) * 2, torch.tensor([3, 0, 9, 9, 5, 1]))
    cross_entropy("steep", torch.tensor([[800.0, -800, 0], [-1000, 50, 49]]).double(), torch.tensor([2, 1]))
    cross_entropy("alone", normal(1, 4), torch.tensor([2]))

    mean_squared_error("normal", normal(5, 10), torch.tensor([3, 0, 9, 5, 1]))
    mean_squared_error("alone", normal(1, 4), torch.tensor([2]))
    out.write(os.path.join(os.path.dirname(os.path.abspath(__file__)), "layers"))


if __name__ == "__main__":
    main()
