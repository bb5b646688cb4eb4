"""Claim of a run on its folder: no two runs write into one folder at the same time."""

from __future__ import annotations

import os
import threading
import weakref
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


class Claim:
    """A claim on a folder: it ends with the object, or with the process.

    Parameters
    ----------
    folder : Path
    lock : Lock or None
        Keeps other processes out; None where there are no locks.

    Attributes
    ----------
    busy : bool
        True during a training. In this process, a run may replace another that is not.
    """

    def __init__(self, folder: Path, lock: Lock | None) -> None:
        self.folder = folder
        self.lock = lock
        self.busy = False
        self._lost = False

    def give_up(self) -> Lock | None:
        """Give the folder to another run; returns the lock."""
        lock, self.lock, self._lost = self.lock, None, True
        return lock

    def check(self) -> None:
        """Raise ``FileExistsError`` if the folder belongs to another run by now."""
        if self._lost:
            raise FileExistsError(
                f"another run has replaced the one in {self.folder}: reset() of its logger begins "
                "a new one"
            )


class Lock:
    """A locked folder, until the object is deleted, or the process ends, however that happens.

    Raises
    ------
    BlockingIOError
        If another process has locked it.
    OSError
        If the file system has no locks.
    """

    def __init__(self, folder: Path) -> None:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BaseException:
            os.close(descriptor)
            raise
        weakref.finalize(self, os.close, descriptor)


_claims: weakref.WeakValueDictionary[tuple[int, int], Claim] = weakref.WeakValueDictionary()
"""The claims of this process, by the numbers of device and folder."""

_one_at_a_time = threading.Lock()


def claim(folder: Path) -> Claim | None:
    """Claim a folder; None if a run is being written there.

    A run of this process that is not being trained gives its folder up.
    """
    with _one_at_a_time:
        status = folder.stat()
        key = status.st_dev, status.st_ino
        earlier = _claims.get(key)
        if earlier is not None and earlier.busy:
            return None
        try:
            lock = _lock(folder) if earlier is None else earlier.give_up()
        except BlockingIOError:
            return None
        _claims[key] = found = Claim(folder, lock)
        return found


def _lock(folder: Path) -> Lock | None:
    """Lock a folder; None where that is not possible, as on some network shares."""
    if fcntl is None:
        return None
    try:
        return Lock(folder)
    except BlockingIOError:
        raise
    except OSError:
        return None
