"""The use of the processor by other processes, and waiting until it is low.

Linux counts the time of each core in ``/proc/stat``; elsewhere nothing is known, and no time is
waited.
"""

import os
import sys
import time
from pathlib import Path

from tqdm import tqdm

STAT = Path("/proc/stat")
LIMIT = 0.05
"""The share of the cores' time up to which the machine is quiet."""

LOOK = 3.0
"""Seconds of one look at the machine."""

IDLE = slice(3, 5)
"""The columns idle and iowait of a core's line; the others are time of processes or of the host."""


class Use:
    """The use of the cores by others since this object was made."""

    def __init__(self) -> None:
        self._before = busy_seconds()
        self._own = own_seconds()
        self._start = time.monotonic()

    def share(self) -> float:
        """Their share of the cores' time; 0 where it is not known.

        A process that this one has started counts as its own when it has ended.
        """
        busy = busy_seconds() - self._before
        own = own_seconds() - self._own
        cores = len(usable_cores())
        return max(0.0, (busy - own) / (cores * (time.monotonic() - self._start)))


class Patience:
    """Waits for a quiet machine, a limited time in all.

    Parameters
    ----------
    seconds : float
        The time.
    """

    def __init__(self, seconds: float) -> None:
        self.left = seconds
        self._told = False

    def wait(self) -> bool:
        """Wait until others use little of the processor; False if the time is over before."""
        while True:
            use = Use()
            time.sleep(LOOK)
            share = use.share()
            if share <= LIMIT:
                return True
            if self.left <= 0:
                return False
            if not self._told:
                words = f"waiting for other processes, which use {share:.0%} of the cores"
                tqdm.write(f"{words}, for {self.left:.0f} s at most", file=sys.stderr)
                self._told = True
            self.left -= LOOK


def usable_cores() -> set[int]:
    """The numbers of the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def busy_seconds() -> float:
    """Seconds that these cores have worked since the start of the machine; 0 if not known."""
    names = {f"cpu{core}" for core in usable_cores()}
    ticks = 0
    for line in STAT.read_text().splitlines() if STAT.exists() else ():
        name, *numbers = line.split()
        if name in names:
            times = [int(number) for number in numbers[:8]]  # the rest is counted in these
            ticks += sum(times) - sum(times[IDLE])
    return ticks / os.sysconf("SC_CLK_TCK") if ticks else 0.0


def own_seconds() -> float:
    """Seconds that this process and those that it has started, and that have ended, have worked."""
    own = os.times()
    return own.user + own.system + own.children_user + own.children_system
