#!/usr/bin/env python3
"""Cross-check of safetensors.hpp by the layout rules alone (struct and json): what the program safetensors_example
writes is read here and compared, then files written here are read by it and compared.
Usage: safetensors.py PROGRAM"""
import json
import os
import struct
import subprocess
import sys
import tempfile

CODES = {"F32": "f", "F64": "d", "U8": "B"}
METADATA = {"format": "ikebana", "words": 'quote " backslash \\ line\n tab\t umlaut ä 数'}
TENSORS = {  # name: dtype, shape, values
    "0.weight": ("F32", [2, 1, 2], [1.5, -2.25, 0.0, 3e-38]),
    "empty": ("F32", [0, 3], []),
    "mean ä": ("F64", [3], [0.1, -1e300, 5e-324]),
    "": ("F32", [], [7.0]),
    "labels": ("U8", [5], [0, 1, 2, 254, 255]),
}


def raw(tensor):
    dtype, _, values = tensor
    return struct.pack(f"<{len(values)}{CODES[dtype]}", *values)


def read(path):
    """Metadata and {name: (dtype, shape, bytes)} of a file, in the header's order."""
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack("<Q", data[:8])
    assert length % 8 == 0, length
    header = json.loads(data[8 : 8 + length].decode("utf-8"))
    data = data[8 + length :]
    metadata = header.pop("__metadata__", {})
    tensors, end = {}, 0
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        assert first == end, (name, first, end)
        tensors[name] = (entry["dtype"], entry["shape"], data[first:last])
        end = last
    assert end == len(data), (end, len(data))
    return metadata, tensors


def write(path, metadata, tensors):
    header, data = {}, b""
    for name, tensor in tensors.items():
        end = len(data) + len(raw(tensor))
        header[name] = {"dtype": tensor[0], "shape": tensor[1], "data_offsets": [len(data), end]}
        data += raw(tensor)
    header["__metadata__"] = metadata  # last, and json escapes what is not ASCII: allowed, and unlike safetensors.hpp
    text = json.dumps(header).encode("utf-8")
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def cpp_writes_python_reads(program, path):
    subprocess.run([program, "write", path], check=True)
    metadata, tensors = read(path)
    assert metadata == METADATA, metadata
    assert tensors == {name: (t[0], t[1], raw(t)) for name, t in TENSORS.items()}, tensors
    assert list(tensors) == list(TENSORS), list(tensors)


def python_writes_cpp_reads(program, path):
    write(path, METADATA, TENSORS)
    subprocess.run([program, "check", path], check=True)


def a_changed_byte_is_noticed(program, path):
    write(path, METADATA, dict(TENSORS, labels=("U8", [5], [0, 1, 2, 254, 250])))
    assert subprocess.run([program, "check", path]).returncode == 1


passed = failed = 0
for check in cpp_writes_python_reads, python_writes_cpp_reads, a_changed_byte_is_noticed:
    with tempfile.TemporaryDirectory() as folder:
        try:
            check(sys.argv[1], os.path.join(folder, "example.safetensors"))
            passed += 1
        except (AssertionError, subprocess.CalledProcessError) as reason:
            print(f"{check.__name__}: {reason}")
            failed += 1
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
