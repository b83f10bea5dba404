#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Do pages-run(1) and pages-stat(1) name what the programs have?

Options against --help, settings against the list that help:true prints, and the keys of a report
in JSON, all but those of struct pages_stats, which the manual says are the header's.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ.get("srcdir", "."), "tests/support"))
import mdoc  # noqa: E402
import tree  # noqa: E402

RUN, STAT = "preload/pages-run", "preload/pages-stat"
SHIM = "preload/.libs/libpages_malloc.so"
bad = 0


def same(what, told, here):
    global bad
    for name in sorted(told - here):
        print(f"FAIL: {what}: the manual has {name}, the program has not")
    for name in sorted(here - told):
        print(f"FAIL: {what}: the program has {name}, the manual has not")
    if told != here or not told:
        bad = 1


def output(*command, **env):
    return subprocess.run(command, env={**os.environ, **env}, text=True, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout


def options(page, program):
    told = {"-" + m.phrase for m in page.marked("Fl")}
    here = set(re.findall(r"(?:^|(?<=[ ;]))--?[a-zA-Z][a-z-]*", output(program, "--help"), re.M))
    same(program, told, here)


def settings(page):
    """Keys and what they can be"""
    told = {m.phrase for m in page.marked("It") if re.match(r"\w+:", m.phrase)}
    shown = output(RUN, "-c", "help:true", "true")
    here = set(re.findall(r"^  (\w+:\S+)", shown, re.M)) - {"record:ID"}     # set by pages-run only
    same("PAGES_CONF", told, here)


def keys(page):
    counters = set(re.findall(r"^\tuint64_t (\w+);", tree.read("include/pages/malloc.h"), re.M))
    told = {w for m in page.marked("Dq") for w in re.findall(r"^[a-z_]+$", m.phrase)}
    with tempfile.TemporaryDirectory() as tmp:
        output(RUN, f"--report={tmp}/r.json", "dd", "if=/dev/zero", "of=/dev/null", "bs=1M", "count=1")
        report = json.loads(tree.read(f"{tmp}/r.json"))
    here = (set(report) | {k for p in report["processes"] for k in p}) - counters
    same("report", told & here | {t for t in told if "_" in t}, here)


def main():
    if not os.path.exists(RUN) or not os.path.exists(STAT):
        print("not built:", RUN, STAT)
        return 99
    for name in ("LD_PRELOAD", "PAGES_CONF", "PAGES_SHIM"):
        os.environ.pop(name, None)
    pages = {p.names[0]: p for p in mdoc.pages()}
    options(pages["pages-run"], RUN)
    options(pages["pages-stat"], STAT)
    if "SANITIZED" in os.environ or not os.path.exists(SHIM):
        print("settings and reports: the shim cannot be preloaded here")
        return bad
    settings(pages["pages-run"])
    keys(pages["pages-run"])
    return bad


if __name__ == "__main__":
    sys.exit(main())
