#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Do the manual pages and the headers say the same?

Prototypes are given to the compiler: it refuses a function that is declared again with another
type.  For calls that are macros, what they demand of an argument is made exact before, so it
refuses those, too, and shows the line of the page.  Names, constants, members of structs and
error codes are compared as text, in both directions.  So are the functions of pages_numpy, and in
one direction the names of C++.
"""
import ast
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ.get("srcdir", "."), "tests/support"))
import mdoc  # noqa: E402
from tree import SRC, read  # noqa: E402

INCLUDE = os.path.join(SRC, "include")
CC = os.environ.get("CC", "cc").split()
GATES = ["-DPAGES_ENABLE_EXEC", "-DPAGES_ENABLE_WX"]
# Of these the manual says that the header describes them.
TOLD_BY_HEADER = {"pages_stats"}
# What stands for several types in the manual is one of its own here.
CLASSES = "ANY CLOSABLE EXECUTABLE FREEZABLE HANDLE LOCKABLE READABLE WRITABLE".split()
CONST = {"ANY", "EXECUTABLE", "READABLE"}
EXACT = r"""
#include <pages/malloc.h>
#include <pages/paged_vec.h>
#define IS(type, x) _Generic((x), type: (x))
#define SAME(type, x) _Static_assert(__builtin_types_compatible_p(__typeof__(x), type),	\
	"the manual gives this call another type")
#undef PAGES_NEEDS_LENGTH
#undef PAGES_NEEDS_INDEX
#undef PAGES_NEEDS_INTEGER
#undef PAGES_NEEDS_STRING
#undef PAGES_NEEDS_OPTIONS
#undef PAGES_NEEDS_CONST_POINTER
#undef PAGES_NEEDS_ADDRESS
#undef PAGES_NEEDS_FROZEN
#define PAGES_NEEDS_LENGTH(n) IS(size_t, n)
#define PAGES_NEEDS_INDEX(n)	/* an int is what a macro of the header gives: 0 */	\
	_Generic((n), size_t: (n),	\
		int: __builtin_choose_expr(__builtin_constant_p(n), (n), pages_no_number_))
#define PAGES_NEEDS_INTEGER(type, n) IS(type, n)
#define PAGES_NEEDS_STRING(s) IS(const char *, s)
#define PAGES_NEEDS_OPTIONS(...) IS(const struct pages_options *, __VA_ARGS__)
#define PAGES_NEEDS_CONST_POINTER(type, p) IS(const type *, p)
#define PAGES_NEEDS_ADDRESS(p) ((uintptr_t)IS(POINTER, p))
#define PAGES_NEEDS_FROZEN(p) (&IS(const struct pages_frozen *, p)->p_)
/* These are handed to a function, which would convert them. */
#define pages_advise_(p, hint, prot) (IS(enum pages_hint, hint), pages_advise_(p, hint, prot))
#define pages_place_(p, numa, nodes) (IS(enum pages_numa, numa), pages_place_(p, numa, nodes))
#define pages_jit_write_(jit, off, code, len)	\
	(IS(const void *, code), pages_jit_write_(jit, off, code, len))
typedef struct opaque *POINTER;
typedef int RET;
typedef long ARGS;
typedef struct { int i; } TYPE, T;
static int CMP(const T *a, const T *b) { return a->i - b->i; }
PAGED_VEC(NAME, T);
PAGED_VEC_ORDER(NAME, CMP);
"""
bad = 0


def fail(what):
    global bad
    bad = 1
    print("FAIL:", what)


def compiler(*flags, text=""):
    """(status, output) of the compiler for that text"""
    out = subprocess.run([*CC, "-std=gnu11", *GATES, "-I" + INCLUDE, *flags, "-x", "c", "-"],
                         input=text, capture_output=True, text=True, check=False,
                         env={**os.environ, "LC_ALL": "C"})
    return out.returncode, out.stdout if out.returncode == 0 else out.stderr


def preprocessed(*flags, text=EXACT):
    status, out = compiler("-E", *flags, text=text)
    if status != 0:
        sys.exit(out)
    return out


def is_public(name):
    return re.match(r"paged?s?_", name, re.I) and not name.endswith("_")


def comments_of(header):
    return re.findall(r"/\*.*?\*/", header, re.S)


def in_one_line(text):
    return re.sub(r"\s+", " ", text).strip()


def name_of(param):
    """The name in a parameter's declaration; of a type alone, the type."""
    found = re.search(r"\(\*(\w+)\)", param) or re.search(r"(\w+)(\[\d*\])?$", param)
    return found[1] if found else param


