"""The chart of docs/performance.md: a bar for each ratio, on a logarithmic scale, and its goals."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, NullLocator

from benchmarks.harness import Result
from benchmarks.rows import ROWS

COLORS = {"own": "#1f5fa8", "avx2": "#a9c7e8"}
NAMES = {"own": "kernels of BLAS's own choice", "avx2": "AVX2 kernels, forced"}
INK, GRID, ACCENT = "#3a3a3a", "#dddddd", "#d9652b"
TICKS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5)
BAR = 0.38
"""Height of a bar; a row has room for two."""


class Line(NamedTuple):
    """A row of the chart: its height on the page, and its results, one for each kind of kernels."""

    y: float
    row: str
    results: list[Result]


def draw(results: Iterable[Result], path: Path) -> None:
    """Draw the chart and save it as a PNG file.

    Parameters
    ----------
    results : iterable of Result
    path : Path
    """
    lines, heads = layout(results)
    shown = [result for line in lines for result in line.results]
    kinds = {result.kernels for result in shown}
    height = 0.3 + 0.12 * (len(kinds) - 1)
    figure = Figure(figsize=(9.2, 1.3 + height * (lines[-1].y + 1)), layout="constrained")
    axes = figure.add_subplot()
    draw_scale(axes, shown)
    for line in lines:
        draw_line(axes, line)
    for y, rival in heads:
        axes.text(
            -0.01, y, f"beside {rival}", transform=axes.get_yaxis_transform(),
            ha="right", va="center", weight="bold", color=INK,
        )  # fmt: skip
    axes.set_yticks([line.y for line in lines], [ROWS[line.row].label for line in lines])
    axes.set_ylim(lines[-1].y + 0.7, -0.6)
    draw_legend(figure, kinds)
    figure.savefig(path, dpi=110, facecolor="white")


def layout(results: Iterable[Result]) -> tuple[list[Line], list[tuple[float, str]]]:
    """The lines of the chart in the order of ``ROWS``, by rival; and the height of each heading."""
    by_row: dict[str, list[Result]] = {}
    for result in results:
        by_row.setdefault(result.row, []).append(result)
    rivals = list(dict.fromkeys(row.rival for row in ROWS.values()))
    names = sorted((name for name in ROWS if name in by_row), key=lambda n: rivals.index(rival(n)))
    lines, heads, y = [], [], 0.0
    for one, rows in groupby(names, key=rival):
        heads.append((y, one))
        for name in rows:
            y += 1
            lines.append(Line(y, name, sorted(by_row[name], key=lambda r: r.kernels == "avx2")))
        y += 1.2
    return lines, heads


def rival(row: str) -> str:
    """The name of a row's rival."""
    return ROWS[row].rival


def draw_scale(axes: Axes, results: Sequence[Result]) -> None:
    """The logarithmic axis, wide enough for all bars and goals, with a line at 1."""
    ends = [x for result in results for x in (result.ratio, result.stretch, result.reach, 1.0)]
    axes.set_xscale("log")
    axes.set_xlim(min(ends) / 1.25, max(ends) * 1.45)
    axes.xaxis.set_major_locator(FixedLocator(TICKS))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter("{x:g}")
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.axvline(1, color=INK, linewidth=1.5)
    axes.set_xlabel("our time / their time, logarithmic: left of 1, this library is faster")
    axes.tick_params(length=0, labelcolor=INK)
    axes.spines[["top", "right", "left"]].set_visible(False)


def draw_line(axes: Axes, line: Line) -> None:
    """The bars of a row, from 1 to the ratio, each with its number and its goals."""
    n = len(line.results)
    for i, result in enumerate(line.results):
        y = line.y + BAR * (i - (n - 1) / 2)
        left, right = sorted((1.0, result.ratio))
        axes.barh(y, right - left, BAR, left=left, color=COLORS[result.kernels])
        axes.vlines(result.reach, y - BAR / 2, y + BAR / 2, color=ACCENT, linewidth=2.2)
        axes.plot(
            result.stretch, y, marker="o", markersize=3.6, markeredgecolor=ACCENT,
            markerfacecolor="white",
        )  # fmt: skip
        is_met = result.verdict in ("reach", "stretch")
        note = {"no": " no", "busy": " busy"}.get(result.verdict, "")
        axes.text(
            0.995, y, f"{result.ratio:.2f}{note}", transform=axes.get_yaxis_transform(),
            ha="right", va="center", fontsize=8, color=INK if is_met else ACCENT,
            weight="normal" if is_met else "bold",
        )  # fmt: skip


def draw_legend(figure: Figure, kinds: set[str]) -> None:
    """The kinds of kernels and the marks of the goals."""
    bars = [Patch(color=COLORS[kind], label=NAMES[kind]) for kind in COLORS if kind in kinds]
    reach = Line2D([], [], color=ACCENT, marker="|", markersize=9, markeredgewidth=2.2)
    stretch = Line2D([], [], color=ACCENT, marker="o", markersize=4, markerfacecolor="white")
    for mark, label in ((reach, "goal"), (stretch, "stretch goal")):
        mark.set(linestyle="none", label=label)
    figure.legend(
        handles=[*bars, reach, stretch], loc="outside upper center", ncols=4, frameon=False
    )
