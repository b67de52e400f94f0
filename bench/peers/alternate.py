"""Ours and the peers' programs in turn, so that whatever the machine does meets both; a ratio of each turn."""
import json
import os
import statistics

import programs

ALTERNATIONS = 5
HERE = os.path.dirname(os.path.abspath(__file__))


class Peer:
    """A library and the program of ours that has benchmarks of the same names as its program here. command(build) says
    how that is started, and is None where the library, which `needs` names, is not installed. Programs of `layers` are
    told their batch and their threads."""

    def __init__(self, name, ours, needs, command, layers=False):
        self.name, self.ours, self.needs, self.command, self.layers = name, ours, needs, command, layers


def built(name):
    def command(build):
        """C++: meson made it if it found the library."""
        return [os.path.join(build, "bench", "peers", name)] if name in built_here(build) else None
    return command


def torch(_):
    python = python_that("import torch")
    return [python, os.path.join(HERE, "torch_models.py")] if python else None


def torch_gpu(_):
    python = python_that("import torch; torch.ones(1, device='cuda')")
    return [python, os.path.join(HERE, "torch_gpu.py")] if python else None


def onnxruntime(build):
    """PyTorch writes its model."""
    model = os.path.join(build, "bench", "peers", "lenet5.onnx")
    export = torch(build)
    try:
        if export is None or programs.execute(["node", "-e", "require('onnxruntime-node')"])[2] != 0:
            return None
    except programs.Failure:  # there is no node
        return None
    err, code = programs.execute(export, "--export", model)[1:]
    if code != 0:
        raise programs.Failure(f"{programs.title(export)}: {programs.last_line(err, f'exit code {code}')}")
    return ["node", os.path.join(HERE, "onnxruntime_models.js"), model]


PEERS = [
    Peer("PyTorch", "bench_models", "torch for Python", torch),
    Peer("oneDNN", "bench_conv", "libdnnl-dev", built("peer_onednn"), layers=True),
    Peer("OpenBLAS", "bench_dense", "libopenblas-dev", built("peer_openblas"), layers=True),
    Peer("ONNX Runtime", "bench_models", "onnxruntime-node for node (with PyTorch, which writes its model)", onnxruntime),
    Peer("dlib", "bench_models", "libdlib-dev", built("peer_dlib")),
]

GPU_PEERS = [Peer("PyTorch", "bench_hip", "a torch for Python that finds the GPU", torch_gpu)]


def python_that(can):
    """The first Python that runs a line. Debian's packages are only in its own."""
    for python in ("python3", "/usr/bin/python3"):
        try:
            if programs.execute([python, "-c", can])[2] == 0:
                return python
        except programs.Failure:
            pass
    return None


def built_here(build):
    """Names of the programs that the build folder was configured for."""
    out, err, code = programs.execute(["meson", "introspect", build, "--targets"])
    if code != 0:
        raise programs.Failure(f"meson introspect: {programs.last_line(err, f'exit code {code}')}")
    return {target["name"] for target in json.loads(out)}


def alternate(peer, theirs, build, text, chosen, say):
    """What each benchmark of the same name took, here and there, turn by turn."""
    ours, threads = [os.path.join(build, "bench", peer.ours)], None
    if peer.layers:
        ours, theirs, threads = ours + chosen.options(), theirs + chosen.options(), chosen.threads
    known = programs.names(theirs)
    shared = [name for name in programs.names(ours) if text in name and name in known]
    turns, shares = {name: ([], [], []) for name in shared}, {name: [] for name in shared}
    turn, void = 0, 0
    while shared and turn < ALTERNATIONS:
        say(f"{peer.name}, turn {turn + 1} of {ALTERNATIONS}")
        here, context = programs.run(ours, programs.exactly(shared))
        there, their_context = programs.run(theirs, programs.exactly(shared), threads=threads)
        if "void" in context or "void" in their_context:
            void += 1
            if void > ALTERNATIONS:
                raise programs.Failure(f"{void} turns were void: the machine is not quiet")
            say("that turn is void, the machine was not quiet")
            continue
        turn += 1
        for name, (times, peer_times, labels) in turns.items():
            shares[name] += here[name].shares
            times += here[name].times
            peer_times += there[name].times
            labels.append(there[name].label or f"threads: {'any' if threads is None else threads}")
    # A turn in which a way of the peer failed is told first.
    told = {name: max(labels, key=lambda label: ("failed" in label, labels.count(label)))
            for name, (_, _, labels) in turns.items()}
    return [{"name": name, "peer": peer.name, "label": told[name], "share": statistics.median(shares[name]),
             "ours": programs.spread(times)._asdict(), "theirs": programs.spread(peer_times)._asdict(),
             "ratio": programs.spread([b / a for a, b in zip(times, peer_times)])._asdict()}
            for name, (times, peer_times, labels) in turns.items()]


def ratios(build, text, chosen, say, on_gpu=False):
    found = {"alternations": ALTERNATIONS, "skipped": {}, "failed": {}, "measured": []}
    for peer in GPU_PEERS if on_gpu else PEERS:
        if not (peer.layers or chosen.usual()):
            found["skipped"][peer.name] = "it runs whole models, whose batch and threads are not chosen"
            continue
        try:
            theirs = peer.command(build)
            if theirs is None:
                found["skipped"][peer.name] = f"{peer.needs} is not installed"
            else:
                found["measured"] += alternate(peer, theirs, build, text, chosen, say)
        except programs.Failure as failure:
            found["failed"][peer.name] = str(failure)
    return found
