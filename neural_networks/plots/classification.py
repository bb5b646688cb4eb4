"""Figures of a classifier: confusion matrix, ROC curve, misclassified images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neural_networks.metrics import Confusions, confusions
from neural_networks.plots.style import (
    INK,
    TRAINING,
    VALIDATION,
    clean,
    fitting,
    inches,
    set_heading,
    set_title,
    short_names,
    small_axes,
    tall,
    thumbnail,
)
from neural_networks.utils.text import fraction, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_MISCLASSIFIED = 36  # images
IN_A_ROW = 6  # of them
MOST_WITH_COUNTS = 25  # classes
MOST_CELLS = 400  # along a side of a matrix without numbers
MOST_NAMED = 42  # classes along a side of it
MOST_CONFUSIONS = 16  # named beside it
CELLS = (0.4, 0.46, 0.7)  # inches: of many classes, of some, of two


def confusion_matrix(
    figure: Figure,
    true: np.ndarray,
    predicted: np.ndarray,
    names: Sequence[str],
    *,
    title: str = "",
    split: str = "test",
) -> None:
    """Confusion matrix: the count of each pair of true and predicted class.

    Of more than ``MOST_WITH_COUNTS`` classes it is an image without numbers, of the same size for
    any number of classes, and the most frequent confusions are named beside it.

    Parameters
    ----------
    figure : Figure
    true, predicted : arrays of int, (n,)
    names : sequence of str
        A name for each class.
    title : str
        Lines below the accuracy.
    split : str
        The set that the examples are from.
    """
    found = confusions(true, predicted, len(names))
    n, right = len(true), found.right
    if len(names) <= MOST_WITH_COUNTS:
        axes, width = _draw_counts(figure, found, short_names(names))
    else:
        axes, width = _draw_overview(figure, found, short_names(names, 14))
    line = f"accuracy {percent(right / max(1, n))}: {right:,} of {n:,} {split} examples"
    set_title(axes, line, *title.splitlines(), width=width)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _draw_counts(figure: Figure, found: Confusions, names: list[str]) -> tuple[Axes, float]:
    """The matrix with its numbers, colored by their share of the true class, their row.

    Returns
    -------
    axes : Axes
    width : float
        Room for a title above them, in inches.
    """
    names = [fitting(name) for name in names]
    k, longest = len(names), max(inches(name, 10) for name in names)
    counts = found.matrix()
    least, usual, most = CELLS
    cell = min(most, max(usual, 2.4 / k)) if k <= 12 else least
    slants = longest > 0.8 * cell
    slanted: dict[str, Any] = {"rotation": 45, "ha": "right"} if slants else {}
    width = max(4.2, cell * k + 1.8)  # of the figure without the names
    figure.set_size_inches(width + longest, cell * k + (0.7 * longest if slants else 0) + 1.8)
    axes = figure.add_subplot()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    size = min(10.0, 72 * cell / (0.7 * len(str(counts.max()))))
    for (row, column), count in np.ndenumerate(counts):
        color = "white" if shares[row, column] > 0.5 else INK if count else "#b0b0b0"
        style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": size}
        axes.text(column, row, str(count), color=color, **style).set_in_layout(False)
    axes.set_xticks(np.arange(k), names, parse_math=False, **slanted)
    axes.set_yticks(np.arange(k), names, parse_math=False)
    return axes, width - 0.4


def _draw_overview(figure: Figure, found: Confusions, names: list[str]) -> tuple[Axes, float]:
    """The matrix as an image; beside it the confusions that are most frequent.

    Returns
    -------
    axes : Axes
    width : float
        Room for a title above them, in inches.
    """
    from matplotlib.colors import PowerNorm
    from matplotlib.ticker import PercentFormatter

    figure.set_size_inches(9.6, 6.2)
    axes, beside = figure.subplots(1, 2, width_ratios=(1.8, 1))
    k = len(names)
    counts = found.matrix(MOST_CELLS)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    norm = PowerNorm(0.5, vmin=0, vmax=1)  # or else single mistakes could not be seen
    # From half a class before the first to half a class after the last.
    image = axes.imshow(shares, cmap="Blues", norm=norm, extent=(-0.5, k - 0.5, k - 0.5, -0.5))
    ticks = range(0, k, _round_step(k / MOST_NAMED))
    shown = [fitting(names[i], 14) for i in ticks]
    style: dict[str, Any] = {"fontsize": 7, "parse_math": False}
    axes.set_xticks(ticks, shown, rotation=90 if max(map(len, shown)) > 1 else 0, **style)
    axes.set_yticks(ticks, shown, **style)
    _name_confusions(beside, found, names)
    shades: dict[str, Any] = {"ticks": [0, 0.02, 0.1, 0.25, 0.5, 1], "format": PercentFormatter(1)}
    below = beside.inset_axes((0.03, 0.02, 0.94, 0.025))
    bar = figure.colorbar(image, cax=below, orientation="horizontal", **shades)
    bar.set_label("share of the true class", color=INK, fontsize=8)
    bar.ax.tick_params(labelsize=8, labelcolor=INK)
    return axes, 6.0


def _round_step(least: float) -> int:
    """The smallest of 1, 2, 5, 10, 20, 50, ... that is not below that number."""
    power = 1
    while True:
        for factor in (1, 2, 5):
            if factor * power >= least:
                return factor * power
        power *= 10


def _name_confusions(axes: Axes, found: Confusions, names: list[str]) -> None:
    """A list of the most frequent confusions, each with its count and share of the true class."""
    axes.set_axis_off()
    axes.set(xlim=(0, 1), ylim=(MOST_CONFUSIONS + 2, -2))
    worst = found.worst(MOST_CONFUSIONS)
    heading = f"the {len(worst)} most frequent confusions" if worst else "no confusions"
    style: dict[str, Any] = {"color": INK, "va": "center", "parse_math": False}
    axes.text(0, -1.6, heading, fontsize=9, weight="bold", **style)
    table = [
        (fitting(names[i], 14), "→", fitting(names[j], 14), f"{n:,} of {found.examples(i):,}")
        for i, j, n in worst
    ]
    header = [("true", "→", "predicted", "examples")] if worst else []
    for row, texts in enumerate([*header, *table]):
        # A text for each, as one from right to left would turn the line around.
        for x, text, side in zip(
            (0, 0.35, 0.41, 1), texts, ("left",) * 3 + ("right",), strict=True
        ):
            axes.text(x, row - 0.5, text, fontsize=8, ha=side, alpha=1 if row else 0.6, **style)


def roc_curve(
    figure: Figure,
    fpr: np.ndarray,
    tpr: np.ndarray,
    area: float,
    operating_point: tuple[float, float],
    *,
    names: Sequence[str] = (),
    title: str = "",
) -> None:
    """ROC curve: true over false positive rate at every threshold, and the operating point.

    Parameters
    ----------
    figure : Figure
    fpr, tpr : arrays, (n_thresholds,)
        False and true positive rates.
    area : float
        The area under the curve (AUC).
    operating_point : tuple of float
        False and true positive rate of the predicted classes.
    names : sequence of str
        The negative and the positive class; without them, the axes do not name the classes.
    title : str
        Lines below the area.
    """
    figure.set_size_inches(5, 5)
    axes = figure.add_subplot()
    x, y, of = "false positive rate (%)", "true positive rate (%)", ""
    if names:
        negative, positive = (fitting(name, 16) for name in short_names(names, 16))
        x += f":\n{negative} taken for {positive}"
        y += f":\n{positive} recognized"
        of = f" of {positive}"
    fpr, tpr = _thinned(100 * fpr, 100 * tpr)
    axes.plot([0, 100], [0, 100], color=INK, linewidth=0.8, linestyle=":", label="chance")
    axes.fill_between(fpr, tpr, color=TRAINING, alpha=0.08, linewidth=0)
    axes.plot(fpr, tpr, color=TRAINING, linewidth=1.8, label="all thresholds")
    axes.plot(*(100 * np.array(operating_point)), "o", color=VALIDATION, label="predicted classes")
    axes.set_xlabel(x, parse_math=False)
    axes.set_ylabel(y, parse_math=False)
    axes.set(xlim=(0, 100), ylim=(0, 100), aspect="equal")
    set_title(axes, *f"ROC curve{of}, AUC {fraction(area)}\n{title}".splitlines())
    axes.legend(frameon=False, loc="lower right")
    clean(axes)


def _thinned(x: np.ndarray, y: np.ndarray, most: int = 1000) -> tuple[np.ndarray, np.ndarray]:
    """Points of a curve that rises along both axes: about that many, spread evenly along it."""
    if len(x) <= most:
        return x, y
    along = x + y
    kept = np.unique(np.searchsorted(along, np.linspace(along[0], along[-1], most)))
    return x[kept], y[kept]


def misclassified(
    figure: Figure,
    X: np.ndarray,
    true: np.ndarray,
    predicted: np.ndarray,
    score: np.ndarray,
    score_format: str,
    names: Sequence[str],
    counts: tuple[int, int] | None = None,
    *,
    title: str = "",
    split: str = "test",
) -> None:
    """Misclassified images with their true and predicted classes, the most confident first.

    Parameters
    ----------
    figure : Figure
    X : array, (n, H, W, C)
        Images; those classified correctly are left out.
    true, predicted : arrays of int, (n,)
    score : array, (n,)
        Score or probability of the predicted class.
    score_format : str
        Format of a score, such as ``"{:.0%}"``; only exactly 0 and 1 are 0% and 100%.
    names : sequence of str
        A name for each class.
    counts : tuple of int, optional
        The number of misclassified examples and of all, if X does not hold them all.
    title : str
        Lines below the number of mistakes.
    split : str
        The set that the examples are from.
    """
    shown = surest_mistakes(true, predicted, score)
    names = short_names(names, 18)
    captions = []
    for i in shown:
        who, what = (fitting(names[label], 18) for label in (true[i], predicted[i]))
        confidence = score_format.format(score[i])
        if confidence in ("0%", "100%"):
            confidence = percent(float(score[i]), digits=0)
        captions.append(f"true: {who}\npredicted: {what} ({confidence})")
    lines = [line for caption in captions for line in caption.splitlines()]
    # Wide enough for the longest line below an image.
    width = max((1.15, *(0.1 + inches(line, 7) for line in lines)))
    height = min(1.4, tall(*X.shape[1:3])) * 1.15
    columns = min(IN_A_ROW, max(4, len(shown)))
    tiles = small_axes(figure, len(shown), columns, width, height + 0.35)
    for axes, i, caption in zip(tiles, shown, captions, strict=True):
        axes.imshow(thumbnail(X[i]), cmap="gray")
        axes.set_xlabel(caption, fontsize=7, color=INK, parse_math=False)
    n_wrong, n = counts or (int((true != predicted).sum()), len(true))
    line = f"{n_wrong or 'none'} of {n} {split} examples misclassified"
    if len(shown) < n_wrong:
        line += f", the {len(shown)} most confident"
    set_heading(figure, *f"{line}\n{title}".splitlines())


def surest_mistakes(true: np.ndarray, predicted: np.ndarray, score: np.ndarray) -> np.ndarray:
    """The mistakes with the highest scores first, at most ``MOST_MISCLASSIFIED``: row numbers."""
    wrong = np.flatnonzero(true != predicted)
    return wrong[np.argsort(-score[wrong], kind="stable")][:MOST_MISCLASSIFIED]
