"""Pictures of a run: the one place that decides which ones a run has, and draws them.

A picture never stands in the way of results: one that cannot be drawn is a warning.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from neural_networks import plots
from neural_networks.datasets.files.catalogue import image_shape
from neural_networks.logs.record import (
    FirstFeature,
    Mistakes,
    PredictedNumbers,
    Predictions,
    RunRecord,
    read_record,
)
from neural_networks.metrics import has_roc, roc_of, target_scores
from neural_networks.training.history import StepBin
from neural_networks.utils.files import atomic_write

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TRAINING, TEST = "training", "test"


class Picture(NamedTuple):
    """A picture's file, and the function that draws it into a figure."""

    file_name: str
    draw: Callable[[Figure], None]


def draw_pictures(folder: Path, *stages: str) -> list[Path]:
    """Draw the pictures of a run into its folder, from the files there.

    Parameters
    ----------
    folder : Path
    *stages : str
        ``"training"`` or ``"test"``; without one, both.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    FileNotFoundError, ValueError
        If the folder is not a run, or a file there is damaged.

    Warns
    -----
    UserWarning
        For each picture that cannot be drawn.
    """

    def write(picture: Picture) -> None:
        with atomic_write(folder / picture.file_name) as partial:
            plots.save(picture.draw, partial)

    return [folder / name for name in _draw(read_record(folder), stages, write)]


def show_pictures(record: RunRecord, *stages: str) -> None:
    """Draw the pictures of a run on the screen; see ``draw_pictures``."""
    _draw(record, stages, lambda picture: plots.show(picture.draw))


def _draw(
    record: RunRecord, stages: tuple[str, ...], place: Callable[[Picture], None]
) -> list[str]:
    """Draw each picture by ``place``; returns the names of those that could be drawn."""
    drawn = []
    for picture in pictures(record, *stages):
        try:
            place(picture)
        except Exception as error:
            warn(f"{picture.file_name} is not drawn", error)
        else:
            drawn.append(picture.file_name)
    return drawn


def warn(what: str, error: Exception) -> None:
    """Warn in one line of what an error has prevented."""
    reason = " ".join(str(error).split())
    warnings.warn(f"{what} ({type(error).__name__}: {reason})", stacklevel=2)


def pictures(record: RunRecord, *stages: str) -> Iterator[Picture]:
    """The pictures of a run: of its training, of its test, or of both."""
    if TRAINING in (stages or [TRAINING]):
        yield from learning_curves(record)
        yield from weight_images(record)
    if TEST in (stages or [TEST]):
        if record.predictions is not None and record.classifies:
            yield from classification_pictures(record, record.predictions)
        if record.numbers is not None and not record.classifies:
            yield regression_picture(record, record.numbers)
        if (forecast := record.forecast) is not None:
            yield Picture(
                "forecast.png",
                lambda figure: plots.forecast(
                    figure, *FirstFeature.from_table(forecast), title=heading(record)
                ),
            )


def learning_curves(record: RunRecord) -> Iterator[Picture]:
    """Curves of loss and error over the epochs; of a first one that has not ended, the steps."""
    rows, steps, title = record.rows, record.steps, heading(record)
    if not rows and len(steps) == 0:
        return
    best: Any = {"best_epoch": record.best_epoch}
    columns = {key: np.array([row[key] for row in rows]) for key in rows[0]} if rows else {}
    bins = dict(zip(StepBin._fields, np.array(steps).T, strict=True)) if len(steps) else {}
    yield Picture(
        "loss.png",
        lambda figure: plots.loss_curves(figure, title, record.loss, columns, bins, **best),
    )
    if not rows:
        return
    yield Picture(
        "error.png",
        lambda figure: plots.error_curves(figure, title, record.classifies, columns, **best),
    )


def weight_images(record: RunRecord) -> Iterator[Picture]:
    """Kernels of the first convolution, or else weights of a first layer that takes images."""
    shape, parameters = image_shape(record.dataset, record.example_shape), record.parameters
    title: Any = {"title": heading(record)}
    kernels = next((value for value in parameters.values() if value.ndim == 4), None)
    W = parameters.get("layer1.W")
    if kernels is not None:
        yield Picture("kernels.png", lambda figure: plots.kernels(figure, kernels, **title))
    elif shape and W is not None and W.shape[:-1] == (prod(shape),):
        # Its input is images as rows: each unit has a weight for every pixel.
        images = W.reshape(*shape, -1)
        yield Picture("weights.png", lambda figure: plots.weights(figure, images, **title))


