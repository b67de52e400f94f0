"""What bench/run prints: figures, changes since an earlier run, ratios to peers."""
import sys

CHANGE = 0.05  # a smaller change is none


def microseconds(value):
    """Three digits and a unit."""
    for unit, size in (("µs", 1), ("ms", 1e3), ("s", 1e6)):
        if value < 999.5 * size or unit == "s":
            number = value / size
            return f"{number:.{2 if number < 9.995 else 1 if number < 99.95 else 0}f} {unit}"


def show(title, head, rows):
    """Columns as wide as their widest cell; the first is text, the others are numbers."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    print(f"\n{title}")
    for row in [head, ["-" * width for width in widths], *rows]:
        cells = [cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths))]
        print("  ".join(cells).rstrip())
    sys.stdout.flush()


def show_figures(found):
    rows = []
    for name, entry in found["benchmarks"].items():
        time = entry["microseconds"]
        rows.append([name, microseconds(time["median"]), microseconds(time["min"]), microseconds(time["max"]),
                     f"{entry['rate']['median']:.1f} {entry['unit']:<7}", f"{100 * entry['share']['median']:.0f} %",
                     entry.get("label", "")])
    show(f"{found['machine']}, {found['date'][:10]}, {found['repetitions']} repetitions",
         ["benchmark", "median", "minimum", "maximum", "rate", "of peak", "note"], rows)
    for program, peaks in found["peaks"].items():
        for peak, value in peaks.items():
            print(f"peak of {program}, {peak}: {value}")
    for program in found["void"]:
        print(f"void: {program}: the two peaks are more than 5 % apart")
    for program in found["failed"]:
        print(f"failed: {program}")


def show_changes(old, new, chosen):
    """A change counts when medians are more than 5 % apart and no repetition of one run is within the other's range."""
    rows, marked = [], 0
    for name, entry in new["benchmarks"].items():
        before = old["benchmarks"].get(name)
        if before is None:
            rows.append([name, "", microseconds(entry["microseconds"]["median"]), "", "", "", "new"])
            continue
        was, now = before["microseconds"], entry["microseconds"]
        change = now["median"] / was["median"] - 1
        apart = now["min"] > was["max"] or now["max"] < was["min"]
        mark = ("slower" if change > 0 else "faster") if apart and abs(change) > CHANGE else ""
        marked += mark != ""
        noise = [f"{100 * (t['min'] / t['median'] - 1):.0f}…+{100 * (t['max'] / t['median'] - 1):.0f} %"
                 for t in (was, now)]
        rows.append([name, microseconds(was["median"]), microseconds(now["median"]), *noise,
                     f"{100 * change:+.1f} %", mark])
    show(f"against {old['date'][:16]}", ["benchmark", "then", "now", "noise then", "noise now", "change", ""], rows)
    missing = [name for name in old["benchmarks"] if chosen in name and name not in new["benchmarks"]]
    for name in missing:
        print(f"gone: {name}")
    if old["machine"] != new["machine"]:
        print(f"then it was another machine: {old['machine']}")
    if old.get("void"):
        print("the earlier run was void")
    print(f"{marked} changed by more than 5 % and the spread" if marked else "no change beyond 5 % and the spread")


def show_ratios(ratios):
    rows = [[entry["name"], entry["peer"], entry["label"], microseconds(entry["ours"]["median"]),
             f"{100 * entry['share']:.0f} %", microseconds(entry["theirs"]["median"]),
             *(f"{entry['ratio'][which]:.2f}" for which in ("min", "median", "max"))] for entry in ratios["measured"]]
    show(f"peers, {ratios['alternations']} alternations; a ratio is the peer's time over ours",
         ["benchmark", "peer", "run with", "ours", "of peak", "peer's", "ratio: min", "median", "max"], rows)
    for peer, why in ratios["skipped"].items():
        print(f"skipped: {peer}: {why}")
    for peer, why in ratios["failed"].items():
        print(f"failed: {peer}: {why}")
