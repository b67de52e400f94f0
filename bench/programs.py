"""Benchmark programs, ours and the peers': running one and reading what it says.

All speak as Google Benchmark does: --benchmark_list_tests, --benchmark_filter=REGEX, --benchmark_format=json.
"""
import json
import os
import re
import subprocess
from collections import namedtuple
from statistics import median

# One benchmark of one program: a value a repetition. Times in microseconds; unit is GFLOP/s or GB/s, or '' where the
# program gives no rate; label says how it ran, where that is not in the name.
Samples = namedtuple("Samples", "times rates shares unit label")
Spread = namedtuple("Spread", "min median max")
class Layers(namedtuple("Layers", "batch threads", defaults=(64, 1))):
    """How single layers are run: --batch and --threads of the programs that measure them."""

    def options(self):
        return [f"--batch={self.batch}", f"--threads={self.threads}"]

    def usual(self):
        return self == Layers()


# What Google Benchmark writes behind a name.
APPENDED = r"(/iterations:[0-9]+)?(/(real|manual)_time)?"
MICROSECONDS = {"ns": 1e-3, "us": 1.0, "ms": 1e3, "s": 1e6}


class Failure(Exception):
    """What is said in one line before the exit."""


def spread(values):
    return Spread(min(values), median(values), max(values))


def plain(name):
    """Google Benchmark's name without what it appends."""
    return re.sub(APPENDED + "$", "", name)


def containing(text):
    """The regular expression of names that contain a text; in brackets, as one that begins with - would exclude."""
    return "(" + escaped(text) + ")" if text else "."


def escaped(text):
    return re.sub(r"([.*+?^$()\[\]{}|\\])", r"\\\1", text)


def exactly(names):
    return "^(" + "|".join(escaped(name) for name in names) + ")" + APPENDED + "$"


def execute(command, *options, threads=None):
    """(stdout, stderr, exit code). threads: for libraries that choose their own number of
    threads otherwise."""
    environment = dict(os.environ)
    if threads is not None:
        environment.update(OMP_NUM_THREADS=str(threads), OPENBLAS_NUM_THREADS=str(threads))
    try:
        done = subprocess.run([*command, *options], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, errors="replace")
    except OSError as error:
        raise Failure(f"cannot run {command[0]}: {error.strerror}") from None
    return done.stdout, done.stderr, done.returncode


def title(command):
    """The program: after an interpreter, if it has one."""
    return os.path.basename(command[min(1, len(command) - 1)])


def last_line(text, otherwise):
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else otherwise


def names(command):
    out, err, code = execute(command, "--benchmark_list_tests=true")
    if code != 0:
        raise Failure(f"{title(command)}: {last_line(err, f'exit code {code}')}")
    return [plain(line) for line in out.splitlines() if line]


def run(command, regex, repetitions=1, seconds=0.2, threads=None):
    """({name: Samples} in the program's order, its context). Repetitions of all benchmarks are mixed, so that what the
    machine does meanwhile shows as spread and not as a difference between two benchmarks."""
    out, err, code = execute(command, f"--benchmark_filter={regex}", "--benchmark_format=json",
                             f"--benchmark_repetitions={repetitions}", f"--benchmark_min_time={seconds}",
                             "--benchmark_enable_random_interleaving=true", threads=threads)
    if code != 0:
        raise Failure(f"{title(command)}: {last_line(err, f'exit code {code}')}")
    if not out.strip():
        return {}, {}
    try:
        said = json.loads(out)
    except ValueError:
        raise Failure(f"{title(command)}: its output is not JSON") from None
    found = {}
    for run in sorted(said["benchmarks"], key=lambda run: (run.get("family_index", 0))):
        unit = next((unit for unit in ("GFLOP/s", "GB/s") if unit in run), "")
        samples = found.setdefault(plain(run["run_name"]), Samples([], [], [], unit, run.get("label", "")))
        samples.times.append(run["real_time"] * MICROSECONDS[run["time_unit"]])
        if unit:
            samples.rates.append(run[unit])
            samples.shares.append(run["share"])
    return found, said["context"]
