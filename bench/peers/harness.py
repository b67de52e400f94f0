"""Lets a Python program speak as a Google Benchmark program does (see bench/programs.py)."""
import argparse
import json
import re
import time


def seconds_of(step, at_least, finish):
    """Mean time of a step over at least so many seconds, after some steps that nobody times; finish() waits for those
    that were only asked for."""
    for _ in range(5):
        step()
    finish()
    count, start = 0, time.perf_counter()
    while True:
        step()
        count += 1
        elapsed = time.perf_counter() - start
        if elapsed >= at_least:
            finish()
            return (time.perf_counter() - start) / count


def fastest(ways, at_least, finish):
    """(seconds, label) of the fastest way that works."""
    times, failed, error = [], "", None
    for label, prepare in ways:
        try:
            times.append((seconds_of(prepare(), at_least, finish), label))
        except Exception as raised:  # a library may lack what one of its ways needs
            error, failed = raised, f"{failed}; {label} failed: {type(raised).__name__}"
    if not times:
        raise error
    seconds, label = min(times)
    return seconds, label + failed


def main(benchmarks, finish=lambda: None):
    """benchmarks: {name: [(label, prepare), ...]}, where prepare() gives the step to be timed; the fastest counts, and
    its label names those that failed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--benchmark_list_tests")
    parser.add_argument("--benchmark_filter", default=".")
    parser.add_argument("--benchmark_min_time", type=float, default=0.5)
    parser.add_argument("--benchmark_repetitions", type=int, default=1)
    options, _ = parser.parse_known_args()
    if options.benchmark_list_tests:
        print("\n".join(benchmarks))
        return
    runs = []
    for name, ways in benchmarks.items():
        if re.search(options.benchmark_filter, name):
            for _ in range(options.benchmark_repetitions):
                seconds, label = fastest(ways, options.benchmark_min_time, finish)
                runs.append({"run_name": name, "real_time": seconds * 1e6, "time_unit": "us", "label": label})
    print(json.dumps({"context": {}, "benchmarks": runs}))
