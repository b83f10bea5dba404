#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run programs plainly and under pages-run, in turn, and show what changed.

    demo.py --build DIR                 programs that have large allocations
    demo.py --build DIR -- command ...  a command of yours

Every figure is the best of the runs; each program is started afresh each time and
measured by the kernel (wait4).
"""
import argparse
import json
import os
import sys
import tempfile

from programs import GROWTH_PROGRAM, NUMPY_PROGRAM, PILLOW_PROGRAM, progress, run

RUNS = 5

PROGRAMS = [NUMPY_PROGRAM, GROWTH_PROGRAM, PILLOW_PROGRAM]


def compare(name, argv, wrapper, directory, quiet):
    """Best figures of both ways, and what the report says."""
    best = {}
    for i in range(RUNS):
        for way, prefix in (("plain", []), ("pages", [wrapper, "-q", "--"])):
            progress(f"{name}: run {i + 1} of {RUNS}, {way}")
            figures, status = run(prefix + argv, quiet)
            if status != 0:
                progress("")
                sys.exit(f"{name}: {way}: exit status {os.waitstatus_to_exitcode(status)}")
            old = best.get(way, figures)
            best[way] = tuple(map(min, zip(old, figures)))
    report = os.path.join(directory, "report.json")
    run([wrapper, "-q", f"--report={report}", "--"] + argv, True)
    progress("")
    with open(report) as f:
        return best, json.load(f)


def size(n):
    for unit in ("B", "KiB", "MiB"):
        if n < 1024:
            return f"{n:.0f} {unit}"
        n /= 1024
    return f"{n:.1f} GiB"


def show(results):
    head = f"{'':28} {'':6} {'wall s':>7} {'user s':>7} {'sys s':>7} {'faults':>8} {'peak MiB':>9}"
    print(head)
    print("-" * len(head))
    for name, best, _ in results:
        for way in ("plain", "pages"):
            wall, user, system, faults, peak = best[way]
            print(f"{name if way == 'plain' else '':28} {way:6} {wall:7.2f} {user:7.2f} {system:7.2f}"
                  f" {faults:8d} {peak:9.0f}")
        wall, peak = (best["plain"][i] / best["pages"][i] for i in (0, 4))
        print(f"{'':28} {'':6} {wall:6.2f}x faster, peak memory {100 / peak:.0f} %")
    print()
    for name, _, r in results:
        if r["effect"]:
            print(f"{name}: {r['requests']} large requests; served from resident memory"
                  f" {size(r['reused_bytes'])}, moved {size(r['moved_bytes'])}, copied by realloc"
                  f" {size(r['copied_bytes'])}; {r['grown_in_place']} growths in place,"
                  f" {r['grown_by_move']} by moving.")
        else:
            print(f"{name}: no effect: {r['mode']}, no request reached {size(r['threshold'])}.")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build", help="build directory")
    parser.add_argument("command", nargs="*", help="a command of your own, after --")
    args = parser.parse_args()
    wrapper = os.path.abspath(os.path.join(args.build, "preload", "pages-run"))
    with tempfile.TemporaryDirectory(prefix="pages-demo-") as directory:
        todo = [(p.what, p.argv) for p in PROGRAMS]
        if args.command:
            todo = [(os.path.basename(args.command[0]), args.command)]
        results = []
        for name, argv in todo:
            best, report = compare(name, argv, wrapper, directory, not args.command)
            results.append((name, best, report))
        print(f"Best of {RUNS} runs each, in turn; {os.uname().sysname} {os.uname().release},"
              f" {os.cpu_count()} cores.\n")
        show(results)


if __name__ == "__main__":
    main()
