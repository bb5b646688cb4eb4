"""The process that measures one point of a sweep: time and memory of a training step.

``python -m benchmarks.scale.point SWEEP SIZE SECONDS SEED`` prints the point as a line of JSON.

Memory is measured twice. ``tracemalloc`` counts the arrays, as NumPy reports each of them to it: to
the byte, whatever the process has kept from earlier work. That is compared with the formula, in one
thread: the workspaces of two are full at the same moment in some steps, and not in others. The
peak of the process's own memory also has BLAS's workspaces, and what the allocator keeps; it comes
in pages, and in leaps.
"""

import json
import resource
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

from benchmarks.scale.memory import data_bytes, run_memory, training_memory
from benchmarks.scale.sweeps import SWEEPS, Sweep, build_model, draw_batch, draw_dataset
from benchmarks.worker import seconds_per_call, seconds_waited

BLOCK = 0.02
"""Seconds of a block at least; it has one step or more."""
FEWEST_BLOCKS = 3
TRACED = 2
"""Traced steps or epochs. The second one has arrays of the first beside its own; more add none."""


class Point(NamedTuple):
    """A size of a sweep, and what was measured.

    Attributes
    ----------
    size : int
    minimum, median : float
        Seconds of a step, or of an epoch: the least, and the median of the blocks.
    arrays : int
        Bytes that arrays, and Python's objects, occupied at most.
    process : int
        Bytes by which the peak of the process's memory grew.
    formula : int
        Bytes by the formula of ``memory``.
    data : int
        Those of the dataset in a sweep over rows, else 0.
    waited : float
        Seconds that threads waited for a core during the blocks, as a share of their time.
    """

    size: int
    minimum: float
    median: float
    arrays: int
    process: int
    formula: int
    data: int
    waited: float


class Work(NamedTuple):
    """A training.

    Attributes
    ----------
    run : function
        Makes a number of steps, or of epochs.
    formula : function
        Its memory in bytes, by the formula.
    data : int
        Bytes of its dataset.
    """

    run: Callable[[int], Any]
    formula: Callable[[], int]
    data: int


@contextmanager
def training(sweep: Sweep, size: int, seed: int, n_threads: int | None = None) -> Iterator[Work]:
    """A context with the training of a point, and the threads that it needs, or so many."""
    layers, shape = sweep.build(size)
    model = build_model(layers, seed, n_threads)
    if sweep.by_epoch:
        dataset = draw_dataset(shape, seed)
        yield Work(
            lambda n: model.train(dataset, n),
            lambda: run_memory(model, dataset),
            data_bytes(dataset),
        )
        return
    X, Y = draw_batch(shape, seed)
    model.create_parameters(shape[1:])

    def run(n: int) -> None:
        for _ in range(n):
            model.backward(Y, model.forward(X))
            model.update(0)

    with model.threads(shape):  # once for all steps, as in training
        yield Work(run, lambda: training_memory(model, shape).total, 0)


def measure(name: str, size: int, seconds: float, seed: int) -> Point:
    """Measure a point. The process should be a new one, since its memory never becomes less."""
    sweep = SWEEPS[name]
    arrays, process, formula, data = measure_memory(sweep, size, seed)
    with training(sweep, size, seed) as work:
        work.run(1)
        before, start = seconds_waited(), perf_counter()
        times = blocks(partial(work.run, 1), seconds)
        waited = (seconds_waited() - before) / (perf_counter() - start)
    return Point(size, min(times), median(times), arrays, process, formula, data, waited)


def measure_memory(sweep: Sweep, size: int, seed: int) -> tuple[int, int, int, int]:
    """Bytes of arrays, of the process, by the formula, and of the dataset, in one thread."""
    small = sweep if sweep.by_epoch else SWEEPS["depth"]
    with training(small, min(small.values), seed, n_threads=1) as work:
        work.run(1)  # imports, and the workspaces of BLAS
    before = process_peak()
    tracemalloc.start()
    try:
        with training(sweep, size, seed, n_threads=1) as work:
            work.run(TRACED)
            arrays, process = tracemalloc.get_traced_memory()[1], process_peak() - before
            return arrays, process, work.formula(), work.data
    finally:
        tracemalloc.stop()


def blocks(step: Callable[[], Any], seconds: float) -> list[float]:
    """Seconds of a step, in each of the blocks that fit into a time, and in three at least."""
    times, start = [], perf_counter()
    while len(times) < FEWEST_BLOCKS or perf_counter() - start < seconds:
        times.append(seconds_per_call(step, BLOCK))
    return times


def process_peak() -> int:
    """The greatest memory of this process so far, in bytes.

    Linux gives a new program the peak of the process that started it in ``getrusage``, but not in
    its own ``VmHWM``.
    """
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text(encoding="utf-8").splitlines()
        peak = next(line for line in lines if line.startswith("VmHWM"))
        return 1024 * int(peak.split()[1])
    peak_by_system = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak_by_system if sys.platform == "darwin" else 1024 * peak_by_system


if __name__ == "__main__":
    _, sweep_name, point_size, of_time, of_draws = sys.argv
    point = measure(sweep_name, int(point_size), float(of_time), int(of_draws))
    print(json.dumps(point._asdict()))
