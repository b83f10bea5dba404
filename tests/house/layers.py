#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Do includes and calls obey the law of layers?

Run in a build directory: sources give the includes, object files the calls.  The law is
tests/house/layers.txt.  Prints each edge that breaks it, with what makes it one.
"""
import collections
import fnmatch
import os
import re
import subprocess
import sys

SRC = os.environ.get("srcdir", ".")
NM = os.environ.get("NM", "nm").split()
# What the C library defines as well: such a call goes to whatever allocator there is.
OURS = re.compile(r"_?paged?s?_")


class Law:
    def __init__(self, path):
        self.wings, self.rooms, self.up, self.kernel = {}, {}, set(), []
        height = collections.Counter()
        with open(path, encoding="utf-8") as text:
            for line in text:
                words = line.split("#")[0].split()
                if not words:
                    continue
                if words[0] == "wing":
                    self.wings[words[1].rstrip(":")] = set(words[2:])
                elif words[0] == "floors":
                    wing = words[1].rstrip(":")
                    for floor in " ".join(words[2:]).split("|"):
                        height[wing] += 1
                        for room in floor.split():
                            self.rooms[wing + "/" + room] = height[wing]
                elif words[0] == "up":
                    self.up.add((words[1], words[3]))
                elif words[0] == "kernel":
                    self.kernel += words[1:]
                else:
                    sys.exit(f"{path}: what is {words[0]}?")

    def allows(self, user, used):
        wing, other = user.split("/")[0], used.split("/")[0]
        if wing != other:
            return other in self.wings[wing]
        return user == used or self.rooms[used] < self.rooms[user]


def sources():
    for wing in ("src/os", "src/core", "src/vec", "src/heap", "preload"):
        for name in sorted(os.listdir(os.path.join(SRC, wing))):
            if name.endswith((".c", ".h")):
                yield f"{wing}/{name}"


def room_of(path):
    return f"{os.path.basename(os.path.dirname(path))}/{os.path.splitext(os.path.basename(path))[0]}"


def includes(path):
    """Wings that a file's includes reach: its own, or those that the path names."""
    with open(os.path.join(SRC, path), encoding="utf-8") as text:
        for line in text:
            found = re.match(r'#include "([^"]+)"', line)
            if found and "/" in found[1]:
                yield found[1], found[1].split("/")[-2]


def symbols(option, path):
    out = subprocess.run([*NM, "-g", option, path], capture_output=True, text=True, check=True)
    return {line.split()[-1] for line in out.stdout.splitlines() if line.strip()}


def objects(law):
    """Object files by room.  Programs' own are named program-room.o, libraries' lib_la-room.o."""
    found = {}
    for wing in ("src/os", "src/core", "src/vec", "src/heap", "preload"):
        for folder in (wing + "/.libs", wing):
            for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
                room = f"{os.path.basename(wing)}/{re.sub(r'^(.*_la|pages_run)-', '', name[:-2])}"
                if name.endswith(".o") and room in law.rooms:
                    found.setdefault(room, f"{folder}/{name}")
    return found


def calls(files):
    """(user, used): the symbols."""
    owner, edges = {}, collections.defaultdict(set)
    for room, path in files.items():
        for symbol in symbols("--defined-only", path):
            if OURS.match(symbol):
                owner[symbol] = room
    for room, path in files.items():
        for symbol in symbols("--undefined-only", path):
            if owner.get(symbol, room) != room:
                edges[room, owner[symbol]].add(symbol)
    return edges


def main():
    law, wrong = Law(os.path.join(SRC, "tests/house/layers.txt")), []
    for path in sources():
        wing = os.path.basename(os.path.dirname(path))
        if path.endswith(".c") and room_of(path) not in law.rooms and path != "src/core/wx.c":
            wrong.append(f"{path} is on no floor of layers.txt")
        for header, other in includes(path):
            if other in law.wings and other != wing and other not in law.wings[wing]:
                wrong.append(f"{path} may not include {header}")
        with open(os.path.join(SRC, path), encoding="utf-8") as text:
            if re.search(r"^#include <(sys/mman|sys/syscall|linux/|sys/prctl)", text.read(), re.M) \
                    and path.startswith("src/") \
                    and not any(fnmatch.fnmatch(path, k) for k in law.kernel):
                wrong.append(f"{path} may not enter the kernel")
    files = objects(law)
    missing = sorted(room for room in law.rooms if room not in files)
    if missing:
        wrong.append(f"no object file for {' '.join(missing)}")
    edges = calls(files)
    for (user, used), names in sorted(edges.items()):
        if not law.allows(user, used) and (user, used) not in law.up:
            wrong.append(f"{user} may not call {used}: {', '.join(sorted(names))}")
    for user, used in sorted(law.up):
        if (user, used) not in edges:
            wrong.append(f"{user} does not call {used} any more: strike it off")
    print("\n".join(wrong) if wrong else
          f"{len(edges)} edges between {len(files)} rooms, {len(law.up)} of them upwards")
    return 1 if wrong or not edges else 0


if __name__ == "__main__":
    sys.exit(main())
