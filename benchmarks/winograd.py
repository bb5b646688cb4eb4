"""Winograd's method beside plain sums: rounding errors, times, and sizes of its workspace.

Errors depend on the size of the tiles and on the points of the polynomials; those of a few tiles
are computed for any of them. Times are those of the library's own layers, by both methods in turn,
with the threads that a training has. ``docs/convolution.md`` explains the method.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from statistics import fmean, median
from time import perf_counter
from typing import NamedTuple
from unittest import mock

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from benchmarks.arguments import parse_with_seed
from benchmarks.machine import library_versions, machine_line
from benchmarks.quiet import Use
from neural_networks.layers import Conv2D
from neural_networks.utils import fast_convolution, winograd
from neural_networks.utils.arguments import Parser
from neural_networks.utils.threads import network_threads, slices

EXACT = {"float32": np.float64, "float64": np.longdouble}
"""For each type, one with more digits."""

ERROR_CHANNELS = (16, 64, 256)
TILES, KERNELS, DRAWS = 32, 16, 5
IMAGES = 64
"""Images of a batch whose convolution is timed, as in a training."""

SIDES = (8, 16, 32)
LEAST_ROUNDS = 3
WORKSPACES = tuple(2**power for power in range(18, 24))
WORKSPACE_SHAPE = (64, 32, 32, 32)

Timer = Callable[[], tuple[float, float]]
"""Does the work once; returns the seconds of the forward and of the backward pass."""


class Filter(NamedTuple):
    """F(n, k): n numbers of a filter with k taps, by n + k - 1 multiplications.

    Attributes
    ----------
    n, k : int
    points : sequence of float
        n + k - 2 of them.
    """

    n: int
    k: int
    points: Sequence[float]

    @property
    def name(self) -> str:
        return f"F({self.n}, {self.k})"

    @property
    def products(self) -> float:
        """Multiplications for each number, in two dimensions."""
        return (self.n + self.k - 1) ** 2 / self.n**2

    def words(self) -> str:
        """The points as fractions: ``0, ±2/3, ±3/2``."""
        positive = (Fraction(point).limit_denominator(99) for point in self.points if point > 0)
        return ", ".join(["0", *(f"±{point}" for point in positive)])


FILTERS = (
    Filter(2, 3, (0, 1, -1)),
    Filter(4, 3, (0, 1, -1, 2, -2)),
    Filter(4, 3, winograd.POINTS),
    Filter(6, 3, (0, 1 / 2, -1 / 2, 1, -1, 2, -2)),
    Filter(6, 3, (0, 3 / 5, -3 / 5, 1, -1, 5 / 3, -5 / 3)),
    Filter(2, 5, (0, 1, -1, 2, -2)),
    Filter(2, 5, winograd.POINTS),
)


class Convolution(NamedTuple):
    """Kernels of k×k pixels, channels in and out, side of the images."""

    k: int
    C: int
    n_out: int
    side: int


CONVOLUTIONS = tuple(
    Convolution(k, C, n_out, side)
    for k, channels in (
        (3, ((8, 8), (8, 64), (12, 12), (16, 16), (32, 32), (64, 64))),
        (5, ((16, 16), (16, 64), (32, 32), (64, 64))),
    )
    for C, n_out in channels
    for side in SIDES
)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure all and print three tables; returns the exit status."""
    flags = parse(argv)
    use = Use()
    try:
        print_errors(flags.seed)
        print_times(flags.seconds, flags.seed)
        print_workspaces(flags.seconds, flags.seed)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    versions = "; ".join(f"{name} {version}" for name, version in library_versions().items())
    print(f"\n{machine_line()}, seed {flags.seed}; {versions}")
    print(f"Other processes used {use.share():.0%} of the cores.")
    return 0


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line's flags."""
    parser = Parser(prog="python -m benchmarks.winograd", description=__doc__.split("\n")[0])
    return parse_with_seed(parser, argv, 1.0, "for each time")


# Errors


