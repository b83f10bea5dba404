#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""From the TSV of bench.py: tables in Markdown, plots by gnuplot, the block of the README.

    results.py DIR                  DIR/results.tsv -> DIR/README.md, DIR/*.svg
    results.py DIR --readme FILE    and put the short table into FILE

Of times the best of the runs counts.  Of counters too: what the kernel zeroed is
counted for the whole machine, so the lowest is the least wrong.  Of peaks the worst.
"""
import argparse
import os
import shutil
import statistics
import subprocess
import sys

import plots

MIB = 1 << 20
HIGH_IS_BETTER = {"GB/s"}
NOT_PEERS = {"limit", "pages"}


class Cell:
    """All runs of one allocator in one pattern."""

    def __init__(self, rows):
        timed = [r for r in rows if r["value"]]
        values = [float(r["value"]) for r in timed]
        self.unit = rows[0]["unit"]
        self.high = self.unit in HIGH_IS_BETTER
        self.best = (max if self.high else min)(values) if values else None
        self.median = statistics.median(values) if values else None
        self.partial = any(r["stopped"] == "1" for r in timed)
        self.rows = rows
        by_cpu = [self.by_cpu(r) for r in timed if float(r["cpu"]) and self.unit != "MiB"]
        self.best_by_cpu = (max if self.high else min)(by_cpu, default=None)

    def by_cpu(self, row):
        """A figure as if the process had never waited for a processor."""
        factor = float(row["seconds"]) / float(row["cpu"])
        return float(row["value"]) * (factor if self.high else 1 / factor)

    def numbers(self, column):
        return [float(r[column]) for r in self.rows if r[column]]

    def lowest(self, column):
        return min(self.numbers(column), default=None)

    def highest(self, column):
        return max(self.numbers(column), default=None)

    def faster_than(self, other):
        """How many times as fast, by each one's best."""
        if not self.best or not other.best:
            return None
        return self.best / other.best if self.high else other.best / self.best

    def spread(self):
        """How many times as good the best run is as the median."""
        if not self.best or not self.median:
            return None
        return self.best / self.median if self.high else self.median / self.best

    def peak_per_live(self):
        """Resident memory at its peak, without the bare process, per byte that was live."""
        live, peak = self.highest("live_peak"), self.highest("rss_peak")
        return (peak - self.lowest("rss_start")) / live if live else None

    def zeroed_per_live(self):
        live, zeroed = self.highest("live_peak"), self.lowest("zeroed")
        return zeroed / live if live else None

    def each(self, column, of):
        """The least of column in a run, per unit of another column of that run."""
        return min((float(r[column]) / float(r[of]) for r in self.rows
                    if r[column] and r[of] and float(r[of])), default=None)


class Results:
    """The TSV: facts about the machine, patterns and allocators in order, cells."""

    def __init__(self, path):
        self.facts, self.what, self.failed, self.cells = [], {}, [], {}
        rows, columns = {}, None
        with open(path) as f:
            for line in f:
                line = line.rstrip("\n")
                if line.startswith("#"):
                    self.comment(line[2:])
                elif columns is None:
                    columns = line.split("\t")
                else:
                    row = dict(zip(columns, line.split("\t")))
                    rows.setdefault((row["pattern"], row["allocator"]), []).append(row)
        self.cells = {key: Cell(r) for key, r in rows.items()}
        self.patterns = list(dict.fromkeys(p for p, _ in rows))
        seen = {a for _, a in rows}
        self.allocators = [k for k, _ in self.facts if k in seen] + ["limit"] * ("limit" in seen)

    def comment(self, text):
        key, _, rest = text.partition(": ")
        if key == "pattern":
            name, _, what = rest.split(": ", 2)
            self.what[name] = what
        elif key == "failed":
            self.failed.append(rest)
        else:
            self.facts.append((key, rest))

    def cell(self, pattern, allocator):
        return self.cells.get((pattern, allocator))

    def unit(self, pattern):
        return next(c.unit for (p, _), c in self.cells.items() if p == pattern)

    def best_peer(self, pattern):
        """Name and cell of the fastest of the others."""
        peers = [(a, c) for (p, a), c in self.cells.items()
                 if p == pattern and a not in NOT_PEERS and c.best is not None]
        if not peers:
            return "", None
        return (max if peers[0][1].high else min)(peers, key=lambda x: x[1].best)


def figure(x):
    """Three digits, without exponents."""
    if x is None:
        return ""
    return f"{x:.0f}" if abs(x) >= 99.95 else f"{x:.1f}" if abs(x) >= 9.995 else f"{x:.2f}"


def best(cell):
    """The figure that counts; unfinished work would have been worse."""
    return ("<" if cell.partial else "") + figure(cell.best) if cell else ""


def table(head, lines, left=(0,)):
    """Markdown, numbers to the right."""
    marks = ["---" if i in left else "---:" for i in range(len(head))]
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, marks, *lines])


def matrix(r, text, patterns=None, allocators=None):
    """One line a pattern, one column an allocator; lines without figures are left out."""
    allocators = allocators or r.allocators
    lines = []
    for p in patterns or r.patterns:
        cells = [text(p, r.cell(p, a)) if r.cell(p, a) else "" for a in allocators]
        if any(cells):
            lines.append([p, *cells])
    return table(["", *allocators], lines)


def speed_table(r, choose):
    """The best figures, by wall clock or processor time; the best of a line in bold."""
    def text(pattern, cell):
        value = choose(cell)
        if value is None:
            return ""
        shown = ("<" if cell.partial else "") + figure(value)
        others = [choose(c) for (p, a), c in r.cells.items() if p == pattern and a != "limit"]
        ahead = (max if cell.high else min)(v for v in others + [value] if v is not None)
        return f"**{shown}**" if value == ahead and value in others else shown

    out = matrix(r, text)
    for p in r.patterns:
        out = out.replace(f"| {p} |", f"| {p}, {r.unit(p)} |")
    return out


def spread_table(r):
    def text(_, cell):
        spread = cell.spread()
        return "" if spread is None else f"{spread:.2f}"

    return matrix(r, text)


def peak_table(r):
    def text(_, cell):
        ratio = cell.peak_per_live()
        peak = cell.highest("rss_peak")
        if ratio is not None:
            return f"{ratio:.2f}"
        return f"{peak / MIB:.0f}" if cell.unit == "s" and peak else ""

    return matrix(r, text, allocators=[a for a in r.allocators if a != "limit"])


def each_table(r, column, of, shown):
    """A counter per byte written, or per round."""
    def text(_, cell):
        n = cell.each(column, of)
        return "" if n is None else shown(n)

    return matrix(r, text, allocators=[a for a in r.allocators if a != "limit"])


def copied_table(r):
    def text(_, cell):
        copied, moved = cell.lowest("copied"), cell.lowest("moved")
        if copied is not None:
            return figure(copied / MIB)
        return "<= " + figure(moved / MIB) if moved else "0" if moved == 0 else ""

    growing = [p for p in r.patterns if p.startswith("grow")]
    return matrix(r, text, growing, [a for a in r.allocators if a != "limit"])


SHORT_HEAD = ["", "unit", "glibc", "best peer", "", "pages", "limit", "ratio", "spread", "peak",
              "zeroed"]
TEXT_COLUMNS = (0, 1, 4)


def short_lines(r):
    """Where pages stands: the lines of the short table."""
    for p in r.patterns:
        name, peer = r.best_peer(p)
        glibc, ours, limit = (r.cell(p, a) for a in ("glibc", "pages", "limit"))
        ratio = ours and peer and r.unit(p) != "MiB" and ours.faster_than(peer)
        spread = ours and ours.spread()
        memory, zeroed = (ours and (f(ours)) for f in (Cell.peak_per_live, Cell.zeroed_per_live))
        yield [p, r.unit(p), best(glibc), best(peer), name, best(ours), best(limit),
               f"{ratio:.2f}" if ratio else "", f"{spread:.2f}" if spread else "", f"{memory:.2f}" if memory else "",
               f"{zeroed:.2f}" if zeroed else ""]


def runs(r):
    return max((len(c.numbers("value")) for c in r.cells.values()), default=0)


def short_text(r):
    """When and where, and the short table for a plain text file, without the last column."""
    facts = dict(r.facts)
    yield "    " + ", ".join(facts[k] for k in ("date", "machine") if k in facts)
    yield "    " + ", ".join(f"{k} {facts[k]}" for k in ("kernel", "load at start") if k in facts)
    yield f"    runs: {runs(r)} of each, the allocators in turn; the best counts"
    yield "    --"
    lines = [line[:-1] for line in [SHORT_HEAD, *short_lines(r)]]
    width = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    for line in lines:
        cells = [c.ljust(w) if i in TEXT_COLUMNS else c.rjust(w)
                 for i, (c, w) in enumerate(zip(line, width))]
        yield ("    " + "  ".join(cells)).rstrip()


def document(r, pictures):
    yield "# Large memory, allocator by allocator\n"
    yield "Written by `./bootstrap bench`; the raw figures are in results.tsv.\n"
    yield from (f"- {key}: {text}" for key, text in r.facts)
    yield f"- runs: {runs(r)} of each, the allocators in turn; the best counts\n"
    for failure in r.failed:
        yield f"**Failed:** {failure}\n"
    yield ("*limit*: the same pattern without an allocator, each block in a place of its own that is"
           " resident before the clock starts.  An allocator that reuses what is still in the"
           " processor's cache can be ahead of it.\n")
    yield "## In short\n\n" + table(SHORT_HEAD, short_lines(r), TEXT_COLUMNS) + "\n"
    yield ("*ratio*: how many times as fast as the best peer pages is.  *spread*: the best run of"
           " pages against the median.  *peak*, *zeroed*: resident"
           " memory of pages at its peak, and what the kernel zeroed, per byte that was written and not"
           " freed at the peak.\n")
    yield from (f"![{name}]({name})\n" for name in pictures)
    yield "## The patterns\n\n" + table(["", "what"], [[p, w] for p, w in r.what.items()], (0, 1)) + "\n"
    yield "## Speed\n\nGB/s: more is better; others: less.  `<`: stopped unfinished, it would be worse.\n"
    yield speed_table(r, lambda cell: cell.best) + "\n"
    yield "The same by processor time of all threads, which other work on the machine changes less:\n"
    yield speed_table(r, lambda cell: cell.best_by_cpu) + "\n"
    yield "Spread, the median of the runs against the best one (1.00: none):\n"
    yield spread_table(r) + "\n"
    yield "## Peak of resident memory per live byte (programs: MiB)\n\n" + peak_table(r) + "\n"
    yield "## Zeroed by the kernel, per byte written\n"
    yield ("Huge pages are counted for the whole machine: what else runs adds to it; the lowest run"
           " counts.\n")
    yield each_table(r, "zeroed", "written", "{:.3f}".format) + "\n"
    yield "## Page faults in a round\n\nA round is 1000 pairs where nothing is written.\n"
    yield each_table(r, "faults", "rounds", figure) + "\n"
    yield "## Copied by realloc, MiB\n"
    yield ("pages says itself.  For others an upper bound: sizes of blocks that changed their address,"
           " some of them by page tables (glibc, tbbmalloc).\n")
    yield copied_table(r) + "\n"
    yield ("## System calls in a round\n\nFor memory and locks, in a run of few rounds under strace; start"
           " of the process excluded, that of the allocator not.\n")
    yield each_table(r, "syscalls", "rounds", figure) + "\n"
    yield "## Mappings, the most seen\n\n" + matrix(
        r, lambda _, c: f"{c.highest('mappings') or 0:.0f}" if c.numbers("mappings") else "",
        allocators=[a for a in r.allocators if a != "limit"]) + "\n"


def update_readme(path, r):
    """Replace the indented block behind the line that names bench/results/README.md."""
    with open(path) as f:
        lines = f.read().split("\n")
    at = next((i for i, line in enumerate(lines) if "bench/results/README.md" in line), None)
    if at is None:
        sys.exit(f"{path}: does not name bench/results/README.md")
    start = next(i for i in range(at, len(lines)) if lines[i].startswith("    "))
    end = next(i for i in range(start, len(lines)) if not lines[i].startswith("    "))
    lines[start:end] = short_text(r)
    with open(path, "w") as f:
        f.write("\n".join(lines))


def write_all(tsv, directory):
    r = Results(tsv)
    pictures = []
    if shutil.which("gnuplot"):
        for name, script in plots.scripts(r, runs(r)):
            subprocess.run(["gnuplot"], input=script, text=True, check=True, cwd=directory)
            pictures.append(name)
    else:
        print("no plots: gnuplot is not installed", file=sys.stderr)
    with open(os.path.join(directory, "README.md"), "w") as f:
        f.write("\n".join(document(r, pictures)))
    return r


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", help="where results.tsv is")
    parser.add_argument("--readme", help="file to put the short table into")
    args = parser.parse_args()
    r = write_all(os.path.join(args.directory, "results.tsv"), args.directory)
    if args.readme:
        update_readme(args.readme, r)
    print("\n".join(short_text(r)))


if __name__ == "__main__":
    main()
