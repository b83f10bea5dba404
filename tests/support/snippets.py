# SPDX-License-Identifier: MIT
"""Pieces of programs that documentation shows: made whole, compiled and run.

Used in a build directory.  A piece that is no program becomes the body of a function, and main()
calls it; it returns 0, or something else if it failed.  Compilers are told where each line comes
from.  What a comment says that a piece prints is what it has to print.
"""
import collections
import os
import platform
import re
import shutil
import subprocess
import tempfile

from tree import SRC

BUILD = os.getcwd()
SANITIZED = "SANITIZED" in os.environ
WARNINGS = "-Wall -Wextra -Werror -O2".split()

# line is that of the first line of text; prelude what is included for a piece of C
Snippet = collections.namedtuple("Snippet", "path line text prelude")
MADE_WHOLE = {
    "C": """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
{prelude}
static int
example(void)
{{
#line {line} "{path}"
{body}
return 0;
}}

int
main(void)
{{
	return example() == 0 ? 0 : 1;
}}
""",
    "C++": """
#include <cstdio>
#include <exception>
{prelude}
static void
example()
{{
#line {line} "{path}"
{body}
}}

int
main()
{{
	try {{
		return example(), 0;
	}} catch (const std::exception &e) {{
		return std::puts(e.what()), 1;
	}}
}}
"""}


def language(snippet):
    """What it is written in; None for drawings, tables, and files for other programs"""
    text = snippet.text
    if re.search(r"^#\[|^use \w+::", text, re.M):
        return "Rust"
    if re.search(r"^(import|from) \w+", text, re.M):
        return "Python"
    if re.search(r"^#include <", text, re.M) or (
            re.search(r";\s*(/\*.*\*/|//.*)?$", text, re.M) and re.search(r"\w\(", text) and
            not re.search(r"^(usdt|uprobe|tracepoint):", text, re.M)):
        return "C++" if "::" in text or ".hpp" in text + snippet.prelude else "C"
    return None


def expected(text):
    found = re.findall(r"(?:/\*|//|#) prints (.*?)(?:\*/|$)", text, re.M)
    return [line.strip() for line in found]


def is_outside(line):
    """Does it stand outside of functions?"""
    return line.startswith("#") or re.match(r"PAGED_VEC(_OWNING|_ORDER)?\(", line)


def program(snippet, kind):
    """The source of a whole program"""
    start = f'#line {snippet.line} "{snippet.path}"\n'
    if re.search(r"\bmain\(", snippet.text):
        return start + snippet.text
    lines = snippet.text.splitlines()
    outside = "\n".join(line if is_outside(line) else "" for line in lines)
    body = "\n".join("" if is_outside(line) else line for line in lines)
    return start + outside + MADE_WHOLE[kind].format(
        prelude=snippet.prelude, line=snippet.line, path=snippet.path, body=body)


def run(*command, **options):
    """(status, what it said); -1 if it did not end in a minute"""
    try:
        out = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             errors="replace", timeout=60, check=False, **options)
        return out.returncode, out.stdout
    except subprocess.TimeoutExpired as e:
        return -1, f"does not end\n{e.stdout or ''}"


def does_not_compile(said):
    return "does not compile:\n" + "\n".join(said.splitlines()[:20])


class Workshop:
    """A directory to try pieces in.  Methods return what is wrong, or None; what could not be
    tried is in skipped."""

    def __init__(self):
        self.tmp = tempfile.mkdtemp()
        self.skipped = []
        self.input = os.path.join(self.tmp, "input")
        with open(self.input, "w", encoding="utf-8") as f:
            f.write("3\n1\n2\n")

    def close(self):
        shutil.rmtree(self.tmp)

    def skip(self, snippet, why):
        self.skipped.append(f"{snippet.path}:{snippet.line}: {why}")

    def _checked(self, snippet, command, **env):
        """Run what has been made of the piece, and compare what it prints."""
        with open(self.input, encoding="utf-8") as stdin:
            status, said = run(*command, stdin=stdin, cwd=self.tmp, env={**os.environ, **env})
        want = expected(snippet.text)
        if status != 0:
            return f"ends with {status}:\n{said}"
        if want and said.splitlines() != want:
            return f"prints {said!r}, not {want}"
        return None

    def compiled(self, snippet, kind):
        """C or C++, by each compiler that is there"""
        source = program(snippet, kind)
        compilers = {"C": ("gcc", "clang"), "C++": ("g++", "clang++")}[kind]
        found = [c for c in compilers if shutil.which(c)]
        if not found:
            self.skip(snippet, f"no compiler for {kind}")
        for compiler in found:
            wrong = self._compiled_by(compiler, snippet, kind, source)
            if wrong:
                return f"{compiler}: {wrong}"
        return None

    def _compiled_by(self, compiler, snippet, kind, source):
        fd, name = tempfile.mkstemp(dir=self.tmp)
        os.close(fd)
        file = name + (".c" if kind == "C" else ".cc")
        with open(file, "w", encoding="utf-8") as f:
            f.write(source)
        lib = os.path.join(BUILD, ".libs")
        link = ["-c"] if SANITIZED else [f"{lib}/libpages.so", f"-Wl,-rpath,{lib}"]
        status, said = run(compiler, "-std=c11" if kind == "C" else "-std=c++17", *WARNINGS,
                           f"-I{SRC}/include", file, *link, "-o", name,
                           env={**os.environ, "LC_ALL": "C"})
        if status != 0:
            return does_not_compile(said)
        if SANITIZED:
            return self.skip(snippet, "compiled only: it would need the sanitizers, too")
        if "x86-64" in snippet.text and platform.machine() != "x86_64":
            return self.skip(snippet, "compiled only: it has code for x86-64")
        return self._checked(snippet, [name])

    def python(self, snippet):
        python = os.environ.get("PYTHON_OF_NUMPY")
        if not python or SANITIZED:
            return self.skip(snippet, "pages_numpy is not built, or needs the sanitizers")
        return self._checked(snippet, [python, "-B", "-c", snippet.text],
                             LD_LIBRARY_PATH=f"{BUILD}/.libs",
                             PYTHONPATH=f"{BUILD}/python/.libs:{SRC}/python")

    def rust(self, snippet):
        rustc = os.environ.get("RUSTC", "rustc")
        if SANITIZED or run("sh", "-c", f"{rustc} --version")[0] != 0:
            return self.skip(snippet, "no rustc, or it would need the sanitizers")
        file, lib = os.path.join(self.tmp, "program.rs"), os.path.join(BUILD, ".libs")
        with open(file, "w", encoding="utf-8") as f:
            f.write(snippet.text + "fn main() { assert_eq!(vec![1u8; 1 << 20].len(), 1 << 20); }\n")
        common = [rustc, "--edition", "2021", "-D", "warnings", "-L", f"native={lib}", "-L", "."]
        for more in (["--crate-name", "pages_alloc", "--crate-type", "rlib",
                      f"{SRC}/rust/src/lib.rs"],
                     ["--extern", "pages_alloc=libpages_alloc.rlib", file, "-o", "rust_program"]):
            status, said = run(*common, *more, cwd=self.tmp)
            if status != 0:
                return does_not_compile(said)
        return self._checked(snippet, ["./rust_program"], LD_LIBRARY_PATH=lib)

    def tried(self, snippet):
        """A piece in any language that language() knows"""
        kind = language(snippet)
        if kind in ("C", "C++"):
            return self.compiled(snippet, kind)
        return self.python(snippet) if kind == "Python" else self.rust(snippet)
