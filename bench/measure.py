#!/usr/bin/env python3
"""Runs the benchmark programs of a build folder, prints one table and writes the figures as JSON. See bench/run.

usage: bench/measure.py BUILD --out FILE [--filter TEXT] [--repetitions N] [--against FILE] [--batch N] [--threads N]
       [--peers] [--hip GPU]
"""
import argparse
import datetime
import json
import os
import re
import sys

import programs
import tables
from peers import alternate


def say(text):
    print(f"bench/run: {text}", file=sys.stderr, flush=True)


def bench_names():
    """Those of meson.build, in its order."""
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "meson.build")) as file:
        return re.findall(r"'(\w+)'", re.search(r"^bench_names = \[(.*)\]$", file.read(), re.M)[1])


def machine():
    with open("/proc/cpuinfo") as file:
        model = re.search(r"^model name\s*: (.*)$", file.read(), re.M)
    return f"{model[1] if model else 'unknown CPU'}, {os.cpu_count()} cores"


def figures(samples):
    entry = {"microseconds": programs.spread(samples.times)._asdict()}
    if samples.unit:
        entry.update(unit=samples.unit, rate=programs.spread(samples.rates)._asdict(),
                     share=programs.spread(samples.shares)._asdict())
    if samples.label:
        entry["label"] = samples.label
    return entry


LAYERS = ("conv", "dense", "hip")


def measure(build, names, text, repetitions, chosen, machine):
    """The figures of every program, its peaks, and the reasons why its figures don't count."""
    found = {"date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"), "machine": machine,
             "repetitions": repetitions, "peaks": {}, "void": {}, "failed": {}, "benchmarks": {}}
    for name in names:
        say(f"running {name}")
        program = [os.path.join(build, "bench", f"bench_{name}"), *(chosen.options() if name in LAYERS else [])]
        try:
            samples, context = programs.run(program, programs.containing(text), repetitions)
        except programs.Failure as failure:
            found["failed"][name] = str(failure)
            continue
        found["benchmarks"].update({name: figures(s) for name, s in samples.items()})
        peaks = {key: value for key, value in context.items() if "before" in str(value) and key != "void"}
        if peaks:
            found["peaks"][name] = peaks
        if "void" in context:
            found["void"][name] = context["void"]
    if not found["benchmarks"] and not found["failed"]:
        raise programs.Failure(f"no benchmark's name contains '{text}'")
    return found


def read(path):
    try:
        with open(path) as file:
            old = json.load(file)
        return old if {"benchmarks", "machine", "date"} <= old.keys() else None
    except (OSError, ValueError, AttributeError):
        return None


def write(path, found):
    """Through a neighbour, so that the file of an earlier run stays until the new one is whole."""
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        with open(path + ".part", "w") as file:
            json.dump(found, file, indent=1, ensure_ascii=False)
            file.write("\n")
        os.replace(path + ".part", path)
    except OSError as error:
        raise programs.Failure(f"cannot write {path}: {error.strerror}") from None


def check_writable(path):
    """Said before minutes of measuring, not after."""
    folder = os.path.dirname(os.path.abspath(path))
    while not os.path.exists(folder):
        folder = os.path.dirname(folder)
    if os.path.isdir(path) or not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        raise programs.Failure(f"cannot write {path}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--out", required=True)
    parser.add_argument("--filter", default="")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--against")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--hip", metavar="GPU", help="only the HIP backend, on the GPU of that name")
    options = parser.parse_args()

    old = read(options.against) if options.against else None
    if options.against and old is None:
        raise programs.Failure(f"{options.against} is not a file that bench/run wrote")
    check_writable(options.out)
    chosen = programs.Layers(options.batch, options.threads)
    names = ["hip"] if options.hip else bench_names() if chosen.usual() else [n for n in bench_names() if n in LAYERS]
    found = measure(options.build, names, options.filter, options.repetitions, chosen, options.hip or machine())
    tables.show_figures(found)
    write(options.out, found)
    if old:
        tables.show_changes(old, found, options.filter)
    if options.peers:
        found["ratios"] = alternate.ratios(options.build, options.filter, chosen, say, bool(options.hip))
        write(options.out, found)
        tables.show_ratios(found["ratios"])
        found["failed"].update(found["ratios"]["failed"])
    say(f"figures are in {os.path.relpath(options.out)}")
    if found["failed"]:
        raise programs.Failure("; ".join(found["failed"].values()))
    if found["void"]:
        program, why = next(iter(found["void"].items()))
        raise programs.Failure(f"this run is void, the machine was not quiet: {program}: {why}")


if __name__ == "__main__":
    try:
        main()
    except programs.Failure as failure:
        say(failure)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
