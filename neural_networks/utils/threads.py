"""Threads over slices of a batch.

BLAS has its own threads, which split every single product; the copying and adding between the
products stays on one core, and each product waits for the slower thread. Neither happens if each
thread does all the work for a slice of the batch. BLAS is then limited to one thread: its idle
threads wait by spinning and would take the cores from these.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from functools import cache
from itertools import pairwise
from typing import Any, TypeVar

T = TypeVar("T")

_threads = ContextVar("threads", default=1)


@contextmanager
def batch_threads() -> Iterator[None]:
    """A context in which ``map_slices`` has as many threads as BLAS had, and BLAS has one.

    It changes nothing inside another such context, without the package threadpoolctl, or if BLAS
    has one thread already.
    """
    blas = None if _threads.get() > 1 else _blas()
    if blas is None:
        yield
        return
    with blas.limit(limits=1, user_api="blas") as before:
        token = _threads.set(before.get_original_num_threads()["blas"] or 1)
        try:
            yield
        finally:
            _threads.reset(token)


def map_slices(work: Callable[[slice], T], m: int, least: int) -> list[T]:
    """Call ``work`` on slices of m images, concurrently inside ``batch_threads``.

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
    n = max(1, min(_threads.get(), m // least))
    bounds = [m * i // n for i in range(n + 1)]
    first, *others = [slice(start, stop) for start, stop in pairwise(bounds)]
    # A thread gets a copy of this one's context, which holds the settings of np.errstate.
    started = [_pool(n - 1).submit(copy_context().run, work, part) for part in others]
    return [work(first), *(future.result() for future in started)]


@cache
def _blas() -> Any:
    """The controller of BLAS's threads, or None; without one, threads over slices do harm."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return None
    blas = ThreadpoolController().select(user_api="blas")
    return blas if len(blas) else None


@cache
def _pool(n: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(n, thread_name_prefix="slice")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # a child has no threads
