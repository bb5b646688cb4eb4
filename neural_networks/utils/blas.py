"""The threads of NumPy's BLAS, and limits on their number that are counted for the process.

BLAS has one number of threads for the whole process. Two Python threads that each set it and set
it back restore the wrong number if they overlap: the second one finds the limit of the first. So
all limits are kept here. The lowest one holds, and after the last one the number is as before.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from threading import RLock, get_ident
from typing import Any

import numpy  # noqa: F401, loads its BLAS


class Library:
    """A BLAS library, and the number of threads that it has without limits.

    Parameters
    ----------
    controller : threadpoolctl.LibController
    """

    def __init__(self, controller: Any) -> None:
        self.controller = controller
        self.own = controller.num_threads

    def limited(self, limits: Iterable[float]) -> float:
        """The number of threads with these limits."""
        return min([self.own, *limits])

    def limit(self, before: Iterable[float], limits: Iterable[float]) -> None:
        """Set limits in place of those before."""
        now = self.controller.num_threads
        if now != self.limited(before):
            self.own = now  # other code has set it
        if now != (wanted := self.limited(limits)):
            self._set(wanted)

    def lift(self, before: Iterable[float], limits: Iterable[float]) -> None:
        """Return to fewer limits, unless other code has set a number in the meantime."""
        now, wanted = self.limited(before), self.limited(limits)
        if now != wanted and now == self.controller.num_threads:
            self._set(wanted)

    def _set(self, n: float) -> None:
        # threadpoolctl lets one Python thread control a library, and ignores the others. Here they
        # take turns; afterwards it is free.
        release = getattr(self.controller, "clear_controlling_thread", None)
        if release:
            release(force=True)
        self.controller.set_num_threads(n)
        if release:
            release()


@cache
def controllers() -> list[Any]:
    """The loaded BLAS libraries, NumPy's first; empty without the package threadpoolctl."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return []
    found = ThreadpoolController().select(user_api="blas").lib_controllers
    # SciPy, which scikit-learn loads, has a BLAS of its own.
    return sorted(found, key=lambda controller: "numpy" not in controller.filepath)


@cache
def libraries() -> list[Library]:
    """The libraries whose number of threads can be limited for the process.

    With OpenMP, the number is that of each Python thread: such a library is left as it is.
    """
    return [
        Library(controller)
        for controller in controllers()
        if getattr(controller, "threading_layer", None) != "openmp"
    ]


class Limit:
    """A limit on the number of BLAS's threads, in the whole process.

    ``set`` and ``lift`` may be called in any order, more than once, and again after an interrupt
    in the middle of them. A limit never raises the number. A number that other code sets in the
    meantime, as ``threadpoolctl.threadpool_limits`` does, stays.
    """

    def __init__(self) -> None:
        self.thread = get_ident()

    @property
    def is_set(self) -> bool:
        """True from ``set`` to ``lift``."""
        return self in _limits

    def set(self, n: float) -> int:
        """Set the limit to n threads; the number of threads without all limits is returned."""
        for limit in list(_of_another_process):
            limit.lift()
            _of_another_process.remove(limit)
        with _lock:
            before = list(_limits.values())
            _limits[self] = n  # first, so that lift sets back whatever follows
            for library in libraries():
                library.limit(before, _limits.values())
            return libraries()[0].own if libraries() else 1

    def lift(self) -> None:
        """Remove the limit, if it is set."""
        if self.is_set:
            with _lock:
                others = [n for limit, n in _limits.items() if limit is not self]
                for library in libraries():
                    library.lift(_limits.values(), others)
                del _limits[self]  # last, so that a second call completes an interrupted one


def unlock() -> None:
    """Let other threads change limits, if an interrupt has left the lock to this one."""
    with suppress(RuntimeError):  # it is not held any more
        while True:
            _lock.release()


_limits: dict[Limit, float] = {}
"""All limits that are set."""

_of_another_process: list[Limit] = []
"""After a fork: limits of threads that the child process does not have."""

_lock = RLock()
"""Held while limits change. A thread to which an interrupt has left it may take it again, to lift
its limit."""


def _after_fork() -> None:
    """Keep the limits of the only thread of a child process."""
    global _lock
    _lock = RLock()  # another thread may have held it
    _of_another_process.extend(limit for limit in _limits if limit.thread != get_ident())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
