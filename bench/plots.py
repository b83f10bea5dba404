# SPDX-License-Identifier: MIT
"""The results as gnuplot scripts: a row for each pattern, in it a mark for each allocator.

Each allocator has a height of its own in a row, so that no mark hides another.  A line leads
from the best run to the median.
"""

MARKS = {   # colour, gnuplot's point type; ours stands out
    "glibc": ("#999999", 5),
    "glibc+thp": ("#444444", 4),
    "jemalloc": ("#e69f00", 9),
    "jemalloc+thp": ("#b57600", 8),
    "mimalloc": ("#56b4e9", 11),
    "mimalloc3": ("#0072b2", 10),
    "tcmalloc": ("#009e73", 13),
    "tbbmalloc": ("#cc79a7", 15),
    "pages": ("#d00000", 7),
    "limit": ("#000000", 2),
}

LEAST_ZEROED = 0.001    # for a logarithmic axis, which has no 0

SCRIPT = """
set terminal svg size 960,{height} font "sans-serif,13" background "white"
set output "{name}"
set title "{title}\\n{{/*0.75 {facts}}}"
set xlabel "{label}"
set key outside right top samplen 1
set grid x lc "#dddddd"
set yrange [-0.6:{top}]
set ytics scale 0 ({tics})
{rules}
{more}
"""


def facts(results, runs):
    """Machine, date and runs, in a line under the title."""
    known = dict(results.facts)
    kernel = known.get("kernel", "").split(" ")[1:2]
    return ", ".join([*(known[k] for k in ("date", "machine") if k in known),
                      *(f"Linux {k.split('-')[0]}" for k in kernel), f"{runs} runs, best to median"])


def dots(results, name, title, label, value, more, under, allocators=None):
    """
    A plot of value(cell, pattern), or of the two ends of a line; patterns for which it gives
    None are left out.
    """
    allocators = allocators or results.allocators
    points = {a: [] for a in allocators}
    shown = []
    for p in results.patterns:
        values = {a: value(results.cell(p, a), p) for a in allocators
                  if results.cell(p, a)}
        if any(v is not None for a, v in values.items() if a != "limit"):
            shown.append((p, values))
    if not shown:
        return None
    for y, (p, values) in enumerate(reversed(shown)):
        for a, v in values.items():
            if v is not None:
                best, median = v if isinstance(v, tuple) else (v, v)
                points[a].append((best, y + 0.42 - 0.84 * allocators.index(a) / len(allocators),
                                  min(best, median), max(best, median)))
    script = SCRIPT.format(
        name=name, title=title, label=label, top=len(shown) - 0.4, more=more, facts=under,
        height=max(300, 150 + 60 * len(shown)),
        rules="\n".join(f"set arrow from graph 0,first {y}.5 to graph 1,first {y}.5 nohead lc '#dddddd'"
                        for y in range(len(shown) - 1)),
        tics=", ".join(f'"{p}" {y}' for y, (p, _) in enumerate(reversed(shown))))
    curves, data = [], []
    for a in [x for x in allocators if x != "pages"] + ["pages"]:    # ours on top
        if points.get(a):
            colour, mark = MARKS.get(a, ("#0072b2", 3))
            size = 0.8 if a == "pages" else 0.6
            curves.append(f'"-" with xerrorbars pt {mark} ps {size} lc rgb "{colour}" title "{a}"')
            data.append("\n".join(" ".join(f"{n:.5g}" for n in point) for point in points[a]) +
                        "\ne\n")
    return name, script + "plot " + ", ".join(curves) + "\n" + "".join(data)


def scripts(results, runs):
    """File names and scripts of all plots that there are figures for."""
    under = facts(results, runs)

    def both(cell, peer):
        """By the best run, and by the median."""
        ratio = cell.faster_than(peer)
        return ratio and (ratio, ratio / (cell.spread() or 1))

    def speed(cell, pattern):
        peer = results.best_peer(pattern)[1]
        return both(cell, peer) if peer and cell.unit not in ("MiB", "s") else None

    def programs(cell, pattern):
        plain = results.cell(pattern, "glibc")
        return both(cell, plain) if plain and cell.unit == "s" else None

    def peak(cell, _):
        return cell.peak_per_live()

    def zeroed(cell, _):
        n = cell.each("zeroed", "written")
        return None if n is None else max(n, LEAST_ZEROED)

    log = "set logscale x; set xtics ({}); set arrow from 1,graph 0 to 1,graph 1 nohead lc '#888888'"
    ratios = log.format(", ".join(f'"{t}" {t}' for t in
                                  ("0.001", "0.01", "0.1", "0.2", "0.5", "1", "2", "5", "10", "100")))
    real = [a for a in results.allocators if a != "limit"]
    plots = [
        dots(results, "speed.svg", "Speed (right is faster)",
             "times as fast as the best peer", speed, ratios, under),
        dots(results, "programs.svg", "Real programs (right is faster)",
             "times as fast as with glibc", programs, "", under),
        dots(results, "peak.svg", "Memory (left is better)",
             "peak resident per live byte", peak, log.format("1, 1.5, 2, 3, 5, 10, 20, 50, 100") + "; set xrange [0.95:*]",
             under, allocators=real),
        dots(results, "zeroed.svg", "Zeroed by the kernel (left is better)",
             "bytes zeroed per byte written", zeroed,
             log.format("0.001, 0.01, 0.1, 1, 10"), under, allocators=real),
    ]
    return [p for p in plots if p is not None]
