"""Learning curves: loss and error over the epochs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from neural_networks.plots.style import INK, TRAINING, VALIDATION, clean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_POINTS = 5000  # of a curve: more are indistinguishable, and slow to draw


def loss_curves(
    figure: Figure,
    title: str,
    loss_name: str,
    columns: Mapping[str, np.ndarray],
    steps: Mapping[str, np.ndarray],
) -> None:
    """Training and validation loss over the epochs; behind them, thin, that of the steps.

    Parameters
    ----------
    figure : Figure
    title : str
        The run's name.
    loss_name : str
        The loss's name.
    columns : mapping
        ``epoch``, ``train_loss`` and perhaps ``validation_loss``.
    steps : mapping
        ``epoch``, ``loss``, ``lowest`` and ``highest`` of each bin of steps; empty without them.
    """
    axes = _epoch_axes(figure, title, f"{loss_name.replace('_', ' ')} loss")
    if steps:
        _draw_steps(axes, steps)
    _draw_splits(axes, columns, "loss", 1)
    _set_scale(axes, columns, "loss")
    axes.legend(frameon=False)


def _draw_steps(axes: Axes, steps: Mapping[str, np.ndarray]) -> None:
    """Draw the mean loss of each bin of steps; where a bin has several, their range as a band."""
    first = np.arange(0, len(steps["epoch"]), -(-len(steps["epoch"]) // MOST_POINTS))
    last = np.append(first[1:], len(steps["epoch"])) - 1
    epoch = steps["epoch"][last]
    loss = np.add.reduceat(steps["loss"], first) / (last - first + 1)
    lowest = np.minimum.reduceat(steps["lowest"], first)
    highest = np.maximum.reduceat(steps["highest"], first)
    label = "each step"
    if (lowest < highest).any():
        axes.fill_between(epoch, lowest, highest, color=TRAINING, alpha=0.12, linewidth=0)
        label = "steps: mean, range"
    axes.plot(epoch, loss, color=TRAINING, alpha=0.35, linewidth=0.6, label=label)


def error_curves(
    figure: Figure, title: str, classifies: bool, columns: Mapping[str, np.ndarray]
) -> None:
    """Training and validation error over the epochs.

    Parameters
    ----------
    figure : Figure
    title : str
        The run's name.
    classifies : bool
        If True, errors are shares of misclassified examples, drawn in percent; else mean
        squared errors.
    columns : mapping
        ``epoch``, ``train_error`` and perhaps ``validation_error``.
    """
    axes = _epoch_axes(figure, title, "misclassified (%)" if classifies else "mean squared error")
    _draw_splits(axes, columns, "error", 100 if classifies else 1)
    if classifies:
        axes.set_ylim(bottom=0)
    else:
        _set_scale(axes, columns, "error")
    axes.legend(frameon=False)


def _epoch_axes(figure: Figure, title: str, label: str) -> Axes:
    """Axes over the epochs, with whole numbers."""
    from matplotlib.ticker import MaxNLocator

    axes = figure.add_subplot()
    axes.set_title(title, color=INK, parse_math=False)  # a name may have dollar signs in it
    axes.set_xlabel("epoch")
    axes.set_ylabel(label)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    clean(axes)
    return axes


def _draw_splits(axes: Axes, columns: Mapping[str, np.ndarray], what: str, factor: float) -> None:
    """Draw training and validation columns over the epochs; short curves with markers."""
    marker = "o" if len(columns["epoch"]) < 15 else ""
    # Unclipped: the edge would hide half of a curve at 0.
    style: dict[str, Any] = {"marker": marker, "markersize": 4, "clip_on": False}
    for split, color in (("train", TRAINING), ("validation", VALIDATION)):
        if f"{split}_{what}" in columns:
            values = factor * columns[f"{split}_{what}"]
            label = {"train": "training", "validation": "validation"}[split]
            axes.plot(columns["epoch"], values, color=color, linewidth=1.8, label=label, **style)


def _set_scale(axes: Axes, columns: Mapping[str, np.ndarray], what: str) -> None:
    """Make the axis logarithmic if the columns of this kind fall far, else let it begin at 0."""
    values = np.concatenate([columns[key] for key in columns if key.endswith(f"_{what}")])
    values = values[np.isfinite(values)]  # a validation loss may have overflowed
    if values.size and 30 * values.min() < values.max() and values.min() > 0:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
