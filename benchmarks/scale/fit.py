"""Power laws in pieces: straight lines between points on logarithmic axes, and their bends.

A time t = c · n^p is a line of slope p there. Where something else begins to dominate, the line
bends. The fit is continuous, with up to two bends.
"""

from collections.abc import Sequence
from itertools import combinations, pairwise
from typing import NamedTuple

import numpy as np

MOST_BENDS = 2
LEAST_POINTS = 3
"""Points of a piece, those at its bends included."""
LEAST_CHANGE = 0.15
"""The least difference of slopes that counts as a bend."""
GAIN = 2.0
"""One more bend must divide the residual by this."""
EXACT = 0.03
"""A residual, as a share, that needs no more bends: the noise of a measurement."""


class Piece(NamedTuple):
    """A line on logarithmic axes.

    Attributes
    ----------
    first, last : float
        Its ends: sizes.
    slope : float
        p of n^p.
    start, stop : float
        The values at its ends.
    """

    first: float
    last: float
    slope: float
    start: float
    stop: float


def fit(sizes: Sequence[float], values: Sequence[float]) -> list[Piece]:
    """Pieces of a power law, by least squares of the logarithms.

    A bend may lie at a point or midway between two. One more of them is accepted if it at least
    halves the residual, and the slopes differ by ``LEAST_CHANGE``.

    Parameters
    ----------
    sizes, values : sequence of float
        Positive numbers; sizes ascend.
    """
    x, y = np.log10(sizes), np.log10(values)
    best, residual = _pieces(x, y, ())
    for n in range(1, MOST_BENDS + 1):
        if residual <= np.log10(1 + EXACT):
            break
        fits = [_pieces(x, y, bends) for bends in _bends(x, n)]
        fits = [(pieces, rest) for pieces, rest in fits if _differ(pieces)]
        if not fits:
            continue
        pieces, rest = min(fits, key=lambda one: one[1])
        if rest * GAIN <= residual:
            best, residual = pieces, rest
    return best


def _bends(x: np.ndarray, n: int) -> list[tuple[float, ...]]:
    """All places of n bends that leave enough points to each piece."""
    places = np.sort(np.concatenate([x, (x[1:] + x[:-1]) / 2]))
    return [
        bends
        for bends in combinations(places[1:-1], n)
        if all(
            np.count_nonzero((x >= first) & (x <= last)) >= LEAST_POINTS
            for first, last in pairwise((x[0], *bends, x[-1]))
        )
    ]


def _differ(pieces: list[Piece]) -> bool:
    return all(abs(b.slope - a.slope) >= LEAST_CHANGE for a, b in pairwise(pieces))


def _pieces(x: np.ndarray, y: np.ndarray, bends: tuple[float, ...]) -> tuple[list[Piece], float]:
    """The best continuous line with these bends, and its residual: a root of mean squares."""
    knots = np.array([x[0], *bends, x[-1]])
    # y is a sum of hat functions, each 1 at its own knot: the coefficients are the values there.
    hats = np.column_stack([np.interp(x, knots, one) for one in np.eye(len(knots))])
    heights = np.linalg.lstsq(hats, y, rcond=None)[0]
    residual = float(np.sqrt(np.mean((hats @ heights - y) ** 2)))
    slopes = np.diff(heights) / np.diff(knots)
    ends = [float(end) for end in 10**knots]
    values = [float(value) for value in 10**heights]
    pieces = zip(ends[:-1], ends[1:], map(float, slopes), values[:-1], values[1:], strict=True)
    return [Piece(*piece) for piece in pieces], residual