class Headers:
    def __init__(self):
        names = sorted(os.listdir(os.path.join(INCLUDE, "pages")))
        self.files = {n: read(INCLUDE, "pages", n) for n in names if n.endswith(".h")}
        whole = preprocessed("-P")
        macros = self._macros("malloc.h", "paged_vec.h")
        # What is for headers only: attributes, checks of arguments, include guards.
        for name in self._macros("attr.h"):
            del macros[name]
        self.macros = {n: p for n, p in macros.items()
                       if is_public(n) and not re.match("PAGES_(NEEDS|ENABLE)_|.*_H$", n)}
        self.gates = {g[2:] for g in GATES}
        exported = read("src/lib/libpages.map")
        self.functions = {n for n in re.findall(r"^\t(\w+);", exported, re.M) if is_public(n)}
        self.of_vectors = {n for n in re.findall(r"\b(NAME_\w+)\s*\(", whole) if n[-1] != "_"}
        self.enums = {name: re.findall(r"\b(PAGES_\w+)\b", body) for name, body in
                      re.findall(r"\benum (\w+) \{(.*?)\}", whole, re.S) if is_public(name)}
        self.structs = {name: self._members(body) for name, body in
                        re.findall(r"\bstruct (\w+) \{(.*?)\}", whole, re.S) if is_public(name)}

    def _macros(self, *names):
        """{name: parameters, or None if it has none}, with what these headers include"""
        text = "".join(f"#include <pages/{name}>\n" for name in names)
        before = set(preprocessed("-dM", text="#include <errno.h>\n#include <stdbool.h>\n"
                                  "#include <stddef.h>\n#include <stdint.h>\n").splitlines())
        new = [line for line in preprocessed("-dM", text=text).splitlines() if line not in before]
        found = [re.match(r"#define (\w+)(?:\(([^)]*)\))?", line) for line in new]
        return {f[1]: f[2] and f[2].split(",") for f in found}

    @staticmethod
    def _members(body):
        members = {}
        body = body.replace("_Bool", "bool")
        for declaration in re.findall(r"[^;]+", body):
            found = re.match(r"\s*(.*?[\s*])(\w+(?:\[\d+\])?(?:, \w+)*)\s*$", declaration, re.S)
            for name in found[2].split(", ") if found else ():
                if name[-1] != "_":
                    members[name.split("[")[0]] = in_one_line(found[1] + name)
        return members

    def parameters(self, name):
        """Their names in the header, or None"""
        if self.macros.get(name):
            return self.macros[name]
        for text in self.files.values():
            code = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
            found = re.search(rf"\b{name}\s*\(([^;{{]*?)\)[^;{{(]*;", code)
            if found:
                return [name_of(in_one_line(p)) for p in found[1].split(",")]
        return None

    def errors_of(self, page):
        """The codes in the comments that are about its functions"""
        codes = set()
        names = set(page.names) | {p.name for p in page.prototypes}
        for text in self.files.values():
            for comment in comments_of(text):
                about = re.split(r"\n \*\n", comment)[0] + "".join(
                    re.findall(r"\sNAME_\w+(?=\()|\tPAGED_VEC\w*(?=\()", comment))
                if names & set(re.findall(r"\w+", about)):
                    codes |= set(re.findall(r"\b(E[A-Z]{3,})\b", comment))
        return codes