def classification_pictures(record: RunRecord, found: Predictions) -> Iterator[Picture]:
    """Confusion matrix; for two classes, the ROC curve; for images, the misclassified ones."""
    true, predicted, outputs, by_step = found
    n_classes = 1 + max(true.max(), predicted.max(), outputs.shape[1] - 1, 1)
    names = record.classes or [str(i) for i in range(n_classes)]
    title: Any = {"title": heading(record)}
    split: Any = {"split": record.split}
    yield Picture(
        "confusion_matrix.png",
        lambda figure: plots.confusion_matrix(figure, true, predicted, names, **title, **split),
    )
    if not by_step and has_roc(true, outputs):
        yield Picture(
            "roc.png",
            lambda figure: plots.roc_curve(
                figure, *roc_of(true, predicted, outputs), names=names, **title
            ),
        )
    if record.mistakes is not None:
        yield mistakes_picture(record, record.mistakes, found, names)


def regression_picture(record: RunRecord, numbers: PredictedNumbers) -> Picture:
    """Predicted over true values."""
    texts: Any = {"title": heading(record), "split": record.split}

    def draw(figure: Figure) -> None:
        rmse, r2, _ = target_scores(*numbers, training=numbers.true)
        plots.predicted_over_true(figure, *numbers, (rmse, r2), **texts)

    return Picture("predictions.png", draw)


def mistakes_picture(
    record: RunRecord, mistakes: Mistakes, found: Predictions, names: list[str]
) -> Picture:
    """Misclassified images, with the score of each."""
    counts = int((found.true != found.predicted).sum()), len(found.true)
    score_format = "{:.0%}" if record.outputs == "probabilities" else "{:.2g}"
    texts: Any = {"title": heading(record), "split": record.split}
    return Picture(
        "mistakes.png",
        lambda figure: plots.misclassified(figure, *mistakes, score_format, names, counts, **texts),
    )


def heading(record: RunRecord) -> str:
    """The run's name and, in another line, its data, network and optimizer: what was trained."""
    what = network_text(record.parameters)
    optimizer = record.model.get("optimizer_args")
    if isinstance(optimizer, Mapping) and "name" in optimizer:
        what += f", {optimizer['name']}" if what else str(optimizer["name"])
        rate = optimizer.get("lr")
        what += f" with lr {rate:g}" if isinstance(rate, float) else ""
    if record.standardized:
        what += ", standardized targets" if what else "standardized targets"
    dataset = "" if record.dataset == "dataset" else record.dataset  # no name was given
    line = ": ".join(part for part in (dataset, what) if part)
    lines = [record.title] if record.title != dataset else []  # a name needs to be read once
    return "\n".join([*lines, line] if line else [record.title])


def network_text(parameters: Mapping[str, np.ndarray]) -> str:
    """A network in a few words, such as ``4-10-3`` for fully-connected layers; empty without any.

    Parameters
    ----------
    parameters : mapping
        Names such as ``layer1.W`` to arrays, in the order of the layers.
    """
    layers = {key[:-2]: W for key, W in parameters.items() if key.endswith(".W") and W.ndim > 1}
    sizes = [W.shape[-1] for W in layers.values()]
    kinds = {"conv" if W.ndim == 4 else "dense" for W in layers.values()}
    if kinds == {"dense"} and not any(f"{name}.U" in parameters for name in layers):
        first = next(iter(layers.values())).shape[0]
        return "-".join(map(str, [first, *sizes])) if len(sizes) < 8 else f"{len(sizes)} layers"
    words = {}
    for name, W in layers.items():
        kind = "recurrent" if f"{name}.U" in parameters else "dense"
        words[name] = f"{'conv' if W.ndim == 4 else kind} {W.shape[-1]}"
    return ", ".join(words.values()) if len(words) < 8 else f"{len(words)} layers"
