"""Figures of the sweeps: time and memory on logarithmic axes, with the lines of the fit."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.scale.fit import Piece
from benchmarks.scale.point import Point
from benchmarks.scale.sweeps import SWEEPS
from benchmarks.scale.words import memory_pieces, time_pieces
from neural_networks.plots.style import INK, TRAINING, VALIDATION, clean, save, set_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE = (9.5, 3.7)
PALE = "#9a9a9a"


def write(folder: Path, name: str, points: Sequence[Point]) -> Path:
    """Draw the figure of a sweep, ``scaling-NAME.png``, into a folder."""
    path = folder / f"scaling-{name}.png"
    save(partial(draw, name=name, points=points), path)
    return path


def draw(figure: "Figure", name: str, points: Sequence[Point]) -> None:
    """Draw time on the left, memory on the right."""
    figure.set_size_inches(SIZE)
    times, memory = figure.subplots(1, 2)
    draw_times(times, name, points)
    draw_memory(memory, name, points)
    for axes in (times, memory):
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel(SWEEPS[name].size)
        clean(axes)
        axes.legend(frameon=False, fontsize=9, loc="upper left")
        leave_room(axes)


def draw_times(axes: "Axes", name: str, points: Sequence[Point]) -> None:
    """Least and median time of a step, or an epoch, and the pieces of the fit."""
    sizes = [point.size for point in points]
    axes.plot(sizes, [1e3 * point.median for point in points], "_", color=PALE, label="median")
    axes.plot(
        sizes, [1e3 * point.minimum for point in points], "o", ms=4, color=TRAINING, label="minimum"
    )
    draw_pieces(axes, time_pieces(points), 1e3, TRAINING)
    work = "epoch" if SWEEPS[name].by_epoch else "step"
    axes.set_ylabel(f"ms per {work}")
    set_title(axes, f"Time ~ n^p, p by theory: {SWEEPS[name].time}", width=SIZE[0] / 2)


def draw_memory(axes: "Axes", name: str, points: Sequence[Point]) -> None:
    """Measured memory of arrays and process, the formula, and the pieces of the fit."""
    sizes = [point.size for point in points]
    axes.plot(sizes, [point.formula / 1e6 for point in points], color=INK, lw=1, label="formula")
    kinds: tuple[tuple[str, str, Callable[[Point], int], str], ...] = (
        ("arrays", "o", lambda point: point.arrays, VALIDATION),
        ("process", "_", lambda point: point.process, PALE),
    )
    for label, marker, bytes_of, color in kinds:
        shown = [(point.size, bytes_of(point) / 1e6) for point in points if bytes_of(point) > 0]
        axes.plot(
            *zip(*shown, strict=True),
            marker,
            ms=4 if marker == "o" else 7,
            color=color,
            label=label,
        )
    if points[-1].data:
        axes.plot(sizes, [point.data / 1e6 for point in points], "--", color=PALE, label="data")
    draw_pieces(axes, memory_pieces(points), 1e-6, VALIDATION, line=False)
    axes.set_ylabel("MB")
    set_title(axes, f"Memory, by theory: {SWEEPS[name].memory}", width=SIZE[0] / 2)


def draw_pieces(
    axes: "Axes", pieces: Sequence[Piece], unit: float, color: str, line: bool = True
) -> None:
    """The pieces of a fit with their slopes, and a vertical line at each bend."""
    for piece in pieces:
        ends, values = (piece.first, piece.last), (unit * piece.start, unit * piece.stop)
        if line:
            axes.plot(ends, values, color=color, lw=1)
        middle = (ends[0] * ends[1]) ** 0.5, (values[0] * values[1]) ** 0.5
        axes.annotate(
            f"{piece.slope:.2f}",
            middle,
            xytext=(9, -9),
            textcoords="offset points",
            ha="left",
            va="center",
            color=color,
            fontsize=9,
        )
    for piece in pieces[1:]:
        axes.axvline(piece.first, color=color, lw=0.8, ls=":")


def leave_room(axes: "Axes") -> None:
    """Lengthen the y axis at both ends, for the legend and the slopes below the lines."""
    low, high = axes.get_ylim()
    axes.set_ylim(low / 1.6, high * (high / low) ** 0.25)
