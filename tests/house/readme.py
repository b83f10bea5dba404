#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Does README tell the truth about what can be typed in?

Commands in its blocks and between its backquotes are run, as those of the manual are; of
./bootstrap and make only those words are looked up that they are given, and make install is run
into a directory, in which pkg-config, CMake and the compiler are then tried.  Pieces of programs
are compiled and run.
"""
import glob
import os
import re
import shutil
import sys
import textwrap

sys.path.insert(0, os.path.join(os.environ.get("srcdir", "."), "tests/support"))
import commands  # noqa: E402
import snippets  # noqa: E402
from tree import SRC, read  # noqa: E402

README = os.path.join(SRC, "README")
COMMAND = r"\./bootstrap |make |build/preload/|pages-(run|stat) |cc |\.ci/|([A-Z_]+=\S+ )+\w"
PROJECT = """cmake_minimum_required(VERSION 3.13)
project(user C)
add_executable(program program.c)
"""


def blocks(text):
    """(line, text) of what is indented after an empty line"""
    lines, start = text.splitlines() + [""], 0
    while start < len(lines):
        end = start
        while end < len(lines) and re.match(r"    |$", lines[end]):
            end += 1
        here = "\n".join(lines[start:end])
        if here.strip() and (start == 0 or lines[start] == ""):
            first = next(i for i in range(start, end) if lines[i])
            yield first + 1, textwrap.dedent(here).strip("\n") + "\n"
        start = max(end, start + 1)


class Readme:
    def __init__(self):
        self.text = read(README)
        self.shop = snippets.Workshop()
        self.directory = commands.Directory(self.shop.tmp)
        self.root = os.path.join(self.shop.tmp, "root")
        self.tried, self.bad = 0, 0

    def judge(self, line, wrong):
        self.tried += 1
        if wrong:
            self.bad += 1
            print(f"FAIL: {README}:{line}: {wrong}")

    def skip(self, line, why):
        self.shop.skipped.append(f"{README}:{line}: {why}")

    def blocks(self):
        for number, block in blocks(self.text):
            snippet = snippets.Snippet(README, number, block, "")
            if re.match(COMMAND, block):
                for i, line in enumerate(block.splitlines()):
                    if line.strip():        # what follows two blanks explains it
                        self.command(number + i, re.split(r"\s{2,}", line.strip())[0])
            elif snippets.language(snippet):
                self.judge(number, self.shop.tried(snippet))
            elif block.startswith("find_package("):
                self.cmake(number, re.sub(r"\)  .*", ")", block))
            else:
                self.skip(number, f"no program: {block.splitlines()[0].strip()}")

    def quoted(self):
        for found in re.finditer(r"`([^`]+)`", self.text):
            line = re.sub(r"\s+", " ", found[1])
            if re.match(COMMAND, line):
                self.command(self.text.count("\n", 0, found.start()) + 1, line)

    def command(self, number, line):
        if line.startswith("./bootstrap "):
            pass                            # bootstrap() has
        elif line == "make -C build install":
            pass                            # install() has
        elif line.startswith("make "):
            self.judge(number, self.make(line))
        elif line.startswith(".ci/"):
            there = os.access(os.path.join(SRC, line), os.X_OK)
            self.judge(number, None if there else f"there is no {line}")
        elif line.startswith("cc "):
            self.linked(number, line)
        else:
            why = self.directory.why_not(line)
            if why:
                self.skip(number, f"{why}: {line}")
            else:
                self.judge(number, self.directory.tried(line))

    def bootstrap(self):
        """The words that it is given, wherever it is mentioned"""
        script = read("bootstrap")
        known = set(re.findall(r"\w+", " ".join(re.findall(r"^([a-z0-9 |]+)\)", script, re.M))))
        roles = set(re.findall(r"^\t([a-z]+)\)", script, re.M))
        for found in re.finditer(r"\./bootstrap (\w+)(?: (\w+))?", self.text):
            wrong = found[1] not in known or found[1] == "packages" and found[2] not in roles
            self.judge(self.text.count("\n", 0, found.start()) + 1,
                       f"./bootstrap does not know {found[0]}" if wrong else None)

    @staticmethod
    def make(line):
        """Are there rules, and the scripts that are run after it?"""
        first, *others = line.split(" && ")
        rules = read(os.path.abspath("Makefile"))
        for target in re.sub(r"-C \S+|-j\d*|\w+=\S+", "", first).split()[1:]:
            if not re.search(rf"^([^#\t:=]* )?{target}(\$\(EXEEXT\))?( [^:=]*)?:", rules, re.M):
                return f"make does not know {target}"
        for other in others:
            script = other.split()[-1].replace("../", SRC + "/")
            if not os.path.exists(script):
                return f"there is no {script}"
        return None

    def install(self):
        """make install, as README says it; elsewhere"""
        number = self.text.count("\n", 0, self.text.index("make -C build install")) + 1
        status, said = snippets.run("make", "-s", "-C", "build", "install", cwd=self.shop.tmp,
                                    env={**self.directory.env, "DESTDIR": self.root})
        self.judge(number, None if status == 0 else f"make install fails:\n{said}")
        with open(os.path.join(self.shop.tmp, "program.c"), "w", encoding="utf-8") as f:
            f.write("int main(void) { return 0; }\n")

    def installed(self, pattern):
        return (glob.glob(f"{self.root}/**/{pattern}", recursive=True) or [""])[0]

    def linked(self, number, line):
        pkgconfig = self.installed("pkgconfig")
        if not pkgconfig or not shutil.which("pkg-config") or not shutil.which("cc"):
            return self.skip(number, f"nothing is installed, or no pkg-config or cc: {line}")
        env = {**self.directory.env, "PKG_CONFIG_LIBDIR": pkgconfig,
               "PKG_CONFIG_SYSROOT_DIR": self.root, "LD_LIBRARY_PATH": os.path.dirname(pkgconfig)}
        status, said = snippets.run("sh", "-c", line + " && ./a.out", cwd=self.shop.tmp, env=env)
        # What pkg-config does not find is no failure of the shell.
        return self.judge(number, f"{line}\n{said}" if status != 0 or said else None)

    def cmake(self, number, text):
        pages = self.installed("cmake/pages")
        if not pages or not shutil.which("cmake"):
            return self.skip(number, "nothing is installed, or no cmake")
        with open(os.path.join(self.shop.tmp, "CMakeLists.txt"), "w", encoding="utf-8") as f:
            f.write(PROJECT + text)
        status, said = snippets.run("sh", "-c", f"cmake -S . -B out -Dpages_DIR='{pages}' && "
                                    "cmake --build out && out/program",
                                    cwd=self.shop.tmp, env=self.directory.env)
        return self.judge(number, None if status == 0 else said)


def main():
    if not os.path.exists(".libs/libpages.so"):
        print("not built: .libs/libpages.so")
        return 99
    readme = Readme()
    if not snippets.SANITIZED:
        readme.install()
    readme.bootstrap()
    readme.blocks()
    readme.quoted()
    print("\n".join(["not tried:"] + readme.shop.skipped))
    print(f"{readme.tried} tried, {readme.bad} bad")
    readme.shop.close()
    return 1 if readme.bad or not readme.tried else 0


if __name__ == "__main__":
    sys.exit(main())
