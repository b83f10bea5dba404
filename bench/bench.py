#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measure every installed allocator in turn, and write one TSV.

    bench.py --build DIR --out DIR            three sweeps, each some ten minutes
    bench.py --build DIR --out DIR --quick    shorter runs, no system calls counted

For every pattern of bench/patterns and every real program all allocators take their
turn before the next one comes, and all of it is repeated, three times at least: what
the machine does meanwhile hits everyone, and one run says nothing.  Before each run a
helper touches memory and frees it, because the host of a virtual machine takes free
memory back within a second; the first touch would then measure the host.
bench/results.py makes tables and plots.
"""
import argparse
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import namedtuple

import results
from programs import GROWTH_PROGRAM, NUMPY_PROGRAM, progress, run, with_files

Allocator = namedtuple("Allocator", "name library settings")
ALLOCATORS = [
    Allocator("glibc", None, {}),
    Allocator("glibc+thp", None, {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}),
    Allocator("jemalloc", "libjemalloc.so.2", {}),
    Allocator("jemalloc+thp", "libjemalloc.so.2", {"MALLOC_CONF": "thp:always,oversize_threshold:0"}),
    Allocator("mimalloc", "libmimalloc.so.2", {}),
    Allocator("mimalloc3", "peers/usr/lib/*/libmimalloc.so.3", {}),
    Allocator("tcmalloc", "libtcmalloc_minimal.so.4", {}),
    Allocator("tbbmalloc", "libtbbmalloc_proxy.so.2", {}),
    Allocator("pages", "preload/.libs/libpages_malloc.so", {}),
]
LIMIT = Allocator("limit", None, {})    # the pattern alone, on resident memory
TIMEOUT = 300


def output(*argv):
    """What a command prints, or nothing."""
    try:
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def find_library(name, build):
    if "/" in name:
        return next(iter(glob.glob(os.path.join(build, name))), None)
    for line in output("/sbin/ldconfig", "-p").splitlines():
        if line.split()[0] == name and "x32" not in line and "i386" not in line:
            return line.split()[-1]
    return None


def version_of(allocator):
    if allocator.library is None:
        return os.confstr("CS_GNU_LIBC_VERSION").split()[-1]
    if allocator.name == "pages":
        return output("git", "-C", os.path.dirname(os.path.abspath(__file__)),
                      "describe", "--always", "--dirty") or "unknown"
    if "/peers/" in allocator.library:
        package = glob.glob(allocator.library.partition("/usr/")[0] + "/*.deb")
        return output("dpkg-deb", "-f", *package, "Version")
    package = output("dpkg-query", "-S", os.path.realpath(allocator.library)).split(":")[0]
    return package and output("dpkg-query", "-W", "-f", "${Version}", package) or "unknown"


def installed(build, wanted):
    """The allocators that are here; says which are not."""
    found = []
    for a in ALLOCATORS:
        if wanted and a.name not in wanted:
            continue
        path = a.library and find_library(a.library, build)
        if a.library and not path:
            print(f"{a.name} is skipped: {a.library} is not installed", file=sys.stderr)
        else:
            found.append(a._replace(library=path))
    return found


def read_line(path, key=""):
    """The first line of a file that starts with key; nothing if there is none."""
    try:
        with open(path) as f:
            return next((line for line in f if line.startswith(key)), "").strip()
    except OSError:
        return ""


def load():
    """What else runs: the averages of 1, 5 and 15 minutes."""
    return read_line("/proc/loadavg").rsplit(" ", 2)[0]


def installed_programs(directory):
    """The programs that are here; says which are not."""
    for p in [NUMPY_PROGRAM, GROWTH_PROGRAM, *with_files(directory)]:
        if shutil.which(p.argv[0]):
            yield p
        else:
            print(f"{p.name} is skipped: no {p.argv[0]}", file=sys.stderr)


def describe(allocators, warm):
    """Machine and versions, as the comment lines of the TSV."""
    thp = "/sys/kernel/mm/transparent_hugepage/"
    cpu = read_line("/proc/cpuinfo", "model name").partition(":")[2].strip()
    ram = int(read_line("/proc/meminfo", "MemTotal").split()[1]) / (1 << 20)
    yield "date", time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    yield "machine", f"{cpu}, {os.cpu_count()} cores, {ram:.0f} GiB"
    yield "kernel", f"{os.uname().sysname} {os.uname().release} {os.uname().machine}"
    yield "THP", f"enabled {read_line(thp + 'enabled')}, defrag {read_line(thp + 'defrag')}"
    yield "load at start", load()
    yield "memory touched and freed before each run", f"{warm} MiB"
    for a in allocators:
        settings = " ".join(f"{k}={v}" for k, v in a.settings.items())
        yield a.name, f"{version_of(a)} {settings}".strip()


def show(step):
    """Where it is, for someone who watches; too much for a log."""
    if sys.stderr.isatty():
        progress(step)


class Bench:
    """Runs one case at a time and appends its row to the TSV."""

    def __init__(self, args, tsv, directory):
        self.args, self.tsv = args, tsv
        self.patterns = os.path.join(args.build, "bench", "patterns")
        self.report = os.path.join(directory, "report.json")
        self.columns = output(self.patterns, "-H").split("\t")
        self.failed = 0

    def warm(self):
        """Free memory of this machine that its host has backed: it lasts for about a second."""
        if self.args.warm:
            subprocess.run([self.patterns, "-w", str(self.args.warm)], check=True)

    def environment(self, allocator):
        env = {k: v for k, v in os.environ.items()
               if k not in ("LD_PRELOAD", "GLIBC_TUNABLES", "MALLOC_CONF", "PAGES_CONF")}
        env.update(allocator.settings)
        if allocator.library:
            env["LD_PRELOAD"] = allocator.library
        if allocator.name == "pages":
            if os.path.exists(self.report):    # of the run before; processes append
                os.unlink(self.report)
            env["PAGES_CONF"] = f"report:{self.report}"
        return env

    def copied(self, allocator):
        """Bytes copied by realloc, from the shim's report; others do not say."""
        if allocator.name != "pages" or not os.path.exists(self.report):
            return ""
        with open(self.report) as f:
            return sum(json.loads(line)["copied_bytes"] for line in f)

    def write(self, row):
        print("\t".join(str(row.get(c, "")) for c in self.columns), file=self.tsv, flush=True)

    def fail(self, allocator, name, why):
        self.failed += 1
        show("")
        print(f"{allocator.name}: {name}: {why}", file=sys.stderr)
        print(f"# failed: {allocator.name}: {name}: {why}", file=self.tsv, flush=True)

    def pattern_row(self, allocator, name, options):
        argv = [self.patterns, "-a", allocator.name, "-t", str(self.args.seconds),
                *self.args.options.split(), *options, name]
        self.warm()
        try:
            done = subprocess.run(argv, env=self.environment(allocator), timeout=TIMEOUT,
                                  capture_output=True, text=True, check=False)
        except subprocess.TimeoutExpired:
            return self.fail(allocator, name, f"not done after {TIMEOUT} s")
        if done.returncode != 0:
            return self.fail(allocator, name, f"status {done.returncode} {done.stderr.strip()}")
        if not done.stdout:    # no limit for this one
            return None
        row = dict(zip(self.columns, done.stdout.rstrip("\n").split("\t")))
        if allocator.library and row["provider"] != os.path.basename(allocator.library):
            return self.fail(allocator, name, f"malloc came from {row['provider']}")
        row["copied"] = self.copied(allocator)
        return row

    def run_pattern(self, allocator, name, sweep):
        options = ["-r", str(sweep)] + (["-l"] if allocator is LIMIT else [])
        row = self.pattern_row(allocator, name, options)
        if row:
            self.write(row)

    def run_program(self, allocator, program, sweep):
        env = self.environment(allocator)
        self.warm()
        use, status = run(program.argv, True, env)
        if status != 0:
            self.fail(allocator, program.name, f"status {os.waitstatus_to_exitcode(status)}")
            return
        self.write({"allocator": allocator.name, "pattern": program.name, "run": sweep, "unit": "s",
                    "value": f"{use.wall:.4f}", "seconds": f"{use.wall:.6f}",
                    "cpu": f"{use.user + use.system:.6f}",
                    "faults": use.faults, "copied": self.copied(allocator),
                    "rss_peak": int(use.peak * (1 << 20))})

    def traced(self, allocator, *command):
        """How many calls for memory and locks the command makes, and what it printed."""
        log = self.report + ".strace"
        done = subprocess.run(
            ["strace", "-f", "--seccomp-bpf", "-qq", "-o", log, "-e",
             "trace=%memory,futex,ioctl,sched_yield", *command],
            env=self.environment(allocator), capture_output=True, text=True, check=False)
        with open(log) as f:
            calls = sum("resumed>" not in line and "+++" not in line for line in f)
        return calls, done.stdout if done.returncode == 0 else ""

    def count_calls(self, allocator, patterns):
        """Run 0 of all patterns: few rounds under strace, for the number of calls alone."""
        start, _ = self.traced(allocator, self.patterns, "-L")
        for name in patterns:
            show(f"system calls: {allocator.name}: {name}")
            calls, line = self.traced(allocator, self.patterns, "-a", allocator.name, "-n", "50",
                                      "-i", "1", "-t", str(self.args.seconds), name)
            if line:
                row = dict(zip(self.columns, line.rstrip("\n").split("\t")))
                self.write({k: row[k] for k in ("allocator", "pattern", "unit", "rounds", "provider")}
                           | {"run": 0, "syscalls": max(0, calls - start)})


