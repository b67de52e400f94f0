"""Ours and the peers' programs in turn, so that whatever the machine does meets both; a ratio of each turn."""
import json
import os

import programs

ALTERNATIONS = 5
HERE = os.path.dirname(os.path.abspath(__file__))


class Peer:
    """A library, its program here, and the program of ours that has benchmarks of the same names."""

    def __init__(self, name, program, ours, needs):
        self.name, self.program, self.ours, self.needs = name, program, ours, needs

    def command(self, build):
        """How its program is started; None if the library is not installed."""
        if self.program.endswith(".py"):
            python = python_with(self.needs)
            return [python, os.path.join(HERE, self.program)] if python else None
        built = os.path.join(build, "bench", "peers", self.program)
        return [built] if self.program in built_here(build) else None


PEERS = [
    Peer("PyTorch", "torch_models.py", "bench_models", "torch"),
    Peer("oneDNN", "peer_onednn", "bench_conv", "libdnnl-dev"),
    Peer("OpenBLAS", "peer_openblas", "bench_dense", "libopenblas-dev"),
]


def python_with(module):
    """The first Python that has a module. Debian's packages are only in its own."""
    for python in ("python3", "/usr/bin/python3"):
        try:
            if programs.execute([python, "-c", f"import {module}"])[2] == 0:
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


def alternate(peer, theirs, build, text, say):
    """What each benchmark of the same name took, here and there, turn by turn."""
    ours = [os.path.join(build, "bench", peer.ours)]
    known = programs.names(theirs)
    shared = [name for name in programs.names(ours) if text in name and name in known]
    turns = {name: ([], [], []) for name in shared}
    for turn in range(ALTERNATIONS if shared else 0):
        say(f"{peer.name}, turn {turn + 1} of {ALTERNATIONS}")
        here, _ = programs.run(ours, programs.exactly(shared), one_thread=True)
        there, _ = programs.run(theirs, programs.exactly(shared), one_thread=not peer.program.endswith(".py"))
        for name, (times, peer_times, labels) in turns.items():
            times += here[name].times
            peer_times += there[name].times
            labels.append(there[name].label)
    return [{"name": name, "peer": peer.name, "label": max(labels, key=labels.count),
             "ours": programs.spread(times)._asdict(), "theirs": programs.spread(peer_times)._asdict(),
             "ratio": programs.spread([b / a for a, b in zip(times, peer_times)])._asdict()}
            for name, (times, peer_times, labels) in turns.items()]


def ratios(build, text, say):
    found = {"alternations": ALTERNATIONS, "skipped": {}, "measured": []}
    for peer in PEERS:
        theirs = peer.command(build)
        if theirs is None:
            found["skipped"][peer.name] = f"{peer.needs} is not installed"
        else:
            found["measured"] += alternate(peer, theirs, build, text, say)
    return found
