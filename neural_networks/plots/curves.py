"""Learning curves: loss and error over the epochs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from neural_networks.plots.style import (
    INK,
    TRAINING,
    VALIDATION,
    clean,
    fitting,
    legend_below,
    set_title,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_STEPS = 300  # points of the steps' curve: more would be a solid block
MOST_POINTS = 1000  # points of the other curves
MOST_RISE = 1e6
MOST_VALUE = 1e100


def loss_curves(
    figure: Figure,
    title: str,
    loss_name: str,
    columns: Mapping[str, np.ndarray],
    steps: Mapping[str, np.ndarray],
    *,
    best_epoch: int | None = None,
    means: bool = True,
) -> None:
    """Training and validation loss over the epochs; behind them, thin, that of the steps.

    Parameters
    ----------
    figure : Figure
    title : str
        The run's name; more lines may follow.
    loss_name : str
        The loss's name.
    columns : mapping
        ``epoch``, ``train_loss`` and perhaps ``validation_loss``; empty before the first epoch
        has ended.
    steps : mapping
        ``epoch``, ``loss``, ``lowest`` and ``highest`` of each bin of steps; empty without them.
    best_epoch : int, optional
        The epoch that a line marks.
    means : bool
        If True, training losses are means over their epochs, and drawn in the middle of them;
        if False, they are of the end of the epoch, as those of validation always are.
    """
    columns, steps, cut = _bounded(columns, "loss", steps)
    axes = _epoch_axes(figure, title, f"{fitting(loss_name.replace('_', ' '))} loss{cut}")
    if steps:
        _draw_steps(axes, steps)
    _draw_splits(axes, columns, "loss", 1, means)
    _mark_best(axes, columns, best_epoch)
    _set_scale(axes, columns, "loss", steps)
    _set_epochs(axes, columns, steps)
    legend_below(axes)


def error_curves(
    figure: Figure,
    title: str,
    classifies: bool,
    columns: Mapping[str, np.ndarray],
    *,
    best_epoch: int | None = None,
) -> None:
    """Training and validation error over the epochs.

    Parameters
    ----------
    figure : Figure
    title : str
        The run's name; more lines may follow.
    classifies : bool
        If True, errors are shares of misclassified examples, drawn in percent; else mean
        squared errors.
    columns : mapping
        ``epoch``, ``train_error``, a mean over the epoch, and perhaps ``validation_error``.
    best_epoch : int, optional
        The epoch that a line marks.
    """
    columns, _, cut = _bounded(columns, "error", {})
    label = "misclassified (%)" if classifies else "mean squared error"
    axes = _epoch_axes(figure, title, label + cut)
    _draw_splits(axes, columns, "error", 100 if classifies else 1, means=True)
    _mark_best(axes, columns, best_epoch)
    if classifies:
        axes.set_ylim(bottom=0)
    else:
        _set_scale(axes, columns, "error", {})
    _set_epochs(axes, columns, {})
    legend_below(axes)


def _epoch_axes(figure: Figure, title: str, label: str) -> Axes:
    """Axes over the epochs, with whole numbers."""
    from matplotlib.ticker import MaxNLocator

    axes = figure.add_subplot()
    set_title(axes, *title.splitlines())
    axes.set_xlabel("epoch")
    axes.set_ylabel(label, parse_math=False)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    clean(axes)
    return axes


def _bounded(
    columns: Mapping[str, np.ndarray], what: str, steps: Mapping[str, np.ndarray]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], str]:
    """Columns and steps in which no finite value is more than ``MOST_RISE`` times the first.

    A training that diverges may end at 1e300, which no axis can show beside 1.

    Returns
    -------
    columns, steps : dict of array
    cut : str
        Words for the axis label if larger values have been cut; else empty.
    """
    names = [key for key in columns if key.endswith(f"_{what}")]
    values = np.array([columns[key][0] for key in names] or steps["loss"][:1])
    first = np.abs(values[np.isfinite(values)]).max(initial=0)
    top = min(MOST_RISE * (first or 1.0), MOST_VALUE)
    cut = {
        key: np.where(columns[key] < np.inf, columns[key].clip(max=top), np.inf) for key in names
    }
    cut_steps = {key: steps[key].clip(max=top) for key in steps if key != "epoch"}
    is_cut = any((cut[key] < columns[key]).any() for key in names)
    is_cut |= any((cut_steps[key] < steps[key]).any() for key in cut_steps)
    text = f", cut at {top:.0e}" if is_cut else ""
    return {**columns, **cut}, {**steps, **cut_steps}, text


def _bins(n: int, most: int) -> tuple[np.ndarray, np.ndarray]:
    """First and last index of at most that many bins of n points, of equal width."""
    first = np.arange(0, n, -(-n // most))
    return first, np.append(first[1:], n) - 1


def _draw_steps(axes: Axes, steps: Mapping[str, np.ndarray]) -> None:
    """Draw the mean loss of each bin of steps; where a bin has several, their range as a band."""
    first, last = _bins(len(steps["epoch"]), MOST_STEPS)
    epoch = steps["epoch"][last]
    loss = np.add.reduceat(steps["loss"], first) / (last - first + 1)
    lowest = np.minimum.reduceat(steps["lowest"], first)
    highest = np.maximum.reduceat(steps["highest"], first)
    label = "each step"
    if (lowest < highest).any():
        axes.fill_between(epoch, lowest, highest, color=TRAINING, alpha=0.15, linewidth=0)
        label = "steps: mean, range"
    style: dict[str, Any] = {
        "alpha": 0.4,
        "linewidth": 0.7,
        "marker": "." if len(loss) < 15 else "",
    }
    axes.plot(epoch, loss, color=TRAINING, label=label, **style)


def _draw_splits(
    axes: Axes, columns: Mapping[str, np.ndarray], what: str, factor: float, means: bool
) -> None:
    """Draw training and validation columns over the epochs; short curves with markers.

    Of very many epochs, the mean of each few is drawn.
    """
    n = len(columns.get("epoch", ()))
    first, last = _bins(n, MOST_POINTS) if n else (np.array([]), np.array([]))
    # Unclipped: the edge would hide half of a curve at 0.
    style: dict[str, Any] = {"markersize": 4, "clip_on": False, "linewidth": 1.8}
    style["marker"] = "o" if n < 15 else ""
    for split, label, color in (
        ("train", "training", TRAINING),
        ("validation", "validation", VALIDATION),
    ):
        if f"{split}_{what}" in columns:
            epoch = columns["epoch"] - (0.5 if means and split == "train" else 0.0)
            curve = (epoch, factor * columns[f"{split}_{what}"])
            x, y = (np.add.reduceat(values, first) / (last - first + 1) for values in curve)
            axes.plot(x, y, color=color, label=label, **style)


def _set_epochs(
    axes: Axes, columns: Mapping[str, np.ndarray], steps: Mapping[str, np.ndarray]
) -> None:
    """The epochs from the beginning of the first, and the steps of one that has not ended."""
    first = columns["epoch"][0] - 1 if columns else np.floor(steps["epoch"][0])
    axes.set_xlim(first, max(table["epoch"][-1] for table in (columns, steps) if table))


def _mark_best(axes: Axes, columns: Mapping[str, np.ndarray], epoch: int | None) -> None:
    """Mark the best of several epochs by a vertical line."""
    if epoch is not None and len(columns.get("epoch", ())) > 1:
        label = f"best epoch: {epoch}"
        style: dict[str, Any] = {"linestyle": ":", "zorder": 1.5, "clip_on": False}
        axes.axvline(epoch, color=INK, linewidth=1, label=label, **style)


def _set_scale(
    axes: Axes, columns: Mapping[str, np.ndarray], what: str, steps: Mapping[str, np.ndarray]
) -> None:
    """Make the axis logarithmic if the columns of this kind fall far, else let it begin at 0."""
    drawn = [columns[key] for key in columns if key.endswith(f"_{what}")] or [steps["loss"]]
    values = np.concatenate(drawn)
    values = values[np.isfinite(values)]  # a validation loss may have overflowed
    if values.size and 30 * values.min() < values.max() and values.min() > 0:
        axes.set_yscale("log")
        return
    axes.set_ylim(bottom=min(0, values.min(initial=0)))
    if values.size and steps:
        # A few steps far above all others leave the axes, so that the curves can be seen.
        top = 1.05 * max(values.max(), np.percentile(steps["highest"], 99))
        if 0 < 2 * top < axes.get_ylim()[1]:
            axes.set_ylim(top=top)
