"""Processes that a worker leaves behind: found by ``/proc`` and killed until none is left.

Another user's processes all go at once, by one call of the kernel, which no fork bomb outruns.
Those of the same user are told by descent: the grader adopts what a dead worker leaves behind.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

PROC = Path("/proc")
PR_SET_CHILD_SUBREAPER = 36
PATIENCE = 20.0
"""Seconds until killed processes must be gone."""

KILL_ALL = """\
import os, signal, sys
student, own = map(int, sys.argv[1:])
os.setgroups([])
os.setresuid(own, student, own)
os.kill(-1, signal.SIGKILL)
"""
"""Kills all processes of a user, which cannot kill it first: its own ids are another user's."""

lock = threading.Lock()
"""Held while a worker starts, and while those that are left behind are looked for."""

workers: set[int] = set()
"""The workers of this process that run as the same user."""


class SandboxError(RuntimeError):
    """Something of the grader's own does not work: no fault of a hand-in."""


def adopt_orphans() -> bool:
    """Become the parent of all descendants whose parent ends; True if the system can do that."""
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    return not libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def all_processes() -> Iterator[tuple[int, dict[str, list[str]]]]:
    """The number and the status of each process."""
    for entry in os.scandir(PROC):
        if not entry.name.isdigit():
            continue
        try:
            lines = (PROC / entry.name / "status").read_bytes().decode("utf-8", "replace")
        except OSError:  # it is gone
            continue
        pairs = (line.partition(":") for line in lines.splitlines())
        yield int(entry.name), {name: value.split() for name, _, value in pairs}


def processes_of(uid: int) -> list[int]:
    """The processes of a user, by any of its ids; of those that have ended only our own."""
    own = [str(os.getpid())]
    return [
        pid
        for pid, status in all_processes()
        if str(uid) in status.get("Uid", ())
        and (status["State"][0] != "Z" or status["PPid"] == own)
    ]


def kill_all_of(uid: int, helper: int) -> None:
    """Kill all processes of a user.

    Parameters
    ----------
    uid : int
    helper : int
        A user without processes.

    Raises
    ------
    SandboxError
        If they do not go.
    """
    command = [sys.executable, "-I", "-S", "-B", "-c", KILL_ALL, str(uid), str(helper)]

    def kill() -> list[int]:
        subprocess.run(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        return processes_of(uid)

    until_none(kill)


def kill_orphans(before: set[int]) -> None:
    """Kill what an ended worker of the same user has left behind.

    Parameters
    ----------
    before : set of int
        The children that were there before it.
    """

    def kill() -> list[int]:
        with lock:
            left = orphans(before | workers)
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        return left

    if PROC.is_dir():
        until_none(kill)


def until_none(kill: Callable[[], list[int]]) -> None:
    """Kill, and take note of the ends, until no process is found."""
    deadline = time.monotonic() + PATIENCE
    while left := kill():
        for pid in left:
            with contextlib.suppress(ChildProcessError):  # another's child
                os.waitpid(pid, os.WNOHANG)
        if time.monotonic() > deadline:
            raise SandboxError(f"{len(left)} processes of a hand-in do not end")
        time.sleep(0.005)


def children() -> set[int]:
    """The children of this process."""
    own = [str(os.getpid())]
    return {pid for pid, status in all_processes() if status.get("PPid") == own}


def orphans(known: set[int]) -> list[int]:
    """Children that this process has adopted, and all their descendants.

    They have another session: a worker starts one, and no way leads back.
    """
    parents = {pid: int(status["PPid"][0]) for pid, status in all_processes() if "PPid" in status}
    found = {
        pid
        for pid, parent in parents.items()
        if parent == os.getpid() and pid not in known and in_other_session(pid)
    }
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found)


def in_other_session(pid: int) -> bool:
    """True if a process is of another session than this one."""
    try:
        return os.getsid(pid) != os.getsid(0)
    except ProcessLookupError:
        return False
