"""Alternating measurement of the two sides of a row.

Each side has its own process, and only one of the two runs at any time: BLAS and OpenMP
threads keep spinning for a while after a call, and would take cores from the other side.
"""

import json
import math
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from operator import truediv
from pathlib import Path
from statistics import median, quantiles
from time import monotonic
from types import TracebackType
from typing import Any

from benchmarks.kernels import Kernels, environment
from benchmarks.machine import THREAD_VARIABLES
from benchmarks.quiet import Use
from benchmarks.rows import ROWS

ROOT = Path(__file__).resolve().parents[1]
BLOCK = 0.05
"""Seconds of a block; shorter ones measure the scheduler."""
WARM_UP = 1.0
FEWEST_PAIRS = 5
LONGEST_WAIT = 0.1
"""A block is disturbed if its threads waited for a core for a greater share of its length.

Two threads that spin until both have arrived take 300 times as long when a third process uses
one of two cores; such a pair of blocks is meaningless.
"""


Pair = tuple[tuple[float, float], tuple[float, float]]
"""Neighboring blocks, ours and theirs: for each, seconds per step and the share spent waiting."""


class BenchmarkError(Exception):
    """A worker has failed, or the two sides do not compute the same."""


class Worker(AbstractContextManager["Worker"]):
    """A process for one side of a row, stopped (as by Ctrl-Z) except while it answers a request.

    It is the only member of its process group. Ctrl-C on the terminal therefore reaches only
    this process, which ends its workers. If this process is killed, POSIX makes the system send
    SIGHUP and SIGCONT to the orphaned stopped group, so a worker never stays behind.
    """

    def __init__(self, row: str, side: str, threads: int, seed: int, kernels: str = "own") -> None:
        self.name = f"{row}, {side}"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", row, side, str(seed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            cwd=ROOT,
            env=environment(kernels) | dict.fromkeys(THREAD_VARIABLES, str(threads)),
            process_group=0,
        )
        self._process.send_signal(signal.SIGSTOP)

    def ask(self, request: str, *arguments: float) -> Any:
        """Let the worker run until it has answered; returns the answer.

        Raises
        ------
        BenchmarkError
            If the request has failed or the process has ended.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.send_signal(signal.SIGCONT)
        try:
            self._process.stdin.write(json.dumps([request, *arguments]) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise BenchmarkError(f"{self.name}: ended with status {self._process.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise BenchmarkError(f"{self.name}: {answer['error']}")
        self._process.send_signal(signal.SIGSTOP)
        return answer["value"]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the process; SIGKILL also ends a stopped one."""
        self._process.kill()
        self._process.communicate()


@dataclass(frozen=True)
class Result:
    """A row's measurement.

    Attributes
    ----------
    row : str
    kernels, architecture : str
        The kernels of NumPy's BLAS, see ``Kernels``.
    ours_us, theirs_us : float
        Microseconds per step: the median of the blocks.
    ours_least_us, theirs_least_us : float
        The minimum of the blocks.
    ratio, low, high : float
        Median and quartiles of our time / theirs, over pairs of neighboring blocks.
    ratio_of_least : float
        Our minimum / theirs.
    pairs : int
        Number of pairs of blocks.
    disturbed : int
        Number of pairs excluded because other processes disturbed them.
    reach, stretch : float
        The targets, see ``Goal``.
    verdict : str
        ``"stretch"``, ``"reach"``, ``"no"``, or ``"busy"`` if too few pairs were undisturbed; the
        figures are then those of all pairs, and meaningless.
    variant : str
        The fastest of their variants.
    others : float
        The share of the cores' time that other processes used meanwhile.
    libraries : dict
        The libraries of both sides, with versions.
    """

    row: str
    kernels: str
    architecture: str
    ours_us: float
    ours_least_us: float
    theirs_us: float
    theirs_least_us: float
    ratio: float
    low: float
    high: float
    ratio_of_least: float
    pairs: int
    disturbed: int
    reach: float
    stretch: float
    verdict: str
    variant: str
    others: float
    libraries: dict[str, dict[str, str]]


