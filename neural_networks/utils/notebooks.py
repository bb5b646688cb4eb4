"""Output in a notebook: detection, and pictures."""

import sys
from collections.abc import Iterable
from pathlib import Path


def in_notebook() -> bool:
    """True if standard error is that of a notebook, which shows text and pictures in its cells."""
    return type(sys.stderr).__module__.startswith("ipykernel.")


def display_pictures(paths: Iterable[Path]) -> None:
    """Show picture files below the notebook's cell, at half their size in pixels.

    Pictures have twice the pixels of a screen's, see ``plots.style``.
    """
    from IPython.display import Image, display

    for path in paths:
        display(Image(filename=str(path), retina=True))
