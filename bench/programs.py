# SPDX-License-Identifier: MIT
"""Real programs with large allocations, and how they are run and measured."""
import os
import sys
import time
from collections import namedtuple

PYTHON = "/usr/bin/python3"     # the one that Debian's packages are for

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

SQLITE = """
create table t(b);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 20)
insert into t select zeroblob(4000000 + 1000 * i) from n;
select sum(length(replace(hex(b), '00', 'ab'))) from t;
"""

Program = namedtuple("Program", "name what argv")

NUMPY_PROGRAM = Program("numpy", "NumPy, 40 MB temporaries", [PYTHON, "-c", NUMPY])
GROWTH_PROGRAM = Program("python-growth", "Python, growing to 500 MB", [PYTHON, "-c", GROWTH])
PILLOW_PROGRAM = Program("pillow", "Pillow, 48 MB images", [PYTHON, "-c", PILLOW])


def write_lines(path, count):
    """Lines in no order, the same every time."""
    x = 1
    with open(path, "w") as f:
        for _ in range(count):
            x = x * 6364136223846793005 + 1442695040888963407 & (1 << 64) - 1
            f.write(f"{x:016x} {x >> 40}\n")


def with_files(directory):
    """Programs that read files, which are written to directory first."""
    few, many = (os.path.join(directory, name) for name in ("few", "many"))
    write_lines(few, 100_000)
    write_lines(many, 1_500_000)
    return [
        Program("sqlite3", "sqlite3, 4 MB blobs in memory", ["sqlite3", ":memory:", SQLITE]),
        Program("sort", "sort -S 512M of 38 MB", ["sort", "-S", "512M", "-o", "/dev/null", many]),
        Program("xz", "xz -9 of 2.5 MB", ["xz", "-9", "-kc", few]),
    ]


Use = namedtuple("Use", "wall user system faults peak")    # seconds; MiB


def run(argv, quiet, env=None):
    """What the command used, as the kernel counted it (wait4), and its exit status."""
    start = time.monotonic()
    pid = os.fork()
    if pid == 0:
        if quiet:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
        try:
            os.execvpe(argv[0], argv, os.environ if env is None else env)
        except OSError as e:
            print(f"{argv[0]}: {e.strerror}", file=sys.stderr)
            os._exit(127)
    _, status, use = os.wait4(pid, 0)
    wall = time.monotonic() - start
    return Use(wall, use.ru_utime, use.ru_stime, use.ru_minflt, use.ru_maxrss / 1024), status


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
    elif text:
        print(text, file=sys.stderr, flush=True)
