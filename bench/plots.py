# SPDX-License-Identifier: MIT
"""The results as gnuplot scripts: a line for each pattern, a mark for each allocator."""

MARKS = {   # colour, gnuplot's point type; ours stands out
    "glibc": ("#999999", 5),
    "glibc+thp": ("#444444", 4),
    "jemalloc": ("#e69f00", 9),
    "jemalloc+thp": ("#b57600", 8),
    "mimalloc": ("#56b4e9", 11),
    "tcmalloc": ("#009e73", 13),
    "tbbmalloc": ("#cc79a7", 15),
    "pages": ("#d00000", 7),
    "limit": ("#000000", 2),
}

# What lies beyond is drawn at the edge.
SLOWEST, FASTEST, FATTEST, LEAST_ZEROED = 0.01, 20, 3, 0.001

SCRIPT = """
set terminal svg size 960,{height} font "sans-serif,13" background "white"
set output "{name}"
set title "{title}"
set xlabel "{label}"
set key outside right top samplen 1
set grid x lc "#dddddd"
set grid y lc "#eeeeee"
set yrange [-0.6:{top}]
set ytics ({tics})
{more}
"""


def dots(results, name, title, label, value, more, allocators=None):
    """A plot of value(cell, pattern); patterns for which it gives None are left out."""
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
                points[a].append((v, y))
    script = SCRIPT.format(
        name=name, title=title, label=label, top=len(shown) - 0.4, more=more,
        height=max(300, 130 + 24 * len(shown)),
        tics=", ".join(f'"{p}" {y}' for y, (p, _) in enumerate(reversed(shown))))
    curves, data = [], []
    for a in [x for x in allocators if x != "pages"] + ["pages"]:    # ours on top
        if points.get(a):
            colour, mark = MARKS.get(a, ("#0072b2", 3))
            size = 1.3 if a == "pages" else 0.9
            curves.append(f'"-" with points pt {mark} ps {size} lc rgb "{colour}" title "{a}"')
            data.append("\n".join(f"{x:.5g} {y}" for x, y in points[a]) + "\ne\n")
    return name, script + "plot " + ", ".join(curves) + "\n" + "".join(data)


def scripts(results):
    """File names and scripts of all plots that there are figures for."""
    def speed(cell, pattern):
        peer = results.best_peer(pattern)[1]
        if not peer or cell.unit in ("MiB", "s"):
            return None
        ratio = cell.faster_than(peer)
        return ratio and min(max(ratio, SLOWEST), FASTEST)

    def programs(cell, pattern):
        plain = results.cell(pattern, "glibc")
        return cell.faster_than(plain) if plain and cell.unit == "s" else None

    def peak(cell, _):
        ratio = cell.peak_per_live()
        return ratio and min(ratio, FATTEST)

    def zeroed(cell, _):
        n = cell.each("zeroed", "written")
        return None if n is None else max(n, LEAST_ZEROED)

    log = "set logscale x; set xtics ({}); set arrow from 1,graph 0 to 1,graph 1 nohead lc '#888888'"
    ratios = log.format(", ".join(f'"{t}" {t}' for t in
                                  ("0.001", "0.01", "0.1", "0.2", "0.5", "1", "2", "5", "10", "100")))
    real = [a for a in results.allocators if a != "limit"]
    plots = [
        dots(results, "speed.svg", "Speed (right is faster)",
             f"times as fast as the best peer ({SLOWEST} or less, {FASTEST} or more at the edges)",
             speed, ratios + f"; set xrange [{SLOWEST}:{FASTEST}]"),
        dots(results, "programs.svg", "Real programs (right is faster)",
             "times as fast as with glibc", programs, ""),
        dots(results, "peak.svg", "Memory (left is better)",
             f"peak resident per live byte ({FATTEST} or more at the edge)",
             peak, f"set xrange [0.9:{FATTEST}]", allocators=real),
        dots(results, "zeroed.svg", "Zeroed by the kernel (left is better)",
             "bytes zeroed per byte written", zeroed,
             log.format("0.001, 0.01, 0.1, 1, 10"), allocators=real),
    ]
    return [p for p in plots if p is not None]
