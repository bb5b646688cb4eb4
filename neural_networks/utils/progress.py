"""Progress bars: tqdm's, where it is installed."""

import sys
from typing import Any

try:
    from tqdm import tqdm
except ImportError:  # with NumPy alone all is computed as well, silently

    class tqdm:  # type: ignore[no-redef]
        """Takes what tqdm takes, and shows nothing."""

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
    """A bar that fits a line of 80 characters; silent if standard error is no terminal."""
    # disable=None is tqdm's way to say "unless it is a terminal"; it needs one to ask.
    closed = True if sys.stderr is None else None
    layout = "{desc}|{bar}| {remaining}{postfix}"
    return tqdm(total=steps, bar_format=layout, disable=closed, dynamic_ncols=True)
