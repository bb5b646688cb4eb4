"""Results of sweeps in words: the table, and a sentence about the pieces of each line."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.machine import library_versions, machine_line
from benchmarks.scale.fit import Piece, fit
from benchmarks.scale.point import Point
from benchmarks.scale.sweeps import SWEEPS, Sweep

NEAR = 0.15
"""A slope is that of the theory up to this share of it."""
SMALL = 0.4
"""Below this share of it, the time hardly depends on the size."""
LONGEST_WAIT = 0.1
"""A point is disturbed if its threads waited for a core for a greater share of the time."""
LARGE = 1e6
"""Bytes from which on a deviation of the formula counts: objects of Python take less."""

HEADS = ("varied", "from", "to", "time by theory", "time ~ n^p", "memory ~ n^p", "formula")


def time_pieces(points: Sequence[Point]) -> list[Piece]:
    """The pieces of the time: of the least ones, as other processes only add to it."""
    return fit([point.size for point in points], [point.minimum for point in points])


def memory_pieces(points: Sequence[Point]) -> list[Piece]:
    """The pieces of the memory of arrays."""
    return fit([point.size for point in points], [point.arrays for point in points])


def deviations(points: Sequence[Point]) -> list[float]:
    """Formula / measured memory - 1, of points with at least 1 MB."""
    return [point.formula / point.arrays - 1 for point in points if point.arrays >= LARGE]


def largest(values: Sequence[float]) -> float:
    """The one that is farthest from 0; 0 if there is none."""
    return max(values, key=abs, default=0.0)


def number(value: float) -> str:
    """A size: whole numbers as they are, places between two points with two digits."""
    nearest = round(value)
    return f"{nearest if np.isclose(value, nearest) else float(f'{value:.2g}'):,.0f}"


def slopes(pieces: Sequence[Piece]) -> str:
    """Slopes and bends: ``0.1 to 23, then 0.97``."""
    *others, last = pieces
    parts = [f"{piece.slope:.2f} to {number(piece.last)}" for piece in others]
    return ", ".join([*parts, f"then {last.slope:.2f}" if others else f"{last.slope:.2f}"])


def reason(piece: Piece, sweep: Sweep, points: Sequence[Point]) -> str:
    """The part of a step that a slope of its time points to."""
    least, greatest = sweep.exponents
    work, rest = (
        ("an epoch", "its number of steps") if sweep.by_epoch else ("a step", "the arithmetic")
    )
    if piece.slope < SMALL * least:
        return f"the fixed cost of {work} counts most, {milliseconds(points[0].minimum)}"
    if piece.slope < (1 - NEAR) * least:
        return f"a mixture of fixed cost and {rest}"
    if piece.slope <= (1 + NEAR) * greatest:
        return f"{rest} counts most"
    at_start = next(point for point in points if point.size >= piece.first)
    fits = at_start.arrays < (second_level_cache() or 0)
    where = "although they still fit into" if fits else "more than fits into"
    return (
        f"steeper than by theory: arrays take {megabytes(at_start.arrays)} at its beginning, "
        f"{where} a core's second-level cache"
    )


def sentence(name: str, points: Sequence[Point]) -> str:
    """The pieces of a sweep's time, each with its reason, as an item of a list."""
    sweep = SWEEPS[name]
    parts = [
        f"{number(piece.first)} to {number(piece.last)}, slope {piece.slope:.2f}: "
        + reason(piece, sweep, points)
        for piece in time_pieces(points)
    ]
    return f"- `{name}`, {sweep.size}. " + "; ".join(parts) + "."


def milliseconds(seconds: float) -> str:
    """A time in milliseconds with three digits."""
    return f"{float(f'{1e3 * seconds:.3g}'):g} ms"


def megabytes(n: float) -> str:
    """Bytes in megabytes with three digits."""
    return f"{float(f'{n / 1e6:.3g}'):,g} MB"


def second_level_cache() -> int | None:
    """Bytes of a core's second-level cache, as Linux tells it; None elsewhere."""
    path = Path("/sys/devices/system/cpu/cpu0/cache/index2/size")
    try:
        text = path.read_text(encoding="utf-8").strip()
    except OSError:
        return None
    unit = {"K": 2**10, "M": 2**20}.get(text[-1:])
    return int(text[:-1]) * unit if unit and text[:-1].isdecimal() else None


def table(results: Mapping[str, Sequence[Point]]) -> list[str]:
    """Lines of a Markdown table with a row for each sweep."""
    lines = [f"| {' | '.join(HEADS)} |", "|---" * len(HEADS) + "|"]
    for name, points in results.items():
        sweep = SWEEPS[name]
        cells = [
            f"`{name}`: {sweep.size}; {sweep.network}",
            f"{points[0].size:,}: {milliseconds(points[0].minimum)}, {megabytes(points[0].arrays)}",
            f"{points[-1].size:,}: {milliseconds(points[-1].minimum)}, "
            + megabytes(points[-1].arrays),
            sweep.time,
            slopes(time_pieces(points)),
            slopes(memory_pieces(points)),
            f"{largest(deviations(points)):+.1%}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def summary(results: Mapping[str, Sequence[Point]]) -> list[str]:
    """Sentences on the whole: the greatest deviation, and the memory beyond the data."""
    points = [point for sweep in results.values() for point in sweep]
    lines = [
        f"The formula deviates from the measured memory of arrays by "
        f"{largest(deviations(points)):+.1%} at most, in all points of 1 MB or more."
    ]
    if own := [point.process / point.arrays - 1 for point in points if point.arrays > 10 * LARGE]:
        lines[0] += (
            f" In those of more than 10 MB, the process grew by {min(own):+.0%} to {max(own):+.0%} "
            "more than its arrays."
        )
    if rows := results.get("rows"):
        first, last = rows[0], rows[-1]
        beyond = [point.arrays - point.data for point in (first, last)]
        per_row = (beyond[1] - beyond[0]) / (last.size - first.size)
        lines.append(
            f"Beyond the data itself, a training took {megabytes(beyond[0])} with "
            f"{first.size:,} rows and {megabytes(beyond[1])} with {last.size:,}: {per_row:.0f} "
            f"bytes a row, beside {last.data / last.size:.0f} of the data."
        )
    if disturbed := sum(point.waited > LONGEST_WAIT for point in points):
        lines.append(
            f"The machine was not quiet: in {disturbed} of {len(points)} points, threads waited "
            f"for a core for more than {LONGEST_WAIT:.0%} of the time."
        )
    return lines


def origin(seed: int, seconds: float) -> str:
    """Machine, versions, date and seed of a measurement."""
    versions = ", ".join(f"{name} {version}" for name, version in library_versions().items())
    return f"Measured {machine_line()}, {versions}; seed {seed}, {seconds:g} s for each point."
