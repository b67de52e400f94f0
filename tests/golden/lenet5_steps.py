#!/usr/bin/python3
"""Ten training steps of LeNet-5 in PyTorch -> lenet5_steps.{index,bin}. Run: python3 tests/golden/lenet5_steps.py

Conv 20@5x5, max pool 2, ReLU, batch norm, Conv 50@5x5, max pool 2, ReLU, Dense 10, softmax cross-entropy (mean); Adam.
Step s trains on images 20 s ... 20 s + 19 of the training sample in apps/data/mnist-sample, scaled x / 255 * 2 - 1.
  stepS/NAME, stepS/dNAME, stepS/loss   float32: parameters before the step, gradients, loss. After each step the
                                        parameters are rounded to float16, so that storing them as float16 is exact, and
                                        nudged until no maximum and no ReLU lies so near its kink that the rounding of
                                        another float32 program could choose the other side.
  free/losses, free/change.NAME, free/bn.running_mean, free/bn.running_var
                                        float64: ten free steps from step0's parameters, nothing rounded on the way.
  images/labels, images/fnv1a64         what the images must be (hash as four 16-bit words, lowest first).
"""
import gzip
import os
import sys

import numpy
import torch
from torch import nn

from golden_file import GoldenFile, fnv1a64

HERE = os.path.dirname(os.path.abspath(__file__))
SAMPLE = os.path.join(HERE, "../../apps/data/mnist-sample")
STEPS, BATCH = 10, 20
NAMES = ["conv1.weight", "conv1.bias", "bn.gamma", "bn.beta", "conv2.weight", "conv2.bias", "dense.weight", "dense.bias"]
QUANTISED = 2e-5  # largest error of a stored gradient over the tensor's largest gradient
ROUNDING = 1e-5  # largest difference of PyTorch's float32 and float64 gradients, in the same measure
NOISE, TRIALS = 1e-6, 20  # put on what the convolutions give, relative to its maximum; gradients then differ at most by
NOISY = 3e-5


def sample(folder):
    with gzip.open(os.path.join(folder, "train-images-idx3-ubyte.gz")) as f:
        pixels = numpy.frombuffer(f.read(), numpy.uint8, STEPS * BATCH * 784, 16).reshape(-1, 1, 28, 28)
    with gzip.open(os.path.join(folder, "train-labels-idx1-ubyte.gz")) as f:
        labels = numpy.frombuffer(f.read(), numpy.uint8, STEPS * BATCH, 8)
    return pixels, labels


def lenet5(dtype):
    return nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.ReLU(), nn.BatchNorm2d(20, eps=1e-5, momentum=0.1),
        nn.Conv2d(20, 50, 5), nn.MaxPool2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(800, 10)).to(dtype)


def adam(net):
    return torch.optim.Adam(net.parameters(), lr=0.001, betas=(0.9, 0.999), eps=1e-8)


def values(tensor):
    return tensor.detach().numpy().astype(numpy.float64)


def set_parameters(net, source):
    with torch.no_grad():
        for p, q in zip(net.parameters(), source):
            p.copy_(q)


def backward(net, x, labels):
    net.zero_grad()
    loss = nn.functional.cross_entropy(net(x), labels)
    loss.backward()
    return loss.item()


def worst_difference(a, b):
    """Over all tensors, max|a - b| over max|b|, the latter at least a thousandth of the largest gradient of all."""
    floor = max(abs(t).max() for t in b) / 1000
    return max(abs(s - t).max() / max(abs(t).max(), floor) for s, t in zip(a, b))


def gradients(net):
    return [values(p.grad) for p in net.parameters()]


def away_from_kinks(net64, x, labels):
    """Whether small noise on the convolutions' outputs leaves the gradients as they are."""
    backward(net64, x, labels)
    clean = gradients(net64)
    noise = [layer.register_forward_hook(lambda _, __, y: y + NOISE * y.detach().abs().max() * (2 * torch.rand_like(y) - 1))
             for layer in net64 if isinstance(layer, nn.Conv2d)]
    try:
        for _ in range(TRIALS):
            backward(net64, x, labels)
            if worst_difference(gradients(net64), clean) > NOISY:
                return False
        return True
    finally:
        for hook in noise:
            hook.remove()


def main():
    torch.manual_seed(1)
    torch.set_num_threads(1)
    pixels, labels = sample(sys.argv[1] if len(sys.argv) > 1 else SAMPLE)
    labels = torch.from_numpy(labels.astype(numpy.int64))
    x64 = torch.from_numpy(pixels.astype(numpy.float64)) / 255 * 2 - 1
    x32 = x64.float()
    batches = [slice(BATCH * s, BATCH * (s + 1)) for s in range(STEPS)]
    out = GoldenFile()
    out.add_exact("images/labels", labels, "u32")
    out.add_exact("images/fnv1a64", [fnv1a64(pixels.tobytes()) >> 16 * i & 0xFFFF for i in range(4)], "u32")

    net, check = lenet5(torch.float32), lenet5(torch.float64)
    nn.init.uniform_(net[3].weight, 0.5, 1.5)  # gamma and beta other than 1 and 0, so that they are seen
    nn.init.uniform_(net[3].bias, -0.5, 0.5)
    optimiser = adam(net)
    for s, part in enumerate(batches):
        nudged = [p.detach().clone() for p in net.parameters()]
        for nudges in range(1000):
            set_parameters(net, [p.half() for p in nudged])
            set_parameters(check, net.parameters())
            if away_from_kinks(check, x64[part], labels[part]):
                break
            nudged = [p + 1e-3 * (2 * torch.rand_like(p) - 1) for p in nudged]
        else:
            raise SystemExit(f"step {s}: no parameters found away from kinks")
        if s == 0:
            initial = [p.detach().clone() for p in net.parameters()]
        loss, loss64 = backward(net, x32[part], labels[part]), backward(check, x64[part], labels[part])
        difference = worst_difference(gradients(net), gradients(check))
        print(f"step {s}: loss {loss:.6f} after {nudges} nudges; float32 and float64 differ by "
              f"{abs(loss - loss64):.1e} in loss, {difference:.1e} in gradients")
        assert difference <= ROUNDING
        out.add_exact(f"step{s}/loss", loss, "f32")
        for name, p in zip(NAMES, net.parameters()):
            out.add_exact(f"step{s}/{name}", values(p), "f16")
        for name, p in zip(NAMES, net.parameters()):
            out.add_scaled(f"step{s}/d{name}", values(p.grad), QUANTISED)
        optimiser.step()

    free = lenet5(torch.float64)
    set_parameters(free, initial)
    optimiser = adam(free)
    losses = []
    for part in batches:
        losses.append(backward(free, x64[part], labels[part]))
        optimiser.step()
    out.add("free/losses", losses)
    for name, p, p0 in zip(NAMES, free.parameters(), initial):
        out.add(f"free/change.{name}", values(p) - values(p0), "f32")
    out.add("free/bn.running_mean", values(free[3].running_mean))
    out.add("free/bn.running_var", values(free[3].running_var))
    out.write(os.path.join(HERE, "lenet5_steps"))


if __name__ == "__main__":
    main()
