# SPDX-License-Identifier: MIT
"""What tests read in the manual pages of this tree: a small reader of mdoc(7)."""
import collections
import glob
import os
import re

import tree

# result is None for a macro that is no expression
Prototype = collections.namedtuple("Prototype", "line result name params")
# text as a reader sees it
Display = collections.namedtuple("Display", "line section text")
# phrase is what macro marks: .It Fa bool can_read , can_write marks two
Mark = collections.namedtuple("Mark", "line section macro phrase item")

CALLABLE = set("Ar Bq Cm Dq Dv Er Fa Fl Fn Ic It Li Nm No Ns Pa Po Pc Pq Ql Qq Sq Va Vt Xr".split())
PUNCTUATION = set(". , ; : ( ) [ ] ? ! |".split())


def words(line):
    return [quoted or bare for quoted, bare in re.findall(r'"([^"]*)"|(\S+)', line)]


def readable(text):
    for escape, shown in ((r"\e", "\\"), (r"\&", ""), (r"\-", "-"), (r"\(dq", '"')):
        text = text.replace(escape, shown)
    return text


class Page:
    def __init__(self, path):
        self.path = path
        self.names, self.defines, self.includes, self.prototypes = [], [], [], []
        self.displays, self.marks = [], []
        self._section, self._result, self._open = "", None, None
        display = None
        for number, line in enumerate(tree.read(path).splitlines(), 1):
            if display is not None:
                if line == ".Ed":
                    self.displays.append(display._replace(text="\n".join(display.text) + "\n"))
                    display = None
                else:
                    display.text.append(readable(line))
            elif re.match(r"\.Bd .*-(literal|unfilled)", line):
                display = Display(number + 1, self._section, [])
            elif line.startswith(".Dl "):
                self.displays.append(Display(number, self._section, readable(line[4:]) + "\n"))
            elif re.match(r"\.[A-Z]", line):
                self._macro(number, *words(line[1:]))

    def _macro(self, number, macro, *args):
        if macro == "Sh":
            self._section = " ".join(args)
        elif self._section == "NAME" and macro == "Nm":
            self.names.append(args[0])
        elif self._section == "SYNOPSIS":
            self._synopsis(number, macro, *args)
        else:
            self._mark(number, macro, *args)

    def _synopsis(self, number, macro, *args):
        if macro == "In":
            self.includes.append(args[0])
        elif macro == "Fd":
            self.defines.append(" ".join(args))
        elif macro == "Ft":
            self._result = " ".join(args)
        elif macro == "Fn":
            self._prototype(number, args[0], [a for a in args[1:] if a != ";"])
        elif macro == "Fo":
            self._open = (number, args[0], [])
        elif macro == "Fa":
            self._open[2].append(args[0])
        elif macro == "Fc":
            self._prototype(*self._open)

    def _prototype(self, number, name, params):
        self.prototypes.append(Prototype(number, self._result, name, params))
        self._result = None

    def _mark(self, number, *tokens):
        item = tokens[0] == "It"
        macro, phrase = "", []
        for token in [*tokens, "."]:
            if token not in CALLABLE and token not in PUNCTUATION:
                phrase.append(token)
                continue
            if phrase:
                self.marks.append(Mark(number, self._section, macro, " ".join(phrase), item))
                phrase = []
            if token in CALLABLE:
                macro = token

    def marked(self, *macros):
        return [m for m in self.marks if m.macro in macros]


def pages():
    found = [path for pattern in ("src/man/*.[1-9]", "preload/*.[1-9]")
             for path in sorted(glob.glob(os.path.join(tree.SRC, pattern)))]
    return [Page(path) for path in found]
