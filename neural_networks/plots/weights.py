"""Weights as images: kernels of a convolution, units of a fully-connected first layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neural_networks.plots.style import INK, small_axes, stretch_contrast

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_UNITS = 64


def kernels(figure: Figure, W: np.ndarray) -> None:
    """The kernels of a convolution, each as an image.

    Kernels for three channels are drawn in color, each with its contrast stretched. Others share
    one scale: red is positive, blue is negative, white is zero; of several channels the mean is
    drawn.

    Parameters
    ----------
    figure : Figure
    W : array, (k1, k2, C, n)
    """
    k1, k2, _, n = W.shape
    _weight_images(figure, W, f"{n} kernels of {k1}×{k2}", 0.8)


def weights(figure: Figure, W: np.ndarray) -> None:
    """The weights of a first layer that takes images as rows, drawn like ``kernels``.

    Parameters
    ----------
    figure : Figure
    W : array, (H, W, C, n)
        The first ``MOST_UNITS`` units are drawn.
    """
    n = W.shape[3]
    shown = min(n, MOST_UNITS)
    title = f"weights of {f'{shown} of ' if shown < n else ''}{n} units of the first layer"
    _weight_images(figure, W[..., :shown], title, 0.9)


def _weight_images(figure: Figure, W: np.ndarray, title: str, width: float) -> None:
    """An image ``width`` inches wide for each of the n kernels or units, W (k1, k2, C, n)."""
    k1, k2, C, n = W.shape
    W = np.where(np.isfinite(W), W, 0)  # training may have diverged
    tiles = small_axes(figure, n, min(n, 8 if n <= 32 else 16), width, width * k1 / k2)
    if C == 3:
        for axes, kernel in zip(tiles, np.moveaxis(W, 3, 0), strict=True):
            axes.imshow(stretch_contrast(kernel))
    else:
        _draw_on_one_scale(figure, tiles, W.mean(axis=2))
        title += "" if C == 1 else f" (mean of {C} channels)"
    figure.suptitle(title, color=INK)


def _draw_on_one_scale(figure: Figure, tiles: list[Axes], W: np.ndarray) -> None:
    """Images W (k1, k2, n) in red and blue, with a color bar."""
    from matplotlib.colors import CenteredNorm

    norm = CenteredNorm(halfrange=np.abs(W).max() or 1.0)
    for axes, kernel in zip(tiles, np.moveaxis(W, 2, 0), strict=True):
        image = axes.imshow(kernel, cmap="RdBu_r", norm=norm)
    figure.colorbar(image, ax=tiles, shrink=0.8, label="weight")
