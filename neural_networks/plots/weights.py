"""Weights as images: kernels of a convolution, units of a fully-connected first layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neural_networks.plots.style import (
    INK,
    MOST_IMAGE_PIXELS,
    set_heading,
    small_axes,
    stretch_contrast,
    tall,
)
from neural_networks.utils.text import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_UNITS = 64
IN_A_ROW = 8
CLIPPED = 99
"""The percentile of the absolute weights at which the colors of units end."""


def kernels(figure: Figure, W: np.ndarray, *, title: str = "") -> None:
    """The kernels of a convolution, each as an image.

    Kernels for three channels are drawn in color, each with its contrast stretched. Others share
    one scale: red is positive, blue is negative, white is zero; of several channels the mean is
    drawn.

    Parameters
    ----------
    figure : Figure
    W : array, (k1, k2, C, n)
        Of more than ``MOST_UNITS`` kernels, the strongest are drawn; see ``weights``.
    title : str
        Lines below the number of kernels.
    """
    k1, k2, _, n = W.shape
    W, which = _strongest(W) if n > MOST_UNITS else (W, "")
    what = f"{f'{MOST_UNITS} of ' if which else ''}{counted(n, 'kernel')} of {k1}×{k2}{which}"
    _weight_images(figure, W, [what, title], 0.8, 100)


def weights(figure: Figure, W: np.ndarray, *, title: str = "") -> None:
    """The weights of a first layer that takes images as rows, drawn like ``kernels``.

    Parameters
    ----------
    figure : Figure
    W : array, (H, W, C, n)
        The strongest units come first, those with the largest norm of their weights; at most
        ``MOST_UNITS`` are drawn. The few largest weights do not determine the colors.
    title : str
        Lines below the number of units.
    """
    n = W.shape[3]
    W, which = _strongest(W)
    shown = f"{MOST_UNITS} of " if n > MOST_UNITS else ""
    what = f"weights of {shown}{counted(n, 'unit')} of the first layer{which}"
    _weight_images(figure, W, [what, title], 0.9, CLIPPED)


def _strongest(W: np.ndarray) -> tuple[np.ndarray, str]:
    """At most ``MOST_UNITS`` units of W (H, W, C, n), by their norms; and words for the order."""
    norms = np.sqrt(np.einsum("hwcn,hwcn->n", W, W, dtype=np.float64))
    order = np.argsort(-np.nan_to_num(norms), kind="stable")[:MOST_UNITS]
    return W[..., order], ", strongest first" if W.shape[3] > 1 else ""


def _weight_images(
    figure: Figure, W: np.ndarray, lines: list[str], width: float, clipped: float
) -> None:
    """An image ``width`` inches wide for each of the n kernels or units, W (k1, k2, C, n)."""
    k1, k2, C, n = W.shape
    step = -(-max(k1, k2) // MOST_IMAGE_PIXELS)
    W = W[::step, ::step]
    W = np.where(np.isfinite(W), W, 0)  # training may have diverged
    tiles = small_axes(figure, n, min(n, IN_A_ROW), width, width * tall(k1, k2))
    for axes in tiles:
        axes.set_axis_off()  # also saves half of the time
    if C == 3:
        limit = np.percentile(np.abs(W), clipped, axis=(0, 1, 2))
        for axes, kernel in zip(tiles, np.moveaxis(np.clip(W, -limit, limit), 3, 0), strict=True):
            axes.imshow(stretch_contrast(kernel))
    else:
        _draw_on_one_scale(figure, tiles, W.mean(axis=2), clipped)
        lines[0] += "" if C == 1 else f" (mean of {C} channels)"
    set_heading(figure, *"\n".join(lines).splitlines())


def _draw_on_one_scale(figure: Figure, tiles: list[Axes], W: np.ndarray, clipped: float) -> None:
    """Images W (k1, k2, n) in red and blue, with a color bar."""
    from matplotlib.colors import CenteredNorm

    largest = np.abs(W).max()
    limit = np.percentile(np.abs(W), clipped) or largest or 1.0
    norm = CenteredNorm(halfrange=limit)
    for axes, kernel in zip(tiles, np.moveaxis(W, 2, 0), strict=True):
        image = axes.imshow(kernel, cmap="RdBu_r", norm=norm)
    extend = "both" if largest > limit else "neither"
    thin = min(30, 4 + len(tiles))  # its height over its width
    bar = figure.colorbar(image, ax=tiles, shrink=0.8, aspect=thin, extend=extend)
    bar.set_label("weight", color=INK)
