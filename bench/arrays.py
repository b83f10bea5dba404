#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""NumPy expressions on arrays of 40 MB, with NumPy's own memory and with pages_numpy.

    PYTHONPATH=python/.libs:../python LD_LIBRARY_PATH=.libs python3 ../bench/arrays.py [ROUNDS]

in a build directory.  A process for each run, in turn; the best of the rounds counts.  The
faults are those of the same runs.
"""
import json
import resource
import subprocess
import sys
import time

EXPRESSIONS = {
    "a + b": lambda np, a, b: a + b,
    "(a + b) * (a - b)": lambda np, a, b: (a + b) * (a - b),
    "np.sqrt(a*a + b*b)": lambda np, a, b: np.sqrt(a * a + b * b),
    "np.where(a > b, a, b)": lambda np, a, b: np.where(a > b, a, b),
    "np.zeros(n) + a": lambda np, a, b: np.zeros(len(a)) + a,
    "np.sort(a)[::2].copy()": lambda np, a, b: np.sort(a)[::2].copy(),
}
TIMES = 5


def warm(np, size):
    """The host of a virtual machine gives memory at its first touch: have that done before."""
    for _ in range(2):
        np.full(size // 8, 1.0)


def one_run(mode):
    import numpy as np
    warm(np, 1 << 30)
    if mode == "pages":
        import pages_numpy
        pages_numpy.enable()
    a, b = np.linspace(0, 1, 5_000_000), np.linspace(1, 0, 5_000_000)
    result = {}
    for name, expression in EXPRESSIONS.items():
        expression(np, a, b)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        start = time.perf_counter()
        for _ in range(TIMES):
            expression(np, a, b)
        spent = time.perf_counter() - start
        result[name] = spent / TIMES, (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / TIMES
    print(json.dumps(result))


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    best = {}
    for _ in range(rounds):
        for mode in ("plain", "pages"):
            out = subprocess.run([sys.executable, "-B", __file__, "--run", mode],
                                 stdout=subprocess.PIPE, text=True, check=True).stdout
            for name, figures in json.loads(out).items():
                best[name, mode] = min(best.get((name, mode), figures), figures)
    print(f"{'':24}{'plain ms, faults':>20}{'pages ms, faults':>20}")
    for name in EXPRESSIONS:
        (plain, faults), (ours, our_faults) = best[name, "plain"], best[name, "pages"]
        print(f"{name:24}{plain * 1e3:12.1f}, {faults:6.0f}{ours * 1e3:12.1f}, {our_faults:6.0f}"
              f"   {plain / ours:.2f}x")


if sys.argv[1:2] == ["--run"]:
    one_run(sys.argv[2])
else:
    main()
