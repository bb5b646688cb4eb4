"""Cost of ``model.train`` over bare steps: forward, backward and update.

Training also draws the batches, computes the error of each, records the step and keeps the best
parameters. Both go through the same batches, of random data, in alternating blocks.
"""

import argparse
import contextlib
import io
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from time import monotonic, perf_counter
from typing import Any, NamedTuple

import numpy as np

from benchmarks.machine import library_versions, machine_line
from benchmarks.page import Page, PageError, add_flag, wrapped
from benchmarks.quiet import LIMIT, Patience, Use
from benchmarks.rows.dense import FASHION, IRIS, Network
from neural_networks.datasets import Dataset
from neural_networks.utils.arguments import Parser

BLOCK = 0.2
"""Seconds of a block, about; a call of ``train`` goes through its epochs."""

HEAD = "network", "bare step, µs", "`train`, µs", "more", "of it drawing", "at most", "met"

Batches = list[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Work:
    """A training without a validation set.

    Attributes
    ----------
    title : str
    network : Network
    m, batches : int
        Examples of a batch, and batches of an epoch.
    most_us, most_share : float
        The greatest cost that is good: microseconds a step, or a share of the bare step.
    """

    title: str
    network: Network
    m: int
    batches: int
    most_us: float = float("inf")
    most_share: float = float("inf")

    def limit(self) -> str:
        """The greatest cost in words."""
        return f"{self.most_us:g} µs" if self.most_us < 1e9 else f"{self.most_share:.0%}"


class Cost(NamedTuple):
    """Medians of the blocks, in microseconds a step.

    Attributes
    ----------
    bare, train : float
        A bare step, and one of ``train``.
    more : float
        The median difference of neighboring blocks.
    share : float
        The median of the differences as shares of the bare step.
    drawing : float
        Drawing a batch, which is a part of ``train``.
    """

    bare: float
    train: float
    more: float
    share: float
    drawing: float

    def is_good(self, work: Work) -> bool:
        """True if the cost is within the limits of the work."""
        return self.more <= work.most_us and self.share <= work.most_share


WORKS = (
    Work("Iris 4-10-3, batch 25, SGD", IRIS, 25, batches=6, most_us=25),
    Work("Fashion-MNIST 784-256-128-10, batch 128, Adam", FASHION, 128, 50, most_share=0.05),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the works and print a table; returns the exit status, 1 if a cost is too high."""
    flags = parse(argv)
    try:
        page = Page(flags.write_docs, "overhead") if flags.write_docs else None
        Patience(flags.wait).wait()
        use = Use()
        costs = {work: measure(work, flags.seconds) for work in WORKS}
        lines = [*table(costs), "", *wrapped(facts(use.share()))]
        print("\n".join(lines))
        if page:
            page.replace(lines)
    except (PageError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return int(not all(cost.is_good(work) for work, cost in costs.items()))


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line's flags."""
    parser = Parser(prog="python -m benchmarks.overhead", description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="for each network")
    parser.add_argument("--wait", type=float, default=300.0, help="for a quiet machine, at most")
    add_flag(parser)
    flags = parser.parse_args(argv)
    if not 0 < flags.seconds < float("inf"):
        parser.error(f"--seconds must be positive, got {flags.seconds:g}")
    return flags


def measure(work: Work, seconds: float) -> Cost:
    """The cost of training, from blocks in turn for a number of seconds, at least 5 of each."""
    X, classes = work.network.draw_batch(0, work.m * work.batches)
    dataset = Dataset(X, work.network.labels(classes), work.m, seed=0)
    trained, bare = work.network.build(), work.network.build()
    batches = [dataset.train.sample() for _ in range(work.batches)]
    bare.create_parameters(X.shape[1:])
    epochs = max(1, round(BLOCK / (work.batches * seconds_per_step(bare, batches, 1))))
    steps, blocks = epochs * work.batches, []
    start = monotonic()
    with contextlib.redirect_stderr(io.StringIO()):  # no progress bar, whose time depends on it
        trained.train(dataset, epochs=1)
        while monotonic() - start < seconds or len(blocks) < 5:
            before = perf_counter()
            trained.train(dataset, epochs=epochs)
            training = (perf_counter() - before) / steps
            drawing = seconds_to_draw(dataset, steps)
            blocks.append((seconds_per_step(bare, batches, epochs), training, drawing))
    return cost_of(blocks)


def cost_of(blocks: Sequence[tuple[float, float, float]]) -> Cost:
    """The medians of blocks, each the seconds of a bare step, of ``train`` and of drawing."""
    columns: Iterator[Any] = zip(*blocks, strict=True)
    bare, train, drawing = (1e6 * median(column) for column in columns)
    more = 1e6 * median(b - a for a, b, _ in blocks)
    return Cost(bare, train, more, median(b / a - 1 for a, b, _ in blocks), drawing)


def seconds_per_step(model: Any, batches: Batches, epochs: int) -> float:
    """Mean time of a bare step."""
    with model.threads(batches[0][0].shape):  # once for all steps, as in training
        start = perf_counter()
        for _ in range(epochs):
            for X, Y in batches:
                model.backward(Y, model.forward(X))
                model.update(0)
        return (perf_counter() - start) / (epochs * len(batches))


def seconds_to_draw(dataset: Dataset, n: int) -> float:
    """Mean time of drawing a batch."""
    start = perf_counter()
    for _ in range(n):
        dataset.train.sample()
    return (perf_counter() - start) / n


def table(costs: dict[Work, Cost]) -> list[str]:
    """The lines of a Markdown table."""
    lines = [f"| {' | '.join(HEAD)} |", "|" + " --- |" * len(HEAD)]
    for work, cost in costs.items():
        cells = [
            work.title,
            f"{cost.bare:.1f}",
            f"{cost.train:.1f}",
            f"{cost.more:.1f} µs, {cost.share:.1%}",
            f"{cost.drawing:.1f} µs",
            work.limit(),
            "yes" if cost.is_good(work) else "no",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def facts(others: float) -> str:
    """A sentence about the machine, and about other processes."""
    versions = library_versions()
    blas = "; ".join(text for name, text in versions.items() if name.startswith("blas"))
    quiet = "quiet" if others <= LIMIT else "**not quiet**"
    return (
        f"Measured {machine_line()}, NumPy {versions['numpy']}, BLAS {blas}. The machine was "
        f"{quiet}: other processes used {others:.0%} of its cores."
    )


if __name__ == "__main__":
    sys.exit(main())
