"""Pictures of a run, drawn after a training and after a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from neural_networks import plots
from neural_networks.datasets import Dataset
from neural_networks.losses import Loss
from neural_networks.training.outcome import Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Picture(NamedTuple):
    """A picture's file, and the function that draws it into a figure."""

    file_name: str
    draw: Callable[[Figure], None]


def learning_curves(
    title: str,
    loss: Loss,
    rows: Sequence[Mapping[str, float]],
    steps: Sequence[tuple[float, float]],
) -> Iterator[Picture]:
    """Curves of loss and error over the epochs, if there are any.

    Parameters
    ----------
    title : str
        The run's name.
    loss : Loss
    rows : sequence of mapping
        The results of each epoch, as in ``log.csv``.
    steps : sequence of (epoch, loss)
        The loss of each training step.
    """
    if not rows:
        return
    columns = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    yield Picture(
        "loss.png", lambda figure: plots.loss_curves(figure, title, loss.name, columns, steps)
    )
    yield Picture(
        "error.png", lambda figure: plots.error_curves(figure, title, loss.classifies, columns)
    )


def weight_images(
    parameters: Mapping[str, np.ndarray], image_shape: tuple[int, ...]
) -> Iterator[Picture]:
    """Kernels of the first convolution, or else weights of a first layer that takes images.

    Parameters
    ----------
    parameters : mapping
        Names such as ``layer1.W`` to arrays, in the order of the layers.
    image_shape : tuple of int
        The shape of an example as it was loaded, (H, W, C) for images.
    """
    kernels = next((value for value in parameters.values() if value.ndim == 4), None)
    W = parameters.get("layer1.W")
    if kernels is not None:
        yield Picture("kernels.png", lambda figure: plots.kernels(figure, kernels))
    elif len(image_shape) == 3 and W is not None and W.shape[:-1] == (prod(image_shape),):
        # Its input is images as rows: each unit has a weight for every pixel.
        images = W.reshape(*image_shape, -1)
        yield Picture("weights.png", lambda figure: plots.weights(figure, images))


def classification_pictures(loss: Loss, outcome: Outcome, dataset: Dataset) -> Iterator[Picture]:
    """Confusion matrix; for two classes, the ROC curve; for images, the misclassified ones."""
    if not loss.classifies:
        return
    Y, Y_hat, roc = outcome.Y, outcome.Y_hat, outcome.roc
    true, predicted = loss.classes(Y).ravel(), loss.classes(Y_hat).ravel()
    names = dataset.class_names
    if names is None:
        names = [str(i) for i in range(max(Y.shape[1], 2))]
    yield Picture(
        "confusion_matrix.png",
        lambda figure: plots.confusion_matrix(figure, true, predicted, names),
    )
    if roc is not None:
        yield Picture("roc.png", lambda figure: plots.roc_curve(figure, *roc))
    if dataset.test is not None and dataset.test.data.ndim == 4:
        X, score = dataset.test.data, predicted_scores(Y_hat, predicted)
        score_format = "{:.0%}" if loss.outputs_probabilities else "{:.2g}"
        yield Picture(
            "mistakes.png",
            lambda figure: plots.misclassified(
                figure, X, true, predicted, score, score_format, names
            ),
        )


def predicted_scores(Y_hat: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """The score of each predicted class, (n,); a single output is the probability of class 1."""
    scores = Y_hat if Y_hat.shape[1] > 1 else np.hstack([1 - Y_hat, Y_hat])
    return scores[np.arange(len(scores)), predicted]


def forecast_picture(forecast: Sequence[np.ndarray]) -> Picture:
    """The first feature of a forecast: true, one step ahead and free-running, (k, d, T) each."""
    first = [values[:, 0] for values in forecast]
    return Picture("forecast.png", lambda figure: plots.forecast(figure, *first))