def measure(
    row: str,
    kernels: Kernels,
    seconds: float,
    threads: int,
    seed: int,
    progress: Callable[[float], object],
) -> Result:
    """Check that both sides of a row compute the same, then time them in alternating blocks.

    Parameters
    ----------
    row : str
        The row's name.
    kernels : Kernels
        The kernels of NumPy's BLAS, on both sides.
    seconds : float
        Duration of the measurement, without the check and the warm-up.
    threads : int
        Number of threads of each side.
    seed : int
        Seed of weights and data.
    progress : function
        Called after each pair of blocks with its duration in seconds.

    Raises
    ------
    BenchmarkError
        If a side fails, or they do not compute the same.
    """
    use = Use()
    settings = threads, seed, kernels.name
    with Worker(row, "ours", *settings) as ours, Worker(row, "theirs", *settings) as theirs:
        compare(row, ours.ask("check"), theirs.ask("check"))
        facts = {"ours": ours.ask("prepare", WARM_UP), "theirs": theirs.ask("prepare", WARM_UP)}
        pairs: list[Pair] = []
        start = now = monotonic()
        while now - start < seconds or len(pairs) < FEWEST_PAIRS:
            pairs.append((ours.ask("block", BLOCK), theirs.ask("block", BLOCK)))
            before, now = now, monotonic()
            progress(now - before)
    return summarize(row, kernels, pairs, facts, use.share())


def check(row: str, threads: int, seed: int) -> None:
    """Raise ``BenchmarkError`` unless both sides of a row compute the same."""
    with Worker(row, "ours", threads, seed) as ours, Worker(row, "theirs", threads, seed) as theirs:
        compare(row, ours.ask("check"), theirs.ask("check"))


def compare(
    row: str, ours: dict[str, list[list[float]]], theirs: dict[str, list[list[float]]]
) -> None:
    """Raise ``BenchmarkError`` at the first step where a variant of theirs differs from ours.

    Parameters
    ----------
    row : str
        The row's name.
    ours, theirs : dict
        For each variant, a list of numbers for each step.
    """
    (expected,) = ours.values()
    for variant, found in theirs.items():
        for i, (a, b) in enumerate(zip(expected, found, strict=True), start=1):
            if not agree(a, b, ROWS[row].tolerance):
                raise BenchmarkError(
                    f"{row}: in step {i}, ours computes {a} but theirs ({variant}) {b}"
                )


def agree(a: Sequence[float], b: Sequence[float], tolerance: float) -> bool:
    """True if two lists of numbers are equal up to rounding; NaN and infinity never are."""
    return len(a) == len(b) and all(
        math.isfinite(x) and math.isclose(x, y, rel_tol=tolerance)
        for x, y in zip(a, b, strict=True)
    )


def summarize(
    row: str,
    kernels: Kernels,
    pairs: Sequence[Pair],
    facts: dict[str, dict[str, Any]],
    others: float = 0.0,
) -> Result:
    """Medians, quartiles and minima of the undisturbed pairs."""
    calm = [pair for pair in pairs if max(waited for _, waited in pair) <= LONGEST_WAIT]
    busy = len(calm) < FEWEST_PAIRS
    ours, theirs = zip(*((a, b) for (a, _), (b, _) in (pairs if busy else calm)), strict=True)
    ratios = list(map(truediv, ours, theirs))
    low, ratio, high = quantiles(ratios, n=4, method="inclusive")
    goal = ROWS[row].goals.with_kernels(kernels.architecture)
    return Result(
        row=row,
        kernels=kernels.name,
        architecture=kernels.architecture,
        **microseconds("ours", ours),
        **microseconds("theirs", theirs),
        ratio=ratio,
        low=low,
        high=high,
        ratio_of_least=min(ours) / min(theirs),
        pairs=len(ratios),
        disturbed=len(pairs) - len(calm),
        reach=goal.reach,
        stretch=goal.stretch,
        verdict="busy" if busy else goal.verdict(ratio),
        variant=facts["theirs"]["variant"],
        others=others,
        libraries={side: fact["libraries"] for side, fact in facts.items()},
    )


def microseconds(side: str, seconds: Sequence[float]) -> dict[str, float]:
    """The fields of ``Result`` with the median and the minimum of a side's times."""
    return {f"{side}_us": 1e6 * median(seconds), f"{side}_least_us": 1e6 * min(seconds)}
