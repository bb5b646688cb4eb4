"""The pictures in a run's folder. Matplotlib is imported when the first one is drawn."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from neural_networks.metrics import RocCurve

TRAINING, VALIDATION, INK = "#1f5fa8", "#d9652b", "#3a3a3a"
SIZE = (6.0, 4.0)  # inches; half a page of a write-up
DPI = 150
MOST_POINTS = 5000  # of a curve: more cannot be told apart, and take long to draw


def save(draw: Callable[[Figure], None], path: Path) -> None:
    """Draw a figure into a PNG file, without a window or any global state."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, layout="constrained")
    with warnings.catch_warnings():
        # A name in a script that the font does not have becomes boxes: no reason for alarm.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        # Nor are predictions that are exactly right, on an axis that has no place for a 0.
        warnings.filterwarnings("ignore", message="Data has no positive values")
        draw(figure)
        figure.savefig(path, dpi=DPI)


def show(draw: Callable[[Figure], None]) -> None:
    """Draw a figure on the screen, or in the notebook."""
    from matplotlib import pyplot

    draw(pyplot.figure(figsize=SIZE, layout="constrained"))
    pyplot.show()


def loss_curves(
    figure: Figure,
    title: str,
    loss_name: str,
    columns: Mapping[str, np.ndarray],
    steps: Sequence[tuple[float, float]],
) -> None:
    """Loss over epochs: training and validation, and thin behind them every training step.

    Parameters
    ----------
    figure : Figure
    title : str
        The run's name.
    loss_name : str
        The loss's name.
    columns : mapping
        ``epoch``, ``train_loss`` and perhaps ``validation_loss``.
    steps : sequence of (epoch, loss)
        The loss of each training step.
    """
    axes = _axes(figure, title, f"{loss_name.replace('_', ' ')} loss")
    if steps:
        thinning = -(-len(steps) // MOST_POINTS)
        epoch, loss = np.array(steps[::thinning]).T
        axes.plot(epoch, loss, color=TRAINING, alpha=0.35, linewidth=0.6, label="each step")
    _curves(axes, columns, "loss", 1)
    _scale(axes, columns, "loss")
    axes.legend(frameon=False)


def error_curves(
    figure: Figure, title: str, classifies: bool, columns: Mapping[str, np.ndarray]
) -> None:
    """Error over epochs, training and validation: misclassified per cent, or squared error."""
    axes = _axes(figure, title, "misclassified (%)" if classifies else "mean squared error")
    _curves(axes, columns, "error", 100 if classifies else 1)
    if classifies:
        axes.set_ylim(bottom=0)
    else:
        _scale(axes, columns, "error")
    axes.legend(frameon=False)


def confusion_matrix(
    figure: Figure, true: np.ndarray, predicted: np.ndarray, names: Sequence[str]
) -> None:
    """How many examples of each class were taken for which, with the counts written in.

    Parameters
    ----------
    figure : Figure
    true, predicted : arrays of int, (n,)
    names : sequence of str
        A name for each class.
    """
    from sklearn import metrics

    ticks = np.arange(len(names))
    counts = metrics.confusion_matrix(true, predicted, labels=ticks)
    side = max(4.0, 0.5 * len(names) + 1.5)
    figure.set_size_inches(side + 0.5, side)
    axes = figure.add_subplot()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        color = "white" if shares[row, column] > 0.5 else INK
        axes.text(column, row, str(count), ha="center", va="center", color=color)
    long = max(len(name) for name in names) > 3
    upright: dict[str, Any] = {"rotation": 45, "ha": "right"} if long else {}
    axes.set_xticks(ticks, names, parse_math=False, **upright)
    axes.set_yticks(ticks, names, parse_math=False)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    correct = int(np.trace(counts))
    axes.set_title(f"{correct} of {len(true)} test examples right ({correct / len(true):.1%})")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def kernels(figure: Figure, W: np.ndarray) -> None:
    """The kernels of a convolution, each as a picture of what it looks for.

    Those for three channels are drawn in colour, each stretched to the whole range. Others are
    drawn on one scale for all: red is positive, blue is negative, white is zero. Of channels that
    are not colours the mean is shown.

    Parameters
    ----------
    figure : Figure
    W : array, (k1, k2, C, n)
    """
    k1, k2, _, n = W.shape
    _weights(figure, W, f"{n} kernels of {k1}×{k2} after training", 0.8)


MOST_UNITS = 64


def weights(figure: Figure, W: np.ndarray) -> None:
    """The weights of a first layer that takes images as rows, drawn as ``kernels`` are.

    Parameters
    ----------
    figure : Figure
    W : array, (H, W, C, n)
        Those of the first units are shown.
    """
    n = W.shape[3]
    shown = min(n, MOST_UNITS)
    title = f"what {f'{shown} of ' if shown < n else ''}{n} units look for, after training"
    _weights(figure, W[..., :shown], title, 0.9)


def _weights(figure: Figure, W: np.ndarray, title: str, width: float) -> None:
    from matplotlib.colors import CenteredNorm

    k1, k2, C, n = W.shape
    W = np.where(np.isfinite(W), W, 0)  # a training that diverged leaves anything
    tiles = small_axes(figure, n, min(n, 8 if n <= 32 else 16), width, width * k1 / k2)
    if C == 3:
        for axes, kernel in zip(tiles, np.moveaxis(W, 3, 0), strict=True):
            axes.imshow(stretched(kernel))
    else:
        means = W.mean(axis=2)
        norm = CenteredNorm(halfrange=np.abs(means).max() or 1.0)
        for axes, kernel in zip(tiles, np.moveaxis(means, 2, 0), strict=True):
            image = axes.imshow(kernel, cmap="RdBu_r", norm=norm)
        figure.colorbar(image, ax=tiles, shrink=0.8, label="weight")
        title += "" if C == 1 else f" (mean of {C} channels)"
    figure.suptitle(title, color=INK)


MOST_MISTAKES = 40


def mistakes(
    figure: Figure,
    X: np.ndarray,
    true: np.ndarray,
    predicted: np.ndarray,
    score: np.ndarray,
    form: str,
    names: Sequence[str],
) -> None:
    """Misclassified images, with what they are and what they were taken for; the surest first.

    Parameters
    ----------
    figure : Figure
    X : array, (n, H, W, C)
        All images, the right ones too.
    true, predicted : arrays of int, (n,)
    score : array, (n,)
        How sure the prediction was.
    form : str
        How to write that, such as ``"{:.0%}"``.
    names : sequence of str
        A name for each class.
    """
    wrong = np.flatnonzero(true != predicted)
    shown = wrong[np.argsort(-score[wrong], kind="stable")][:MOST_MISTAKES]
    # Wide enough for the longest line below an image.
    width = max(1.15, 0.053 * (18 + max(map(len, names))))
    tiles = small_axes(figure, len(shown), min(8, max(4, len(shown))), width, width + 0.35)
    for axes, i in zip(tiles, shown, strict=True):
        axes.imshow(stretched(X[i]), cmap="gray")
        # A class's name may have dollar signs in it.
        sure = form.format(score[i])
        text = f"true: {names[true[i]]}\npredicted: {names[predicted[i]]} ({sure})"
        axes.set_xlabel(text, fontsize=7, color=INK, parse_math=False)
    title = f"{len(wrong) or 'none'} of {len(true)} test examples misclassified"
    if len(shown) < len(wrong):
        title += f", the surest {len(shown)}"
    figure.suptitle(title, color=INK)


MOST_SEQUENCES = 5


def forecast(figure: Figure, true: np.ndarray, one_step: np.ndarray, free: np.ndarray) -> None:
    """Sequences with their predictions, and at the bottom how far these are from the truth.

    Parameters
    ----------
    figure : Figure
    true : array, (k, T)
        The first ones have a row of the picture each.
    one_step, free : arrays, (k, T - window)
        The values from step ``window`` on: predicted one step ahead, and by the network running
        free on its own predictions.
    """
    k, n_steps = free.shape
    window = true.shape[1] - n_steps
    n_panels = min(k, MOST_SEQUENCES)
    figure.set_size_inches(8, 1.5 * n_panels + 2.4)
    *panels, distances = figure.subplots(n_panels + 1, sharex=True)
    for axes, values in zip(panels, true, strict=False):
        axes.axvspan(0, window - 1, color="#f0f0f0", linewidth=0)
        axes.plot(values, color=INK, linewidth=3.5, alpha=0.25, label="true")
        # A network that runs free may run anywhere.
        margin = np.ptp(true) / 8 or 1.0
        axes.set_ylim(true.min() - margin, true.max() + margin)
    ahead = window + np.arange(n_steps)
    for label, predictions, style in (
        ("running free", free, {"color": TRAINING, "linewidth": 1.4}),
        ("one step ahead", one_step, {"color": VALIDATION, "ls": "", "marker": ".", "ms": 4}),
    ):
        for axes, values in zip(panels, predictions, strict=False):
            axes.plot(ahead, values, label=label, **style)
        distance = np.sqrt(np.mean((predictions - true[:, window:]) ** 2, axis=0))
        distances.plot(ahead, distance, **style)
    distances.set(xlabel="step", ylabel="distance to true")
    _logarithmic(distances)
    for axes in (*panels, distances):
        clean(axes)
    panels[0].legend(frameon=False, ncols=3, loc="lower right", bbox_to_anchor=(1, 1))
    shown = f", {n_panels} of {k} sequences" if n_panels < k else ""
    title = f"{n_steps} steps beyond a window of {window}{shown}"
    panels[0].set_title(title, color=INK, loc="left", fontsize="medium")


def roc(figure: Figure, curve: RocCurve) -> None:
    """Hits over false alarms for every threshold, and where the predicted classes lie on it."""
    figure.set_size_inches(4.6, 4.6)
    axes = figure.add_subplot()
    fpr, tpr = (100 * values for values in (curve.fpr, curve.tpr))
    axes.plot([0, 100], [0, 100], color=INK, linewidth=0.8, linestyle=":", label="guessing")
    axes.fill_between(fpr, tpr, color=TRAINING, alpha=0.08, linewidth=0)
    axes.plot(fpr, tpr, color=TRAINING, linewidth=1.8, label="every threshold")
    axes.plot(*(100 * np.array(curve.operating_point)), "o", color=VALIDATION, label="as predicted")
    axes.set(xlabel="false alarms (% of class 0)", ylabel="hits (% of class 1)", aspect="equal")
    axes.set(xlim=(0, 100), ylim=(0, 100))
    axes.set_title(f"area under the curve: {curve.area:.4f}", color=INK)
    axes.legend(frameon=False, loc="lower right")
    clean(axes)


def _logarithmic(axes: Axes) -> None:
    """A logarithmic axis with few labels, such as 0.001, 0.003 and 0.01."""
    from matplotlib.ticker import LogLocator, NullFormatter

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
    axes.yaxis.set_minor_formatter(NullFormatter())


def small_axes(figure: Figure, n: int, columns: int, width: float, height: float) -> list[Axes]:
    """n small axes without ticks, in rows; width and height of each in inches."""
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


def stretched(image: np.ndarray) -> np.ndarray:
    """An image (H, W, C) with its values stretched to [0, 1]; in gray unless C is 3."""
    image = image if image.shape[2] == 3 else image.mean(axis=2)
    spread = image.max() - image.min()
    return (image - image.min()) / (spread or 1)


def _axes(figure: Figure, title: str, label: str) -> Axes:
    from matplotlib.ticker import MaxNLocator

    axes = figure.add_subplot()
    axes.set_title(title, color=INK, parse_math=False)  # a name may have dollar signs in it
    axes.set_xlabel("epoch")
    axes.set_ylabel(label)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    clean(axes)
    return axes


def clean(axes: Axes) -> None:
    """No frame, and a grid in the background."""
    axes.grid(color="#e4e4e4", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _scale(axes: Axes, columns: Mapping[str, np.ndarray], what: str) -> None:
    """A logarithmic axis if the columns of this kind fall far, else one that begins at 0."""
    values = np.concatenate([columns[key] for key in columns if key.endswith(f"_{what}")])
    values = values[np.isfinite(values)]  # a validation loss may have overflowed
    if values.size and 30 * values.min() < values.max() and values.min() > 0:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)


def _curves(axes: Axes, columns: Mapping[str, np.ndarray], what: str, factor: float) -> None:
    """Training and validation columns over the epochs; a marker where a line would be a point."""
    marker = "o" if len(columns["epoch"]) < 15 else ""
    # Unclipped, so that a curve at 0 is not half hidden by the edge.
    style: dict[str, Any] = {"marker": marker, "markersize": 4, "clip_on": False}
    for split, color in (("train", TRAINING), ("validation", VALIDATION)):
        if f"{split}_{what}" in columns:
            values = factor * columns[f"{split}_{what}"]
            label = {"train": "training", "validation": "validation"}[split]
            axes.plot(columns["epoch"], values, color=color, linewidth=1.8, label=label, **style)
