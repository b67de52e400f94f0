#!/usr/bin/env python3
"""Runs the test programs and scripts of a build folder and adds up what they counted.

usage: tests/programs.py BUILD SUITE,... TEXT [--targets | --under=COMMAND... | DOCTEST_OPTION...]
Only tests of the suites named whose name contains TEXT, one a core at a time, those of the highest priority first and
those that use all cores alone at the end.
--targets prints the build targets they need, nothing is run. --under runs doctest programs once more, by that command,
in ten times the time and one after the other.
doctest programs count test cases; a script's last line is `N passed, N failed`. One that ends without a count, by a
signal or by its time limit counts as one failure, as does a doctest program that had nothing to run. The last line
printed here is the sum.
"""
import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

DOCTEST = re.compile(r"^\[doctest\] test cases: *\d+ *\| *(\d+) passed *\| *(\d+) failed", re.M)
SCRIPT = re.compile(r"^(\d+) passed, (\d+) failed$")


def introspect(build, what):
    return json.loads(subprocess.run(["meson", "introspect", build, what], check=True, stdout=subprocess.PIPE).stdout)


def tests(build, suites, text):
    """The tests chosen; a test's suites read "ikebana:programs" in meson's list."""
    return [t for t in introspect(build, "--tests")
            if text in t["name"] and {s.split(":")[-1] for s in t["suite"]} & set(suites)]


def targets(build, chosen):
    needed = {target for test in chosen for target in test["depends"]}
    return [os.path.relpath(file, build) for target in introspect(build, "--targets") if target["id"] in needed
            for file in target["filename"]]


def count(code, output):
    """(passed, failed), and a word on what ended it when it was not its own end."""
    lines = output.splitlines()
    found = DOCTEST.search(output) or (SCRIPT.match(lines[-1]) if lines else None)
    if found is None:
        return 0, 1, f"ended without a count (exit code {code})"
    passed, failed = int(found[1]), int(found[2])
    if passed + failed == 0 and found.re is DOCTEST:
        return 0, 1, "no test case ran"
    if code != 0 and failed == 0:
        return passed, 1, f"exit code {code}"
    return passed, failed, ""


def is_doctest(test):
    return "programs" in {s.split(":")[-1] for s in test["suite"]}


def run(build, test, options, under):
    built = [os.path.abspath(os.path.join(build, word)) for word in test["cmd"]]  # meson's list has relative paths
    command = [path if os.path.exists(path) else word for path, word in zip(built, test["cmd"])]
    command = under + command + (options if is_doctest(test) else [])
    limit = test["timeout"] * (10 if under else 1)
    try:
        done = subprocess.run(command, env={**os.environ, **test["env"]}, cwd=test["workdir"] or build, text=True,
                              errors="replace", timeout=limit, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except subprocess.TimeoutExpired as late:
        return 0, 1, f"not finished after {limit} s", (late.stdout or b"").decode(errors="replace")
    except OSError as error:
        return 0, 1, str(error), ""
    return *count(done.returncode, done.stdout), done.stdout


def main():
    build, suites, text, *options = sys.argv[1:]
    chosen = tests(build, suites.split(","), text)
    if options == ["--targets"]:
        print(" ".join(targets(build, chosen)))
        return 0
    if not chosen:
        raise SystemExit(f"no test of {suites} has '{text}' in its name")
    unders = [[]] + [option.removeprefix("--under=").split() for option in options if option.startswith("--under=")]
    options = [option for option in options if not option.startswith("--under=")]
    runs = [(test, under) for test in sorted(chosen, key=lambda test: -test["priority"])
            for under in unders if not under or is_doctest(test)]

    def timed(one):
        start = time.monotonic()
        return *run(build, one[0], options, one[1]), time.monotonic() - start

    together = [one for one in runs if one[0]["is_parallel"] and len(unders) == 1]
    passed = failed = 0
    for at_once, some in ((os.cpu_count(), together), (1, [one for one in runs if one not in together])):
        with ThreadPoolExecutor(at_once) as pool:
            for (test, under), (good, bad, how, output, took) in zip(some, pool.map(timed, some)):
                passed, failed = passed + good, failed + bad
                if bad or how:
                    print(output, end="" if output.endswith("\n") else "\n")
                name = " under ".join([test["name"], *([" ".join(under)] if under else [])])
                print(f"{name}: {good} passed, {bad} failed ({took:.1f} s){' ' + how if how else ''}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
