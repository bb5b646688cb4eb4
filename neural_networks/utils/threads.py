"""The threads of a network: the one place that decides on their number.

BLAS has its own threads, which split every single product and wait for each other at its end.

- **Small products** gain nothing from a second thread, and beside other processes they lose: while
  one thread waits for a core, the other one waits for it, in every product. So a network whose
  largest product is small gets one thread.
- **Layers that split the batch**, such as convolutions, have the copying and adding between their
  products split as well, if each thread does all the work for a slice of the batch
  (``map_slices``). BLAS then gets one thread: its idle ones wait by spinning, and would take the
  cores from these.
- **All other networks** use BLAS's threads.

The number is set once for a call of ``train`` or ``predict``; a layer's ``forward`` and
``backward`` set nothing. Without the package threadpoolctl it cannot be set, and BLAS's own threads
do all the work.
"""

import math
import os
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from itertools import pairwise
from typing import NamedTuple, TypeVar

import numpy as np

from neural_networks.utils.blas import Limit, libraries, unlock
from neural_networks.utils.convolution import chunks, images_at_once
from neural_networks.utils.validation import positive_integer

T = TypeVar("T")

SMALL_PRODUCT = 5_000_000
"""Multiplications of a matrix product below which one thread is as fast as two, or faster.

Measured for steps of training, alone on the machine: at 2.6 million, one thread was 1.46 times as
fast as two; at 12.9 million, two were 1.22 times as fast as one.
"""


class Threads(NamedTuple):
    """Numbers of threads in a context.

    Attributes
    ----------
    most : float
        The greatest number, of BLAS or of slices.
    slices : int
        The number of slices that ``map_slices`` makes of a batch, at most.
    limit : Limit or None
        The limit of the context, if it has one: it is over when that is lifted.
    outer : Threads or None
        Those of the context around it.
    asked : tuple or None
        What the context has asked for: the limit, and whether layers split the batch.
    """

    most: float = math.inf
    slices: int = 1
    limit: Limit | None = None
    outer: "Threads | None" = None
    asked: tuple[float, bool] | None = None


# The threads of a network allocate large arrays in every step. glibc's malloc returns their memory
# to the system at once, and gets it again page by page, until a larger array has been freed: from
# then on it keeps blocks of that size. So here is one, which is never written to.
np.empty(2**24, np.uint8)

_NO_LIMIT = Threads()
_threads = ContextVar("threads", default=_NO_LIMIT)


def current() -> Threads:
    """The numbers of threads here.

    They are those of the innermost context that is not over. One that is over may still be found,
    as after an interrupt contexts may end in the wrong order.
    """
    threads = _threads.get()
    while threads.limit is not None and not threads.limit.is_set:
        threads = threads.outer or _NO_LIMIT
    return threads


@contextmanager
def network_threads(
    largest_product: int, splits_batch: bool, at_most: int | None = None
) -> Iterator[None]:
    """A context with the threads that a network needs. It never raises their number.

    Such contexts may be nested, and overlap in several Python threads. BLAS's number of threads
    is the lowest that one of them asks for, and is set back after the last one, see ``blas``.

    Parameters
    ----------
    largest_product : int
        Multiplications of the network's largest matrix product for a batch.
    splits_batch : bool
        True if layers call ``map_slices``.
    at_most : int, optional
        The number of threads, in place of the rule for small products.
    """
    small = at_most is None and largest_product < SMALL_PRODUCT
    limit, before = Limit(), current()
    most = before.most if at_most is None else min(before.most, at_most)
    asked = (1 if small or splits_batch else most, splits_batch)
    if before.asked == asked and before.most == most:  # as ``predict`` within ``train``
        yield
        return

    def end() -> None:
        _threads.set(before)
        limit.lift()

    try:
        try:
            without_limits = limit.set(asked[0])
            n_slices = int(min(without_limits, most)) if splits_batch else 1
            _threads.set(Threads(most, n_slices, limit, before, asked))
            yield
        finally:
            end()
    finally:  # once more, as an interrupt may have stopped the first in the middle
        end()
        unlock()


def check_threads(n: int | None) -> int | None:
    """A number of threads as an argument: None, or at least 1; else ``ValueError``.

    Warns
    -----
    UserWarning
        If the number of BLAS's threads cannot be set.
    """
    if n is not None and not libraries():
        message = (
            f"n_threads={n} has no effect: the package threadpoolctl is missing, or does not know "
            "NumPy's BLAS; set OPENBLAS_NUM_THREADS before Python starts"
        )
        warnings.warn(message, stacklevel=3)
    return None if n is None else positive_integer("n_threads", n)


def slices() -> int:
    """The number of slices that ``map_slices`` makes of a batch here, at most."""
    return current().slices


def map_slices(work: Callable[[slice], T], m: int, least: int) -> list[T]:
    """Call ``work`` on slices of m images, at the same time inside ``network_threads``.

    Within a slice, nothing is split again.

    Parameters
    ----------
    work : function
        From a slice to its result.
    m : int
        Number of images.
    least : int
        Images in the smallest slice that is worth a thread.

    Returns
    -------
    list
        The results, in the order of the images.
    """
    n = max(1, min(slices(), m // least))
    bounds = [m * i // n for i in range(n + 1)]
    first, *others = [slice(start, stop) for start, stop in pairwise(bounds)]
    if not others:
        return [work(first)]
    # Each slice gets a copy of this thread's context, which holds the settings of np.errstate.
    context = copy_context()
    context.run(_threads.set, Threads(1, 1))
    futures = [_pool.submit(context.copy().run, work, part) for part in others]
    try:
        results = [context.run(work, first)]
        for part, future in zip(others, futures, strict=True):
            # A slice that still waits for a thread is computed in this one. So slices only wait
            # for others that are under way, and none waits forever.
            cancelled = future.cancel()
            results.append(context.run(work, part) if cancelled else future.result())
    except BaseException:
        _end(futures)
        raise
    return results


def map_chunks(work: Callable[[slice], T], m: int, bytes_per_image: int) -> list[T]:
    """``map_slices``, for a few images at a time: as many as fit into the cache."""

    def in_chunks(images: slice) -> list[T]:
        return [work(few) for few in chunks(images, bytes_per_image)]

    parts = map_slices(in_chunks, m, images_at_once(bytes_per_image))
    return [result for part in parts for result in part]


def _end(futures: list[Future[T]]) -> None:
    """Cancel all work that has not begun, and wait for the rest."""
    for future in futures:
        if not future.cancel():
            future.exception()


def _new_pool() -> ThreadPoolExecutor:
    """A pool for the process, whose threads start when they are needed."""
    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="slice")


def _after_fork() -> None:
    """A new pool for a child process, in which no thread of the old one exists."""
    global _pool
    _pool = _new_pool()


_pool = _new_pool()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
