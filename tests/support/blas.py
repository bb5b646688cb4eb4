"""BLAS's number of threads in tests, and interrupts at every point of a piece of code."""

import threading
from collections.abc import Callable, Collection
from itertools import count

from threadpoolctl import threadpool_info, threadpool_limits

from neural_networks.utils import blas
from tests.support.tracing import EVENTS, interrupt_at


def blas_threads():
    """The number of threads of NumPy's BLAS."""
    return blas.controllers()[0].num_threads


def two_blas_threads(test):
    """Give BLAS two threads for a test, whatever the environment says."""
    before = {p["filepath"]: p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas"}
    threadpool_limits(2, user_api="blas")
    test.addCleanup(threadpool_limits, before)


def in_thread(work, timeout=60):
    """The result of a function in a thread of its own; an error if it does not end."""
    results = []
    thread = threading.Thread(target=lambda: results.append(work()), daemon=True)
    thread.start()
    thread.join(timeout)
    if not results:
        raise AssertionError(f"the thread has {'not ended' if thread.is_alive() else 'failed'}")
    return results[0]


def interrupts(work: Callable[[], object], files: Collection[str], opcodes: bool = True):
    """Interrupt a function at each event in some files in turn, once a call.

    It yields the place of each interrupt.
    """
    events = EVENTS if opcodes else [event for event in EVENTS if event != "opcode"]
    for number in count(1):
        _, place = interrupt_at(number, work, files.__contains__, events)
        if place is None:
            return
        yield place
