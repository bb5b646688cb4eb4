"""Figures of a dataset: images by class, histograms of features, or sequences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neural_networks.datasets.dataset import Dataset
from neural_networks.datasets.preprocessing import Standardization
from neural_networks.plots.style import (
    INK,
    clean,
    fitting,
    inches,
    set_heading,
    set_title,
    short_names,
    small_axes,
    thumbnail,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 10  # images of a class
MOST_CLASSES = 12
MOST_FEATURES = 42
MOST_EXAMPLES = 20_000  # in a histogram


def draw(figure: Figure, dataset: Dataset) -> None:
    """Draw training examples of a dataset, by the kind of its examples."""
    kinds = {1: features, 2: sequences, 3: images}
    kinds[len(dataset.raw_shape)](figure, dataset)


def images(figure: Figure, dataset: Dataset) -> None:
    """A row of images for each class; with augmentation, variants of its first image."""
    names, true = class_names(dataset), classes(dataset)
    augmented = dataset.preprocessing is not None and dataset.preprocessing.augmentation is not None
    grid = small_axes(figure, len(names) * COLUMNS, COLUMNS, 0.85, 0.85)
    figure.set_figwidth(figure.get_figwidth() + max(inches(name, 9) for name in names))
    for i, name in enumerate(names):
        row = grid[i * COLUMNS : (i + 1) * COLUMNS]
        row[0].set_ylabel(
            name, color=INK, parse_math=False, rotation=0, ha="right", va="center", fontsize=9
        )
        rows = np.flatnonzero(true == i)[: 1 if augmented else COLUMNS]
        X = variants(dataset, rows) if augmented else dataset.train.data[rows]
        X = X.reshape(-1, *dataset.raw_shape)  # in memory they may be rows
        for axes, image in zip(row, X, strict=False):
            axes.imshow(thumbnail(image), cmap="gray")
    how = (
        "the first image of each class, then augmented" if augmented else "the first of each class"
    )
    set_heading(figure, f"{dataset.name}: {how}")


def variants(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    """The images in these rows, followed by augmented copies."""
    assert dataset.preprocessing is not None
    X = dataset.train.data[rows]
    copies = np.repeat(X, COLUMNS - 1, axis=0)
    augmented = dataset.preprocessing.convert(copies, np.random.default_rng(0))
    return np.concatenate([dataset.preprocessing.convert(X), augmented])


def features(figure: Figure, dataset: Dataset) -> None:
    """A histogram of each feature, with a line for each class."""
    X = raw_features(dataset, MOST_FEATURES)
    d, n_features = X.shape[1], dataset.raw_shape[0]
    names = dataset.feature_names or [f"feature {i}" for i in range(d)]
    true, labels = np.zeros(len(X), int), [""]
    if dataset.class_names is not None:
        true, labels = classes(dataset)[: len(X)], class_names(dataset)
    panels = small_axes(figure, d, min(d, 5 if d < 25 else 7), 1.7, 1.35)
    for axes, values, name in zip(panels, X.T, names, strict=False):
        lines = histogram(axes, values, true, labels)
        axes.set_xlabel(fitting(name), fontsize=8, color=INK, parse_math=False)
    if len(labels) > 1:
        column = 0.7 + max(inches(label, 10) for label in labels)
        columns = max(1, min(6, int(figure.get_figwidth() / column)))
        legend = figure.legend(lines, labels, loc="outside lower right", ncols=columns)
        for text in legend.get_texts():
            text.set_parse_math(False)  # a name may have dollar signs in it
    shown = f", {d} of {n_features} features" if d < n_features else ""
    set_heading(figure, f"{dataset.name}: {len(X):,} training examples{shown}")


def raw_features(dataset: Dataset, most: int) -> np.ndarray:
    """The first features of the first training examples, in their original units."""
    X = dataset.train.data[:MOST_EXAMPLES, :most]
    done = None if dataset.train.is_lazy else dataset.preprocessing
    if done is None or (scale := done.standardization) is None:
        return X
    mean, std = (np.broadcast_to(values, dataset.raw_shape) for values in (scale.mean, scale.std))
    return Standardization(mean[:most], std[:most]).undo(X)


def histogram(axes: Axes, values: np.ndarray, true: np.ndarray, labels: list[str]) -> list[Any]:
    """Histograms of a feature, a line for each class; outliers are left out."""
    from matplotlib.ticker import MaxNLocator

    low, high = np.percentile(values, [0.5, 99.5])
    n_bins = int(np.clip(np.sqrt(len(values)), 8, 40))
    edges = np.linspace(low, high if high > low else low + 1, n_bins + 1)
    lines = []
    for k, label in enumerate(labels):
        counts, _ = np.histogram(values[true == k], edges)
        style: dict[str, Any] = {"linewidth": 1.2, "linestyle": "-" if k < 10 else ":"}  # 10 colors
        lines.append(axes.stairs(counts / max(1, counts.sum()), edges, label=label, **style))
    axes.xaxis.set_major_locator(MaxNLocator(3))
    axes.tick_params(labelsize=7)
    return lines


def sequences(figure: Figure, dataset: Dataset) -> None:
    """The first feature of the first training sequences."""
    axes = figure.add_subplot()
    for values in dataset.train.data[:6, 0]:
        axes.plot(values, linewidth=1.4)
    axes.set(xlabel="step", ylabel="value")
    clean(axes)
    set_title(axes, f"{dataset.name}: the first six sequences")


def class_names(dataset: Dataset) -> list[str]:
    """The names of the first classes; their numbers if they have none."""
    names = dataset.class_names or [str(i) for i in range(max(2, dataset.out_dim))]
    return [fitting(name) for name in short_names(names)[:MOST_CLASSES]]


def classes(dataset: Dataset) -> np.ndarray:
    """The class of each training example, also with label smoothing."""
    Y = dataset.train.labels
    assert Y is not None
    return Y.argmax(axis=1) if Y.shape[1] > 1 else (Y[:, 0] >= 0.5).astype(int)