def document(pages):
    """{name: (page, prototype)}; each page says in NAME what it has a synopsis of."""
    found = {}
    for page in pages:
        for prototype in page.prototypes:
            found[prototype.name] = page, prototype
        names = {p.name for p in page.prototypes if not p.name.startswith("NAME_")}
        if page.prototypes and names != set(page.names):
            fail(f"{page.path}: NAME and SYNOPSIS differ: {sorted(names ^ set(page.names))}")
    return found


def check_names(headers, documented):
    public = (set(n for n, p in headers.macros.items() if p is not None) |
              headers.functions | headers.of_vectors)
    public -= {"PAGED_VEC_NO_CLONE", "PAGED_VEC_ASCENDING", "PAGED_VEC_DESCENDING"}  # arguments
    for name in sorted(public - set(documented)):
        fail(f"no page has a prototype of {name}")
    for name in sorted(set(documented) - public):
        page, prototype = documented[name]
        fail(f"{page.path}:{prototype.line}: no header has {name}")
    return public & set(documented)


def check_parameters(headers, page, prototype):
    names = [name_of(p) for p in prototype.params]
    here = headers.parameters(prototype.name)
    if here and here[-1] == "...":
        here = here[:-1] + names[len(here) - 1:]
    if here is None or [n.lower() for n in here] != [n.lower() for n in names]:
        fail(f"{page.path}:{prototype.line}: {prototype.name}({', '.join(names)}): "
             f"the header's parameters are {here}")


def check_comment(headers, page, prototype):
    """Functions of vectors: the header has the prototype in a comment."""
    text = f"{prototype.result} {prototype.name}({', '.join(prototype.params)})"
    text = text.replace("* NAME", "*NAME")
    for header in headers.files.values():
        for comment in comments_of(header):
            if in_one_line(text) in in_one_line(comment.replace("\n *", " ")):
                return
    fail(f"{page.path}:{prototype.line}: not in a header's comment: {text}")


def declaration(headers, page, prototype):
    """C that does not compile if the header's types are others; None if there is nothing to say"""
    name, params = prototype.name, ", ".join(prototype.params)
    c = f'#line {prototype.line} "{page.path}"\n'
    if name not in headers.macros or name in headers.functions:
        c += f"{prototype.result} ({name})({params});\n"
    if name not in headers.macros:
        return c
    if prototype.result is None:
        return None
    given = [p for p in prototype.params if " " in p]      # the others are types
    call = f"{name}({', '.join(name_of(p) if p in given else p for p in prototype.params)})"
    return c + (f"static inline void check_{name}({', '.join(given)}) "
                f"{{ SAME({prototype.result}, {call}); }}\n")


def exact_classes():
    c = ""
    for name in CLASSES:
        pointer = ("const " if name in CONST else "") + name + " *"
        c += (f"typedef struct {{ struct pages_raw_ p_; }} {name};\n#undef PAGES_NEEDS_{name}\n"
              f"#define PAGES_NEEDS_{name}(p) (&IS({pointer}, p)->p_)\n")
    return c


def check_types(declarations):
    text = EXACT + exact_classes() + "".join(d for d in declarations if d)
    status, out = compiler("-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter",
                           "-Wno-unused-value", "-Wno-unused-function", text=text)
    if status != 0:
        told = [line for line in out.splitlines() if " error: " in line or "In function" in line or
                re.search(r"\| \.F[no] ", line)]
        fail("prototypes of the manual and the headers differ:\n" + "\n".join(told or [out]))


def check_constants(headers, pages):
    constants = {c for members in headers.enums.values() for c in members}
    plain = {n for n, p in headers.macros.items() if p is None}
    known = constants | set(headers.macros) | headers.gates
    told = set()
    for page in pages:
        for mark in page.marked("Dv", "Li"):
            for name in re.findall(r"\bPAGE[SD]_[A-Z0-9_]+\b", mark.phrase):
                told.add(name)
                if name not in known:
                    fail(f"{page.path}:{mark.line}: no header has {name}")
    for name in sorted((constants | plain | headers.gates) - told):
        fail(f"no page names {name}")
    return len(told)


