"""The common style of all figures: colors, axes, saving and showing."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TRAINING, VALIDATION, INK = "#1f5fa8", "#d9652b", "#3a3a3a"
SIZE = (6.0, 4.0)  # inches; half a page of a write-up
DPI = 150


def save(draw: Callable[[Figure], None], path: Path) -> None:
    """Draw a figure into an image file, without a window or any global state."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, layout="constrained")
    with warnings.catch_warnings():
        # Letters that the font lacks are drawn as boxes, which is harmless.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        # Errors that are exactly 0 are left out of a logarithmic axis, which is harmless, too.
        warnings.filterwarnings("ignore", message="Data has no positive values")
        draw(figure)
        figure.savefig(path, dpi=DPI)


def show(draw: Callable[[Figure], None]) -> None:
    """Draw a figure on the screen, or in the notebook."""
    from matplotlib import pyplot

    draw(pyplot.figure(figsize=SIZE, layout="constrained"))
    pyplot.show()


def clean(axes: Axes) -> None:
    """Remove the frame, and draw a grid in the background."""
    axes.grid(color="#e4e4e4", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def logarithmic(axes: Axes) -> None:
    """Make the y axis logarithmic, with few labels, such as 0.001, 0.003 and 0.01."""
    from matplotlib.ticker import LogLocator, NullFormatter

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
    axes.yaxis.set_minor_formatter(NullFormatter())


def small_axes(figure: Figure, n: int, columns: int, width: float, height: float) -> list[Axes]:
    """A grid of n small axes without ticks; width and height of each in inches."""
    rows = max(1, -(-n // columns))
    figure.set_size_inches(max(4.0, width * columns + 0.5), height * rows + 0.8)
    tiles = []
    for i in range(n):
        axes = figure.add_subplot(rows, columns, i + 1)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
        tiles.append(axes)
    return tiles


def stretch_contrast(image: np.ndarray) -> np.ndarray:
    """An image (H, W, C) with its values rescaled to [0, 1]; grayscale unless C is 3."""
    image = image if image.shape[2] == 3 else image.mean(axis=2)
    spread = image.max() - image.min()
    return (image - image.min()) / (spread or 1)