def sweep_all(bench, allocators, patterns, programs, sweep):
    """One turn for everyone in everything; who begins changes."""
    first = sweep % len(allocators)
    turn = allocators[first:] + allocators[:first]
    for name in patterns:
        for a in turn + [LIMIT]:
            show(f"sweep {sweep}: {name}: {a.name}")
            bench.run_pattern(a, name, sweep)
    for p in programs:
        for a in turn:
            show(f"sweep {sweep}: {p.name}: {a.name}")
            bench.run_program(a, p, sweep)


def measure(bench, allocators, patterns, programs):
    end = time.monotonic() + 60 * bench.args.minutes
    sweep, longest = 1, 0
    while sweep <= bench.args.sweeps or time.monotonic() + longest < end:
        start = time.monotonic()
        sweep_all(bench, allocators, patterns, programs, sweep)
        took = time.monotonic() - start
        longest = max(longest, took)
        show("")
        print(f"# sweep {sweep}: {took:.0f} s, load afterwards {load()}", file=bench.tsv, flush=True)
        print(f"sweep {sweep}: {took:.0f} s", file=sys.stderr)
        sweep += 1
    if not bench.args.quick and shutil.which("strace"):
        for a in allocators:
            bench.count_calls(a, patterns)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build", help="build directory")
    parser.add_argument("--out", default="bench-results", help="directory for the results")
    parser.add_argument("--quick", action="store_true", help="shorter, no system calls counted")
    parser.add_argument("--sweeps", type=int, default=3, help="so many at least (3)")
    parser.add_argument("--minutes", type=float, help="more sweeps begin while they fit in")
    parser.add_argument("--warm", type=int, default=2048, metavar="MIB",
                        help="touch and free so much before each run (2048)")
    parser.add_argument("--seconds", type=int, help="no new round of a pattern after so many")
    parser.add_argument("--options", default="", help="options for bench/patterns, in one word")
    parser.add_argument("--only", nargs="+", default=[], metavar="PATTERN",
                        help="these patterns")
    parser.add_argument("--no-programs", action="store_true", help="patterns only")
    parser.add_argument("--allocators", nargs="+", default=[], metavar="NAME",
                        choices=[a.name for a in ALLOCATORS],
                        help="these allocators: %(choices)s")
    args = parser.parse_args()
    args.build = os.path.abspath(args.build)
    if args.minutes is None:
        args.minutes = 2 if args.quick else 30
    if args.seconds is None:
        args.seconds = 1 if args.quick else 4
    return args


def main():
    args = arguments()
    os.makedirs(args.out, exist_ok=True)
    allocators = installed(args.build, args.allocators)
    path = os.path.join(args.out, "results.tsv")
    facts = list(describe(allocators, args.warm))    # before results that git knows change
    with tempfile.TemporaryDirectory(prefix="pages-bench-") as directory, open(path, "w") as tsv:
        bench = Bench(args, tsv, directory)
        for key, text in facts:
            print(f"# {key}: {text}", file=tsv)
        known = [line.split("\t") for line in output(bench.patterns, "-L").splitlines()]
        programs = [] if args.no_programs else list(installed_programs(directory))
        for name, unit, what in known + [(p.name, "s", p.what) for p in programs]:
            print(f"# pattern: {name}: {unit}: {what}", file=tsv)
        print("\t".join(bench.columns), file=tsv)
        measure(bench, allocators, args.only or [name for name, _, _ in known], programs)
    results.write_all(path, args.out)
    return 1 if bench.failed else 0


if __name__ == "__main__":
    sys.exit(main())
