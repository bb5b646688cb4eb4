"""The process that runs one side of a row.

It reads requests from standard input and answers on standard output, one line of JSON each:
``["check"]``, ``["prepare", seconds]`` and ``["block", seconds]``. The answer is
``{"value": ...}``, or ``{"error": "one line"}`` and the end of the process.
"""

import contextlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.machine import library_versions
from benchmarks.rows import ROWS
from benchmarks.rows.row import Step

PRELUDE = 0.005
"""Seconds that a block runs before its clock starts, to warm up caches and threads."""

RACE_BLOCK = 0.05
RACE_ROUNDS = 8


class Side:
    """One side of a row.

    Parameters
    ----------
    row : str
        The row's name.
    side : str
        ``"ours"`` or ``"theirs"``.
    seed : int
        Seed of weights and data.
    """

    def __init__(self, row: str, side: str, seed: int) -> None:
        self.row = ROWS[row]
        self.variants = self.row.variants(side)
        self.seed = seed
        self.step: Step

    def check(self) -> dict[str, list[list[float]]]:
        """Run the first steps of each variant; returns a list of numbers for each step."""
        results = {}
        for name, setup in self.variants.items():
            step = setup(self.seed)
            numbers = (self.row.numbers(step()) for _ in range(self.row.check_steps))
            results[name] = [[float(number) for number in one] for one in numbers]
        return results

    def prepare(self, seconds: float) -> dict[str, Any]:
        """Build the workload and warm it up for at least ``seconds``.

        Returns
        -------
        dict
            ``variant``, the name of the fastest variant, and ``libraries``, their versions.
        """
        steps = {name: setup(self.seed) for name, setup in self.variants.items()}
        for step in steps.values():
            seconds_per_call(step, seconds / len(steps))
        name = fastest(steps)
        self.step = steps[name]
        return {"variant": name, "libraries": library_versions()}

    def block(self, seconds: float) -> tuple[float, float]:
        """Run a block of at least ``seconds``.

        Returns
        -------
        seconds_per_call : float
        waited : float
            Seconds that its threads waited for a core, as a share of the block's length.
        """
        seconds_per_call(self.step, PRELUDE)
        before, start = seconds_waited(), perf_counter()
        result = seconds_per_call(self.step, seconds)
        return result, (seconds_waited() - before) / (perf_counter() - start)


def seconds_waited() -> float:
    """Seconds that this process's threads have waited for a core while ready to run.

    Linux counts it, in nanoseconds; elsewhere it is 0.
    """
    total = 0
    for path in Path("/proc/self/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):  # the thread has ended in the meantime
            total += int(path.read_text().split()[1])
    return 1e-9 * total


def seconds_per_call(step: Step, seconds: float) -> float:
    """Mean time of a call, over as many calls as take at least ``seconds``.

    Reading the clock after each call costs 0.1 µs.
    """
    calls = 0
    start = perf_counter()
    while True:
        step()
        calls += 1
        elapsed = perf_counter() - start
        if elapsed >= seconds:
            return elapsed / calls


def fastest(steps: dict[str, Step]) -> str:
    """The name of the step with the shortest block."""
    if len(steps) == 1:
        return next(iter(steps))
    best = dict.fromkeys(steps, float("inf"))
    for _ in range(RACE_ROUNDS):
        for name, step in steps.items():
            best[name] = min(best[name], seconds_per_call(step, RACE_BLOCK))
    return min(best, key=best.__getitem__)


def serve(row: str, side: str, seed: int) -> int:
    """Answer requests until standard input ends; returns the exit status."""
    answers = sys.stdout
    # The output of a library must not be taken for an answer.
    with contextlib.redirect_stdout(sys.stderr):
        try:
            workload = Side(row, side, seed)
            for line in sys.stdin:
                request, *arguments = json.loads(line)
                method: Callable[..., Any] = getattr(workload, request)
                print(json.dumps({"value": method(*arguments)}), file=answers, flush=True)
        except BrokenPipeError:  # the parent process has ended
            return 1
        except Exception as error:
            message = " ".join(f"{type(error).__name__}: {error}".split())
            print(json.dumps({"error": message}), file=answers, flush=True)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(serve(sys.argv[1], sys.argv[2], int(sys.argv[3])))