def check_members(headers, pages):
    members = {m: set() for s in headers.structs.values() for m in s}
    for struct in headers.structs.values():
        for name, text in struct.items():
            members[name].add(text)
    told = set()
    for page in pages:
        known = {name_of(p) for q in page.prototypes for p in q.params}
        kind = ""
        for mark in page.marked("Fa", "Va"):
            name = name_of(mark.phrase)
            told.add(name.split("[")[0])
            if not mark.item or mark.macro != "Fa":
                if mark.macro == "Fa" and name not in members and not known & {name, "*" + name}:
                    fail(f"{page.path}:{mark.line}: {name} is neither a parameter nor a member")
                continue
            kind = mark.phrase[:mark.phrase.rindex(" ") + 1] if " " in mark.phrase else kind
            text = mark.phrase if " " in mark.phrase else kind + mark.phrase
            if text not in {t for texts in members.values() for t in texts}:
                fail(f"{page.path}:{mark.line}: no struct has {text}")
    for name, struct in headers.structs.items():
        for member in sorted(set(struct) - told if name not in TOLD_BY_HEADER else ()):
            fail(f"no page names {member} of struct {name}")
    return len(members)


def check_errors(headers, page):
    told = {m.phrase.lstrip("-") for m in page.marked("Er") if m.section == "ERRORS"}
    here = headers.errors_of(page)
    for code in sorted(told - here):
        fail(f"{page.path}: {code} is not in the header's comments")
    for code in sorted(here - told):
        fail(f"{page.path}: {code} is in the header's comments, but not under ERRORS")
    return len(told)


def check_cxx(page):
    """What the page calls a function is one in some header."""
    names = os.listdir(os.path.join(INCLUDE, "pages"))
    text = "".join(read(INCLUDE, "pages", n) for n in names if n.endswith(".hpp"))
    names = {m.phrase.split()[0].split("<")[0]: m.line for m in page.marked("Fn")}
    for name, line in names.items():
        here = re.search(rf"\b{name.split('::')[-1]}\(|using {name} =", text)
        if not here and not name.startswith("std::"):
            fail(f"{page.path}:{line}: no header for C++ has {name}")
    return len(names)


def check_python(page, path):
    """The synopsis has what the module exports, and the arguments of what is written in Python."""
    module = ast.parse(read(path))
    functions = {f.name: ast.unparse(f.args) for f in module.body if isinstance(f, ast.FunctionDef)}
    names, = (ast.literal_eval(a.value) for a in module.body
              if isinstance(a, ast.Assign) and a.targets[0].id == "__all__")
    synopsis = "".join(d.text for d in page.displays if d.section == "SYNOPSIS")
    told = dict(re.findall(rf"^{page.names[0]}\.(\w+)\((.*)\)$", synopsis, re.M))
    for name in sorted(set(names) ^ set(told)):
        fail(f"{page.path}: {name} is not in both, the synopsis and __all__")
    for name in sorted(set(functions) & set(told)):
        if functions[name] != told[name]:
            fail(f"{page.path}: {name}({told[name]}): the module's is {name}({functions[name]})")
    return len(told)


def main():
    headers = Headers()
    every = mdoc.pages()
    pages = [p for p in every if any(i.endswith(".h") for i in p.includes)]
    documented = document(pages)
    declarations, known = [], check_names(headers, documented)
    for page, prototype in ((p, t) for p in pages for t in p.prototypes if t.name in known):
        if prototype.name in headers.of_vectors:
            check_comment(headers, page, prototype)
        else:
            check_parameters(headers, page, prototype)
        declarations.append(declaration(headers, page, prototype))
    check_types(declarations)
    constants = check_constants(headers, every)
    members = check_members(headers, pages)
    errors = sum(check_errors(headers, page) for page in pages)
    named = {p.names[0]: p for p in every}
    others = (check_cxx(named["pages_cxx"]) +
              check_python(named["pages_numpy"], "python/pages_numpy.py"))
    print(f"{len(every)} pages: {len(declarations)} prototypes, {constants} constants, "
          f"{members} members, {errors} errors, {others} names of other languages")
    return bad


if __name__ == "__main__":
    sys.exit(main())
