"""Forecasts of sequences, and their error over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neural_networks.plots.style import (
    INK,
    TRAINING,
    VALIDATION,
    clean,
    heading,
    logarithmic,
)
from neural_networks.utils.text import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_SEQUENCES = 5
STYLES: dict[str, dict[str, Any]] = {
    "free-running": {"color": TRAINING, "linewidth": 1.4},
    "one step ahead": {"color": VALIDATION, "ls": "", "marker": ".", "ms": 4},
}


def forecast(
    figure: Figure, true: np.ndarray, one_step: np.ndarray, free: np.ndarray, *, title: str = ""
) -> None:
    """Sequences with their predictions, a panel each; below, the RMS error at each step.

    Parameters
    ----------
    figure : Figure
    true : array, (k, T)
        The first ``MOST_SEQUENCES`` are drawn.
    one_step, free : arrays, (k, T - window)
        The values from step ``window`` on: predicted one step ahead from the true values, and
        free-running on the network's own predictions.
    title : str
        Lines below the number of steps.
    """
    k, n_steps = free.shape
    window = true.shape[1] - n_steps
    n_panels = min(k, MOST_SEQUENCES)
    figure.set_size_inches(8, 1.5 * n_panels + 2.4)
    *panels, errors = figure.subplots(n_panels + 1, sharex=True)
    _draw_true(panels, true, window)
    ahead = window + np.arange(n_steps)
    for (label, style), predictions in zip(STYLES.items(), (free, one_step), strict=True):
        for axes, values in zip(panels, predictions, strict=False):
            axes.plot(ahead, values, label=label, **style)
        error = np.sqrt(np.mean((predictions - true[:, window:]) ** 2, axis=0))
        errors.plot(ahead, error, **style)
    errors.set(xlabel="step", ylabel="RMS error")
    logarithmic(errors)
    for axes in (*panels, errors):
        clean(axes)
    # Between the title and the first panel, where it covers nothing.
    place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderaxespad": 0.2}
    panels[0].legend(frameon=False, ncols=3, fontsize=9, **place)
    shown = f", {n_panels} of {k} sequences" if n_panels < k else ""
    lines = [f"{counted(n_steps, 'step')} beyond a window of {window}{shown}", *title.splitlines()]
    text = heading(lines, figure.get_figwidth() - 1)
    panels[0].set_title(text, color=INK, loc="left", fontsize=10, pad=24, parse_math=False)


def _draw_true(panels: list[Axes], true: np.ndarray, window: int) -> None:
    """Draw the true values, with the first window shaded, all on one scale."""
    # Limits for the true values alone: a free-running network may diverge.
    margin = np.ptp(true) / 8 or 1.0
    for axes, values in zip(panels, true, strict=False):
        axes.axvspan(0, window - 1, color="#f0f0f0", linewidth=0)
        axes.plot(values, color=INK, linewidth=3.5, alpha=0.25, label="true")
        axes.set_ylim(true.min() - margin, true.max() + margin)
