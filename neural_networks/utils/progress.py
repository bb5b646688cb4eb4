"""Progress of long work: a bar on a terminal or in a notebook, elsewhere a line now and then."""

import os
import sys
import time
from contextlib import suppress
from typing import Any

from neural_networks.utils.notebooks import in_notebook
from neural_networks.utils.text import percent

LINES_APART = 30.0
"""Seconds between two lines, at least; so work that is shorter prints nothing."""

BAR_AFTER = 2.0
"""Seconds before a bar appears in a notebook, where it would stay in the output."""


class Lines:
    """Progress as lines on standard error, with tqdm's interface.

    Parameters
    ----------
    total : int
        The steps of the work.
    desc : str
        A name for it, with which ``update`` prints lines. Without one, ``set_postfix_str`` prints
        them: training calls it after each epoch, so that there is at most one line an epoch.
    **options
        Others of tqdm's; they are ignored.
    """

    def __init__(self, total: int = 0, desc: str = "", **options: Any) -> None:
        self.total, self.text = total, desc
        self.n: float = options.get("initial", 0)
        self.by_step = bool(desc)
        self._started = self._printed = time.monotonic()
        self._before = self.n

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def update(self, n: float | None = 1) -> None:
        """Count n steps."""
        self.n += n or 0
        if self.by_step:
            self._print("")

    def clear(self) -> None:
        """Do nothing: lines that are printed stay."""

    def set_description_str(self, text: str | None = None, refresh: bool = True) -> None:
        """Set the beginning of the next line."""
        self.text = text or ""

    def set_postfix_str(self, text: str = "", refresh: bool = True) -> None:
        """Print a line that ends with a text, unless the last one is too recent."""
        self._print(text)

    def _print(self, results: str) -> None:
        now = time.monotonic()
        if now - self._printed < LINES_APART or sys.stderr is None:
            return
        self._printed = now
        done = self.n - self._before
        left = (now - self._started) / done * max(self.total - self.n, 0) if done else 0.0
        parts = [results, percent(self.n / max(self.total, 1), digits=0), f"{duration(left)} left"]
        line = f"{self.text.strip()}: {', '.join(filter(None, parts))}"
        with suppress(OSError):  # a reader that has gone must not end the work
            print(line, file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """A time in words: ``40 s``, ``12 min``, ``1.5 h``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


try:
    from tqdm import tqdm
except ImportError:  # tqdm is optional: without it there are lines on a terminal, too
    tqdm = Lines

__all__ = ["progress", "progress_bar", "tqdm"]


def progress_bar(steps: int) -> "tqdm[Any]":
    """Progress of a training: a bar that fits a line of 80 characters, or a line an epoch."""
    layout = "{desc}|{bar}| {remaining}{postfix}"
    return progress(tqdm, total=steps, bar_format=layout, dynamic_ncols=True)


def progress(bar: type["tqdm[Any]"], **options: Any) -> "tqdm[Any]":
    """Progress on standard error: a bar on a terminal or in a notebook, elsewhere ``Lines``.

    If Python itself captures standard error, or there is none, nothing is written.

    Parameters
    ----------
    bar : type
        ``tqdm``, or a class derived from it.
    **options
        Those of tqdm.
    """
    if in_notebook():
        # Text, not widgets: these need a further package, and are not kept in the file.
        in_cell = {"ncols": 100, "dynamic_ncols": False, "mininterval": 0.5, "delay": BAR_AFTER}
        return bar(**{**options, **in_cell})
    try:
        is_terminal = os.isatty(sys.stderr.fileno())
    except (AttributeError, OSError, ValueError):  # missing, captured, closed
        return bar(**options, disable=True if getattr(sys.stderr, "closed", True) else None)
    return bar(**options) if is_terminal else Lines(**options)
