"""Figures of a regression: predicted over true values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neural_networks.plots.style import INK, TRAINING, clean, set_heading, set_title
from neural_networks.utils.text import four_digits, fraction

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_OUTPUTS = 4
MOST_DOTS = 2000  # beyond it, their density


def predicted_over_true(
    figure: Figure,
    true: np.ndarray,
    predicted: np.ndarray,
    scores: tuple[np.ndarray, np.ndarray],
    *,
    title: str = "",
    split: str = "test",
) -> None:
    """Predicted over true values, a panel for each output; perfect predictions lie on a line.

    Of more than ``MOST_DOTS`` examples, their density is drawn. Predictions that are farther away
    than the true values from each other are drawn at the edge.

    Parameters
    ----------
    figure : Figure
    true, predicted : arrays, (n, k)
        Of the k outputs, the first ``MOST_OUTPUTS`` are drawn.
    scores : tuple of array, (k,)
        RMSE and R² of each output.
    title : str
        Lines below the heading.
    split : str
        The set that the examples are from.
    """
    n, k = true.shape
    shown = min(k, MOST_OUTPUTS)
    columns = min(shown, 2)
    rows = -(-shown // columns)
    figure.set_size_inches(4.2 * columns + 0.6, 4.2 * rows + 0.7)
    examples = f"{n:,} {split} examples"
    for i in range(shown):
        axes = figure.add_subplot(rows, columns, i + 1)
        _draw_output(axes, true[:, i], predicted[:, i])
        rmse, r2 = (values[i] for values in scores)
        text = f"RMSE {four_digits(rmse)}"
        if not np.isnan(r2):
            text += f", R² {fraction(r2, 3)}"
        if k == 1:
            set_title(axes, f"{text}: {examples}", *title.splitlines())
        else:
            axes.set_title(f"output {i}: {text}", color=INK, fontsize=9)
    if k > 1:
        first = f", the first {shown} of {k} outputs" if shown < k else ""
        set_heading(figure, f"{examples}{first}", *title.splitlines())


def _draw_output(axes: Axes, true: np.ndarray, predicted: np.ndarray) -> None:
    """Draw the predictions of one output."""
    from matplotlib.ticker import MaxNLocator

    low, high = _limits(true, predicted)
    axes.plot([low, high], [low, high], color=INK, linewidth=0.8, linestyle=":", label="perfect")
    predicted = np.clip(np.nan_to_num(predicted, nan=high), low, high)
    if len(true) <= MOST_DOTS:
        style: dict[str, Any] = {"s": 14, "alpha": 0.5, "linewidth": 0, "clip_on": False}
        axes.scatter(true, predicted, color=TRAINING, **style)
    else:
        extent = (low, high, low, high)
        style = {"gridsize": 60, "bins": "log", "mincnt": 1, "linewidths": 0.2}
        axes.hexbin(true, predicted, extent=extent, cmap="Blues", **style)
    axes.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    axes.set(xlabel="true value", ylabel="predicted value")
    axes.legend(frameon=False, loc="upper left")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5))
        # No comma in a year.
        axis.set_major_formatter(lambda x, _: f"{x:,.10g}" if abs(x) >= 10_000 else f"{x:.10g}")
    clean(axes)


def _limits(true: np.ndarray, predicted: np.ndarray) -> tuple[float, float]:
    """Limits for true values and predictions, with a margin."""
    low, high = float(true.min()), float(true.max())
    span = high - low or abs(high) or 1.0
    near = predicted[(predicted > low - span) & (predicted < high + span)]
    low, high = float(near.min(initial=low)), float(near.max(initial=high))
    return low - span / 25, high + span / 25
