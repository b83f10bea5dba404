# SPDX-License-Identifier: MIT
"""Command lines that documentation shows, run in a directory that has what they speak of.

Their programs are stand-ins, and processes that they name are one that is started for it.  A
command has to succeed, to say or to write something, and to warn of nothing.
"""
import glob
import os
import re
import shutil
import subprocess
import time

from snippets import BUILD, SANITIZED, run

SHIM = os.path.join(BUILD, "preload/.libs/libpages_malloc.so")
# Takes a large block and ends soon
PROGRAM = """#!/bin/sh
echo "a program"
dd if=/dev/zero of=/dev/null bs=1M count=4 2>/dev/null
sleep 0.15
"""
# What is run as it is.  At the beginning of a command, all else is not for a test.
REAL = {"gnuplot", "jq", "make", "mv", "pages-run", "pages-stat", "python3", "readelf", "timeout",
        "true"}
BUILTIN = {"cd", "eval", "set", "[", "{", "}"}
BEGINS = r"(?:^|[|&;{]\s+)(?:[A-Z_]+=\S+\s+)*([^\s|&;]+)"
# What pages-run, or LD_PRELOAD, starts
STARTED = r"(?:pages-run(?:\s+(?:-[tc]\s+\S+|-\S*))*|LD_PRELOAD=\S+)\s+(?=([^\s-]\S*))"


def commands_of(text):
    """The lines after prompts; a script without any is one; none if it is something else."""
    if re.match(r"\$ |# pages-", text):
        lines = text.replace("\\\n", " ").splitlines()
        return [line[2:] for line in lines if re.match(r"\$ |# pages-", line)]
    return [text] if re.match(r"cd |plot '", text) else []


class Directory:
    def __init__(self, tmp):
        self.tmp = tmp
        self.bin = os.path.join(tmp, "bin")
        os.mkdir(self.bin)
        os.symlink(BUILD, os.path.join(tmp, "build"))
        for name in ("pages-run", "pages-stat"):
            os.symlink(os.path.join(BUILD, "preload", name), os.path.join(self.bin, name))
        self._write("Makefile", "all:\n\t@echo made\n")
        self.env = {k: v for k, v in os.environ.items()
                    if not re.match("PAGES_|LD_PRELOAD|MAKEFLAGS|MFLAGS|MAKELEVEL", k)}
        self.env["PATH"] = f"{self.bin}:{os.environ['PATH']}"

    def _write(self, name, text):
        with open(os.path.join(self.tmp, name), "w", encoding="utf-8") as f:
            f.write(text)
        return f.name

    def why_not(self, line):
        """Why this machine or a test cannot run the line; None if it can"""
        if SANITIZED or not os.path.exists(SHIM):
            return "the shim cannot be preloaded here"
        line = re.sub(r"^plot ", "gnuplot ", re.sub(r"'[^']*'", "''", line))
        started = re.findall(STARTED, line)
        begins = re.sub(r"build/preload/", "", " ; ".join(re.findall(BEGINS, line))).split(" ; ")
        for name in begins + started + ["gnuplot"] * ("--plot" in line):
            if name not in REAL | BUILTIN | set(started):
                return f"{name} is not for a test"
            if name in REAL and not shutil.which(name, path=self.env["PATH"]):
                return f"no {name}"
        for name in re.findall(r"--small=([a-z]+)", line):
            if not glob.glob(f"/usr/lib*/lib{name}*.so*") + glob.glob(f"/usr/lib/*/lib{name}*.so*"):
                return f"no {name}"
        missing = [f for f in re.findall(r"LD_PRELOAD=(/\S+)", self.localized(line))
                   if not os.path.exists(f)]
        return f"no {missing[0]}" if missing else None

    def localized(self, line):
        """With paths of this build, and of this directory: nothing is written elsewhere"""
        elsewhere = r"(?<![\w.])/(?:etc|home|opt|root|run|srv|tmp|var)/[\w./-]+"
        for path in set(re.findall(elsewhere, line)):
            folder = path if f"cd {path}" in line else os.path.dirname(path)
            os.makedirs(self.tmp + folder, exist_ok=True)
            line = line.replace(path, self.tmp + path)
        line = re.sub(r"/\S+/libpages_malloc\.so|(?<=LD_PRELOAD=)\.\.\.", SHIM, line)
        if line.startswith("plot "):
            self._write("drawn.gp", f"set terminal svg\nset output 'drawn.svg'\n{line}\n")
            line = "gnuplot drawn.gp"
        return line

    def furnish(self, line):
        """A stand-in for each program that is started, here and in PATH"""
        for name in re.findall(STARTED, line):
            if name not in REAL and re.fullmatch(r"(\./)?[\w.-]+", name):
                path = self._write(os.path.basename(name), PROGRAM)
                os.chmod(path, 0o755)
                shutil.copy(path, self.bin)

    def serve(self):
        """A process with a large block, which ends when its input does, and its name"""
        name = f"server{os.getpid()}"
        path = os.path.join(self.tmp, name)
        if not os.path.exists(path):
            shutil.copy(shutil.which("dd"), path)
        server = subprocess.Popen([path, "bs=1M"], env={**self.env, "LD_PRELOAD": SHIM},
                                  stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        end = time.monotonic() + 10
        while time.monotonic() < end and run(f"{self.bin}/pages-stat", str(server.pid))[0] != 0:
            time.sleep(0.02)
        return server, name

    def tried(self, line):
        """What is wrong, or None"""
        line = self.localized(line)
        self.furnish(line)
        server = None
        looks = re.search(r"pages-stat\b(?!.*--plot)[^|>;&]*", line)
        if looks:
            server, name = self.serve()
            asked = re.sub(r"(?<=\s)\d+(?=\s|$)", str(server.pid), looks[0])
            asked = re.sub(r"(?<=\s)[a-z][\w-]*(?=\s|$)", name, asked)
            line = line.replace(looks[0], asked)
        before = set(os.listdir(self.tmp))
        shell = subprocess.Popen(["sh", "-c", line], cwd=self.tmp, env=self.env, text=True,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, errors="replace")
        try:
            if server:
                # Long enough for two samples, or until all were looked at
                life = 40 if "--all" in line else 2.3 if "--interval" in line else 0.8
                self._end(server, shell, life)
            said = shell.communicate(timeout=40)[0]
        except subprocess.TimeoutExpired:
            shell.kill()
            return f"does not end: {line}"
        return self._verdict(line, shell.returncode, said, before)

    @staticmethod
    def _end(server, shell, life):
        """The process that is looked at ends with the command, but after so many seconds."""
        try:
            shell.wait(life)
        except subprocess.TimeoutExpired:
            pass
        server.stdin.close()
        server.wait()

    def _verdict(self, line, status, said, before):
        # Of all processes some may be inactive, or not to be read: pages-stat(1), EXIT STATUS.
        if not 0 <= status <= (3 if "--all" in line else 0):
            return f"ends with {status}: {line}\n{said}"
        warning = r"cannot be preloaded|^pages-(run|stat): (?!.* runs each, in turn)"
        if "--all" not in line and re.search(warning, said, re.M):
            return f"warns: {line}\n{said}"
        for option, file in re.findall(r"--(report|record|plot)=(\S+)", line):
            written = os.path.join(self.tmp, file + (".svg" if option == "plot" else ""))
            if not os.path.exists(written) or os.path.getsize(written) == 0:
                return f"writes no {written}: {line}\n{said}"
        written = set(os.listdir(self.tmp)) - before
        if not said and not written and not re.search(r">|\$\(", line):
            return f"says nothing: {line}"
        return None
