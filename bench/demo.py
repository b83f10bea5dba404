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
import time

RUNS = 5

NUMPY = """
import numpy as np
a = np.random.default_rng(1).random(5_000_000)
b = np.random.default_rng(2).random(5_000_000)
for _ in range(40):
    c = a * b + a / (b + 1.0) - a * 0.5
print(float(c.sum()))
"""

GROWTH = """
b = bytearray()
piece = bytes(100_000)
while len(b) < 500_000_000:
    b += piece
l = []
for i in range(12_000_000):
    l.append(None)
print(len(b), len(l))
"""

PILLOW = """
from PIL import Image, ImageChops
a = Image.linear_gradient("L").resize((8000, 6000))
b = a.transpose(Image.Transpose.ROTATE_180)
for _ in range(10):
    c = ImageChops.multiply(ImageChops.invert(ImageChops.add(a, b)), a)
print(c.getpixel((77, 99)))
"""

PYTHON = "/usr/bin/python3"     # the one that Debian's packages are for
PROGRAMS = [
    ("NumPy, 40 MB temporaries", [PYTHON, "-c", NUMPY]),
    ("Python, growing to 500 MB", [PYTHON, "-c", GROWTH]),
    ("Pillow, 48 MB images", [PYTHON, "-c", PILLOW]),
]


def run(argv, quiet):
    """Wall, user and system seconds, minor faults, peak MiB, exit status."""
    start = time.monotonic()
    pid = os.fork()
    if pid == 0:
        if quiet:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
        try:
            os.execvp(argv[0], argv)
        except OSError as e:
            print(f"{argv[0]}: {e.strerror}", file=sys.stderr)
            os._exit(127)
    _, status, use = os.wait4(pid, 0)
    wall = time.monotonic() - start
    return (wall, use.ru_utime, use.ru_stime, use.ru_minflt, use.ru_maxrss / 1024), status


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
    elif text:
        print(text, file=sys.stderr, flush=True)


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
        todo = [(os.path.basename(args.command[0]), args.command)] if args.command else PROGRAMS
        results = []
        for name, argv in todo:
            best, report = compare(name, argv, wrapper, directory, not args.command)
            results.append((name, best, report))
        print(f"Best of {RUNS} runs each, in turn; {os.uname().sysname} {os.uname().release},"
              f" {os.cpu_count()} cores.\n")
        show(results)


if __name__ == "__main__":
    main()
