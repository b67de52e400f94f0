#!/usr/bin/env python3
"""PyTorch on a GPU: a training step of the three classifiers of models/ (Adam, cross entropy), replayed as one CUDA graph.

Random images that lie on the GPU. The faster counts: as written, or what torch.compile makes of the model. Full
float32, as ours by default.
"""
import sys

import harness
import torch
from torch import nn
from torch_models import MODELS

COMPILES = hasattr(torch, "compile")  # from version 2 on


def training(model, batch, compiled):
    """step(), which asks for forward, backward and the update of one batch. Its tensors never move."""
    torch.manual_seed(1)
    if compiled:
        torch._dynamo.reset()  # else it takes what differs from the model before for something that varies
    net = MODELS[model]().train().cuda()
    outputs_of = torch.compile(net, dynamic=False) if compiled else net
    # capturable: the optimizer counts its steps on the GPU, where a graph can raise them.
    fused = {"fused": True} if COMPILES else {}  # one kernel, in versions that compile, too
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-6, capturable=True, **fused)
    cost_of = nn.CrossEntropyLoss()  # takes the softmax's input
    images = torch.rand(batch, 1, 28, 28, device="cuda") * 2 - 1
    labels = torch.randint(10, (batch,), device="cuda")

    def step():
        optimizer.zero_grad(set_to_none=True)
        cost_of(outputs_of(images), labels).backward()
        optimizer.step()
    return step


def replayed(step):
    """The same as one graph; what is allocated and compiled the first times must not be in it."""
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()

    def again(graph=graph, held=step):  # the graph reads and writes what only the step holds
        graph.replay()
    return again


def benchmarks():
    ways = [("CUDA graph", False)] + [("torch.compile, CUDA graph", True)] * COMPILES
    return {f"GPU, {model} train step, batch {batch}": [
        (label, lambda model=model, batch=batch, compiled=compiled: replayed(training(model, batch, compiled)))
        for label, compiled in ways] for model in MODELS for batch in (64, 4096)}


if __name__ == "__main__":
    if not torch.cuda.is_available():
        sys.exit("PyTorch finds no GPU")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    harness.main(benchmarks(), torch.cuda.synchronize)
