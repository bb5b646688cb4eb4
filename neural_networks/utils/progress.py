"""Progress bars of tqdm, if it is installed."""

import sys
from typing import Any

try:
    from tqdm import tqdm
except ImportError:  # tqdm is optional: without it there is no progress bar

    class tqdm:  # type: ignore[no-redef]
        """A stand-in with tqdm's interface that shows nothing."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            pass

        def __enter__(self) -> "tqdm":
            return self

        def __exit__(self, *error: object) -> None:
            pass

        def update(self, n: float | None = 1) -> None:
            """Do nothing."""

        def set_description_str(self, text: str | None = None, refresh: bool = True) -> None:
            """Do nothing."""

        def set_postfix_str(self, text: str = "", refresh: bool = True) -> None:
            """Do nothing."""


__all__ = ["progress_bar", "tqdm"]


def progress_bar(steps: int) -> "tqdm[Any]":
    """A bar that fits a line of 80 characters; silent if standard error is not a terminal."""
    # disable=None shows the bar on a terminal only; tqdm needs a stream to find out.
    closed = True if sys.stderr is None else None
    layout = "{desc}|{bar}| {remaining}{postfix}"
    return tqdm(total=steps, bar_format=layout, disable=closed, dynamic_ncols=True)