def matrices(way: Filter) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A (s, n), B (s, s) and G (s, k) of a filter, s = n + k - 1."""
    return winograd.filter_matrices(way.points, way.n, way.k)


def by_winograd(x: np.ndarray, w: np.ndarray, way: Filter) -> np.ndarray:
    """Numbers of tiles x (t, s, s, C) with kernels w (k, k, C, n_out), (t, n, n, n_out)."""
    A, B, G = (matrix.astype(x.dtype) for matrix in matrices(way))
    V = along_both(B.T, x.transpose(1, 2, 0, 3))  # (s, s, t, C)
    M = V @ along_both(G, w)
    return along_both(A.T, M).transpose(2, 0, 1, 3)


def along_both(matrix: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The product of a matrix with the first axis of an array, and with the second."""
    for _ in range(2):
        product = matrix @ x.reshape(len(x), -1)
        x = product.reshape(len(matrix), *x.shape[1:]).swapaxes(0, 1)
    return x


def by_sums(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """The same numbers by plain sums of k·k·C products."""
    windows = sliding_window_view(x, w.shape[:2], axis=(1, 2)).transpose(0, 1, 2, 4, 5, 3)
    columns = windows.reshape(-1, w[..., 0].size)
    return (columns @ w.reshape(-1, w.shape[3])).reshape(*windows.shape[:3], -1)


def error_of(found: np.ndarray, exact: np.ndarray) -> float:
    """The greatest error, relative to the greatest value."""
    return float(np.abs(found - exact).max() / np.abs(exact).max())


def errors(way: Filter, dtype: str, C: int, seed: int) -> tuple[float, float]:
    """Errors of Winograd's method and of plain sums: means of draws from normal distributions."""
    s, found, plain = way.n + way.k - 1, [], []
    for draw in range(DRAWS):
        rng = np.random.default_rng((seed, draw))
        x = rng.standard_normal((TILES, s, s, C)).astype(dtype)
        w = rng.standard_normal((way.k, way.k, C, KERNELS)).astype(dtype)
        exact = by_sums(x.astype(EXACT[dtype]), w.astype(EXACT[dtype]))
        found.append(error_of(by_winograd(x, w, way), exact))
        plain.append(error_of(by_sums(x, w), exact))
    return fmean(found), fmean(plain)


def print_errors(seed: int) -> None:
    """Print the errors, in units of 1e-7 in float32 and 1e-16 in float64."""
    types = [dtype for dtype in EXACT if has_more_digits(dtype)]
    columns = [(dtype, C) for dtype in types for C in ERROR_CHANNELS]
    print("Greatest error / greatest value, of Winograd's method and of plain sums;")
    print("float32 in units of 1e-7, float64 in units of 1e-16; by channels\n")
    heads = [f"{dtype}, {C}" for dtype, C in columns]
    print("{:8}{:>8}  {:18}".format("", "products", "points"), *(f"{head:>14}" for head in heads))
    for way in FILTERS:
        cells = []
        for dtype, C in columns:
            unit = 1e-7 if dtype == "float32" else 1e-16
            found, plain = (error / unit for error in errors(way, dtype, C, seed))
            cells.append(f"{f'{found:.1f} ({plain:.1f})':>14}")
        print(f"{way.name:8}{way.products:8.2f}  {way.words():18}", *cells, flush=True)


def has_more_digits(dtype: str) -> bool:
    """True if errors in a type can be measured; some systems have no type beyond float64."""
    return np.finfo(EXACT[dtype]).eps < np.finfo(dtype).eps / 100


# Times


def print_times(seconds: float, seed: int) -> None:
    """Print the minima of both methods for each convolution, and whether the library is right."""
    print("\nMilliseconds of Winograd's method and of plain sums, float32, minima in turn\n")
    line = "{:>7} {:>9} {:>7} {:>7} {:>9} {:>9} {:>6} {:>9} {:>9} {:>6}  {}"
    heads = ("kernels", "channels", "images", "side", "forward", "plain", "ratio")
    print(line.format(*heads, "backward", "plain", "ratio", "library takes"))
    wrong = []
    for case in CONVOLUTIONS:
        forward, plain_forward, backward, plain_backward = (
            1e3 * min(times) for times in zip(*rounds(timers(case, seed), seconds), strict=True)
        )
        ratio = (forward + backward) / (plain_forward + plain_backward)
        takes = uses_winograd(case)
        if takes != (ratio < 1):
            wrong.append(max(ratio, 1 / ratio) - 1)
        cells = (f"{forward:.2f}", f"{plain_forward:.2f}", f"{forward / plain_forward:.2f}")
        cells += (f"{backward:.2f}", f"{plain_backward:.2f}", f"{backward / plain_backward:.2f}")
        names = (f"{case.k}×{case.k}", f"{case.C}→{case.n_out}", IMAGES, case.side)
        print(line.format(*names, *cells, "Winograd" if takes else "plain sums"), flush=True)
    cost = f", which costs up to {max(wrong):.0%}" if wrong else ""
    print(f"\nThe library takes the slower one in {len(wrong)} of {len(CONVOLUTIONS)}{cost}.")


def uses_winograd(case: Convolution) -> bool:
    """True if the library computes this convolution by Winograd's method."""
    border = 4 * (case.k // 2,)
    return fast_convolution.uses_winograd((case.k, case.k, case.C, case.n_out), 1, border)


def timers(case: Convolution, seed: int) -> list[Timer]:
    """Forward and backward of a layer, by Winograd's method and by plain sums."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((IMAGES, case.side, case.side, case.C), np.float32)
    layer = Conv2D(case.n_out, case.k, "linear", dtype="float32", rng=rng)
    dLdY = rng.standard_normal((*X.shape[:3], case.n_out), np.float32)

    def by(channels: dict[int, int]) -> tuple[float, float]:
        with mock.patch.object(fast_convolution, "MIN_CHANNELS", channels):
            start = perf_counter()
            layer.forward_faster(X)
            middle = perf_counter()
            layer.backward_faster(dLdY)
            return middle - start, perf_counter() - middle

    return [lambda: by({case.k: 1}), lambda: by({})]


def rounds(both: Sequence[Timer], seconds: float) -> Iterator[tuple[float, float, float, float]]:
    """Forward of both methods and backward of both, in turn, with the threads of a training."""
    with network_threads(sys.maxsize, splits_batch=True):
        for work in both:  # once for the memory and the caches
            work()
        start, n = perf_counter(), 0
        while n < LEAST_ROUNDS or perf_counter() - start < seconds:
            (forward, backward), (plain_forward, plain_backward) = (work() for work in both)
            yield forward, plain_forward, backward, plain_backward
            n += 1


def print_workspaces(seconds: float, seed: int) -> None:
    """Print the time of a convolution's output by the size of ``winograd.WORKSPACE``."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal(WORKSPACE_SHAPE, np.float32)
    layer = Conv2D(WORKSPACE_SHAPE[3], 3, "linear", dtype="float32", rng=rng)
    found: dict[int, list[float]] = {size: [] for size in WORKSPACES}
    with network_threads(sys.maxsize, splits_batch=True):
        n_threads, start = slices(), perf_counter()
        layer.forward_faster(X)
        while perf_counter() - start < 5 * seconds or len(found[WORKSPACES[-1]]) < LEAST_ROUNDS:
            for size, times in found.items():
                with mock.patch.object(winograd, "WORKSPACE", size):
                    before = perf_counter()
                    layer.forward_faster(X)
                    times.append(1e3 * (perf_counter() - before))
    m, H, W, C = WORKSPACE_SHAPE
    print(f"\nWorkspace: output of ({m}, {H}, {W}, {C}) → {C}, 3×3, {n_threads} thread(s)\n")
    print(f"{'KiB':>6} {'minimum':>10} {'median':>10}")
    for size, times in found.items():
        used = "  the library's" if size == winograd.WORKSPACE else ""
        print(f"{size // 1024:6} {min(times):7.2f} ms {median(times):7.2f} ms{used}")


if __name__ == "__main__":
    sys.exit(main())
