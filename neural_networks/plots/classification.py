"""Figures of a classifier: confusion matrix, ROC curve, misclassified images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neural_networks.plots.style import (
    INK,
    TRAINING,
    VALIDATION,
    clean,
    small_axes,
    stretch_contrast,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_MISCLASSIFIED = 40  # images


def confusion_matrix(
    figure: Figure, true: np.ndarray, predicted: np.ndarray, names: Sequence[str]
) -> None:
    """Confusion matrix: the count of each pair of true and predicted class.

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
    _draw_counts(axes, counts)
    _name_classes(axes, names)
    correct = int(np.trace(counts))
    axes.set_title(f"accuracy {correct / len(true):.1%}: {correct} of {len(true)} test examples")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _draw_counts(axes: Axes, counts: np.ndarray) -> None:
    """Draw the counts (k, k), colored by their share of the true class, their row."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        color = "white" if shares[row, column] > 0.5 else INK
        axes.text(column, row, str(count), ha="center", va="center", color=color)


def _name_classes(axes: Axes, names: Sequence[str]) -> None:
    ticks = np.arange(len(names))
    long = max(len(name) for name in names) > 3
    slanted: dict[str, Any] = {"rotation": 45, "ha": "right"} if long else {}
    axes.set_xticks(ticks, names, parse_math=False, **slanted)
    axes.set_yticks(ticks, names, parse_math=False)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")


def roc_curve(
    figure: Figure,
    fpr: np.ndarray,
    tpr: np.ndarray,
    area: float,
    operating_point: tuple[float, float],
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
    """
    figure.set_size_inches(4.6, 4.6)
    axes = figure.add_subplot()
    fpr, tpr = 100 * fpr, 100 * tpr
    axes.plot([0, 100], [0, 100], color=INK, linewidth=0.8, linestyle=":", label="chance")
    axes.fill_between(fpr, tpr, color=TRAINING, alpha=0.08, linewidth=0)
    axes.plot(fpr, tpr, color=TRAINING, linewidth=1.8, label="all thresholds")
    axes.plot(*(100 * np.array(operating_point)), "o", color=VALIDATION, label="predicted classes")
    axes.set(xlabel="false positive rate (%)", ylabel="true positive rate (%)", aspect="equal")
    axes.set(xlim=(0, 100), ylim=(0, 100))
    axes.set_title(f"ROC curve, AUC {area:.4f}", color=INK)
    axes.legend(frameon=False, loc="lower right")
    clean(axes)


def misclassified(
    figure: Figure,
    X: np.ndarray,
    true: np.ndarray,
    predicted: np.ndarray,
    score: np.ndarray,
    score_format: str,
    names: Sequence[str],
    counts: tuple[int, int] | None = None,
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
        Format of a score, such as ``"{:.0%}"``.
    names : sequence of str
        A name for each class.
    counts : tuple of int, optional
        The number of misclassified examples and of all, if X does not hold them all.
    """
    shown = surest_mistakes(true, predicted, score)
    # Wide enough for the longest line below an image.
    width = max(1.15, 0.053 * (18 + max(map(len, names))))
    tiles = small_axes(figure, len(shown), min(8, max(4, len(shown))), width, width + 0.35)
    for axes, i in zip(tiles, shown, strict=True):
        axes.imshow(stretch_contrast(X[i]), cmap="gray")
        # A class's name may have dollar signs in it.
        confidence = score_format.format(score[i])
        text = f"true: {names[true[i]]}\npredicted: {names[predicted[i]]} ({confidence})"
        axes.set_xlabel(text, fontsize=7, color=INK, parse_math=False)
    n_wrong, n = counts or (int((true != predicted).sum()), len(true))
    title = f"{n_wrong or 'none'} of {n} test examples misclassified"
    if len(shown) < n_wrong:
        title += f", the {len(shown)} most confident"
    figure.suptitle(title, color=INK)


def surest_mistakes(true: np.ndarray, predicted: np.ndarray, score: np.ndarray) -> np.ndarray:
    """The mistakes with the highest scores first, at most ``MOST_MISCLASSIFIED``: row numbers."""
    wrong = np.flatnonzero(true != predicted)
    return wrong[np.argsort(-score[wrong], kind="stable")][:MOST_MISCLASSIFIED]
