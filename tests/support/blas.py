"""BLAS's number of threads in tests, and interrupts at every point of a piece of code."""

import sys
import threading
from collections.abc import Callable, Collection
from unittest import mock

from threadpoolctl import threadpool_info, threadpool_limits

from neural_networks.utils import blas


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

    It yields the place of each interrupt. Python raises one at calls, lines and opcodes; at the
    events "return" of its tracing, which nothing else raises at, there are none.
    """
    number = 0
    while True:
        number += 1
        place = _interrupt(work, files, opcodes, number)
        if place is None:
            return
        yield place


def _interrupt(work, files, opcodes, number):
    left, place = number, None

    def trace(frame, event, arg):
        nonlocal left, place
        if frame.f_code.co_filename not in files:
            return None
        frame.f_trace_opcodes = opcodes
        left -= event != "return"
        if left == 0 and event != "return":
            sys.settrace(None)
            place = f"{frame.f_code.co_filename}:{frame.f_lineno}, {event}"
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    # In a generator that is being closed, Python reports it and goes on.
    with mock.patch.object(sys, "unraisablehook"):
        sys.settrace(trace)
        try:
            work()
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(before)
    return place
