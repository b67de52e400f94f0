#!/usr/bin/env python3
"""Cross-check of safetensors.hpp by the layout rules alone (struct, json, numpy): the program safetensors_example
writes a file that is read here and compared, then a file written here is read by it and compared.
Usage: safetensors.py PROGRAM"""
import json
import os
import struct
import subprocess
import sys
import tempfile

import numpy as np

DTYPES = {"F32": "<f4", "F64": "<f8", "U8": "u1"}
METADATA = {"format": "ikebana", "words": 'quote " backslash \\ line\n tab\t umlaut ä 数'}
TENSORS = {
    "0.weight": np.array([1.5, -2.25, 0.0, 3e-38], "<f4").reshape(2, 1, 2),
    "empty": np.zeros((0, 3), "<f4"),
    "mean ä": np.array([0.1, -1e300, 5e-324], "<f8"),
    "": np.array(7.0, "<f4"),
    "labels": np.array([0, 1, 2, 254, 255], "u1"),
}


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack("<Q", data[:8])
    assert length % 8 == 0, length
    header = json.loads(data[8 : 8 + length].decode("utf-8"))
    data = data[8 + length :]
    metadata = header.pop("__metadata__", {})
    tensors = {}
    end = 0
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        assert first == end, (name, first, end)
        tensors[name] = np.frombuffer(data[first:last], DTYPES[entry["dtype"]]).reshape(entry["shape"])
        end = last
    assert end == len(data), (end, len(data))
    return metadata, tensors


def write(path, metadata, tensors):
    names = {np.dtype(code): name for name, code in DTYPES.items()}
    header, data = {}, b""
    for name, tensor in tensors.items():
        raw = tensor.tobytes()
        header[name] = {"dtype": names[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    header["__metadata__"] = metadata
    text = json.dumps(header).encode("utf-8")  # escapes outside ASCII, unlike safetensors.hpp: both are JSON
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def main():
    program = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "theirs.safetensors")
        subprocess.run([program, "write", path], check=True)
        metadata, tensors = read(path)
        assert metadata == METADATA, metadata
        assert list(tensors) == list(TENSORS), list(tensors)
        for name, wanted in TENSORS.items():
            got = tensors[name]
            assert got.dtype == wanted.dtype and got.shape == wanted.shape and got.tobytes() == wanted.tobytes(), name

        path = os.path.join(folder, "ours.safetensors")
        write(path, METADATA, TENSORS)
        subprocess.run([program, "check", path], check=True)
        write(path, METADATA, dict(TENSORS, labels=np.array([0, 1, 2, 254, 250], "u1")))
        assert subprocess.run([program, "check", path]).returncode == 1, "a changed byte must be noticed"
    print("safetensors: read and written alike by Python's layout rules")


main()
