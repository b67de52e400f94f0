#!/usr/bin/env python3
"""Makes mnist-sample/: the first 200 training and 50 test images of each class of the real MNIST, in file order.

usage: make_mnist_sample.py FOLDER     (the four raw IDX files; writes four .gz files into mnist-sample/ beside this script)
"""
import gzip
import struct
import sys
from pathlib import Path


def main(folder):
    out = Path(__file__).parent / "mnist-sample"
    out.mkdir(exist_ok=True)
    for part, per_class in (("train", 200), ("t10k", 50)):
        images = (folder / f"{part}-images-idx3-ubyte").read_bytes()
        labels = (folder / f"{part}-labels-idx1-ubyte").read_bytes()[8:]
        left = [per_class] * 10
        chosen = []
        for i, label in enumerate(labels):
            if left[label] > 0:
                left[label] -= 1
                chosen.append(i)
        count = len(chosen)
        write(out / f"{part}-images-idx3-ubyte.gz", struct.pack(">4I", 0x803, count, 28, 28)
              + b"".join(images[16 + 784 * i:16 + 784 * (i + 1)] for i in chosen))
        write(out / f"{part}-labels-idx1-ubyte.gz", struct.pack(">2I", 0x801, count) + bytes(labels[i] for i in chosen))


def write(path, data):
    path.write_bytes(gzip.compress(data, 9, mtime=0))
    print(path.name, path.stat().st_size, "bytes")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
