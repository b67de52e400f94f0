"""Writes golden files: NAME.index (text: one tensor a line) and NAME.bin (their values, raw little-endian).

First line of the index:   golden 1 BYTES FNV1A64        size and FNV-1a hash of the .bin file
every further line:        NAME TYPE SCALE SHAPE OFFSET  e.g.  step0/dconv1.weight i16 1.2e-06 20x1x5x5 67240
A value is the stored number times SCALE. Types: f64, f32, f16, i16, u32. Read next: README.md, golden.hpp.
"""
import math
import os

import numpy

TYPES = {"f64": "<f8", "f32": "<f4", "f16": "<f2", "i16": "<i2", "u32": "<u4"}


def fnv1a64(data):
    hash = 0xCBF29CE484222325
    for byte in data:
        hash = ((hash ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return hash


class GoldenFile:
    def __init__(self):
        self.lines, self.data = [], bytearray()

    def add(self, name, values, type="f64"):
        """Stores values; f32, f16 and u32 must hold them exactly enough for what the caller asserts himself."""
        values = numpy.asarray(values, dtype=numpy.float64)
        self._append(name, type, 1.0, values.shape, values.astype(TYPES[type]))

    def add_exact(self, name, values, type):
        """Stores values that `type` holds without any rounding."""
        values = numpy.asarray(values, dtype=numpy.float64)
        assert (values.astype(TYPES[type]).astype(numpy.float64) == values).all(), f"{name}: not exact in {type}"
        self.add(name, values, type)

    def add_scaled(self, name, values, tolerance):
        """Stores values as int16 times max|value| / 32767, and proves that the error is below tolerance * max|value|."""
        values = numpy.asarray(values, dtype=numpy.float64)
        largest = abs(values).max()
        assert largest > 0, f"{name}: all zero"
        scale = float(numpy.float32(largest / 32767 * (1 + 1e-7)))  # rounded up: the largest stays within int16
        stored = numpy.rint(values / scale)
        assert abs(stored).max() <= 32767
        assert abs(stored * scale - values).max() <= tolerance * largest, f"{name}: int16 is too coarse"
        self._append(name, "i16", scale, values.shape, stored.astype(TYPES["i16"]))

    def _append(self, name, type, scale, shape, array):
        assert " " not in name and not math.isnan(float(numpy.sum(array, dtype=numpy.float64)))
        self.data += b"\0" * (-len(self.data) % 8)
        shape = "x".join(map(str, shape)) or "1"
        self.lines.append(f"{name} {type} {scale!r} {shape} {len(self.data)}")
        self.data += array.tobytes()

    def write(self, stem):
        head = f"golden 1 {len(self.data)} {fnv1a64(self.data):016x}"
        for path, content in ((stem + ".bin", bytes(self.data)), (stem + ".index", "\n".join([head, *self.lines, ""]).encode())):
            with open(path + ".part", "wb") as f:
                f.write(content)
            os.replace(path + ".part", path)
        print(f"{stem}: {len(self.lines)} tensors, {len(self.data)} bytes, and an index of {sum(map(len, self.lines)) + len(self.lines)}")
