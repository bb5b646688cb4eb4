"""Evaluation: loss, error and predictions of a whole set, without a gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neural_networks.datasets import Data, Dataset
from neural_networks.losses import Loss
from neural_networks.metrics import (
    ClassScores,
    TargetScores,
    binary_roc,
    class_scores,
    majority_accuracy,
    target_scores,
)
from neural_networks.training.forecasting import free_running, one_step
from neural_networks.training.outcome import Forecast, Outcome
from neural_networks.training.protocols import Predictor
from neural_networks.training.tables import kaggle_table
from neural_networks.utils.factories import lookup

if TYPE_CHECKING:
    import pandas as pd


def evaluate(model: Predictor, data: Data) -> tuple[float, float, np.ndarray]:
    """Evaluate a whole set: mean loss and error, and predictions in the order of the data."""
    total_loss = total_error = 0.0
    outputs = []
    for X, Y in data.batches():
        Y_hat, loss = model.predict(X, Y)
        total_loss += loss * len(X)
        total_error += model.error(Y, Y_hat) * len(X)
        outputs.append(Y_hat)
    return total_loss / data.n_samples, total_error / data.n_samples, np.concatenate(outputs)


def test(
    model: Predictor, dataset: Dataset, save_predictions: bool, split: str
) -> dict[str, float]:
    """Test a model: loss and error on ``dataset.test``, or on ``dataset.validate``.

    Parameters
    ----------
    model : NeuralNetwork or Ensemble
    dataset : Dataset
    save_predictions : bool
        If True, the model's logger also saves ``test_predictions.csv`` and the pictures that
        apply: ``confusion_matrix.png`` for classes, ``roc.png`` for two of them,
        ``mistakes.png`` for images, ``predictions.png`` for a regression, ``forecast.png`` and
        ``forecast.csv`` for sequences.
    split : str
        ``"test"`` or ``"validation"``, the set; the files of the latter begin with that word.

    Returns
    -------
    dict
        ``loss`` and ``error``, on the scale of the training. For two classes ``auc``, the area
        under the ROC curve; for all classes ``majority_accuracy``, the accuracy of always
        predicting the most frequent class of the training set. For a regression,
        in the units of the targets, ``rmse`` and ``rmse_of_mean``, the RMSE of always predicting
        the mean of the training set, and ``r2``, the mean over the outputs that vary, if any; see
        ``metrics.TargetScores``.

    Raises
    ------
    ValueError
        If the dataset has no such set, or the set has no labels; if predictions are to be saved
        without a logger.
    """
    data = _set(dataset, split)
    if save_predictions and model.logger is None:
        raise ValueError("save_predictions needs a logger: the model has none")
    if data.labels is None:
        raise ValueError(f"the {split} set has no labels: test_kaggle predicts them")
    model.loss.check_labels(data.labels)
    loss, error, Y_hat = evaluate(model, data)
    Y, training = (_labels(model.loss, part) for part in (data, dataset.train))
    if dataset.target_scale is not None and not model.loss.classifies:
        Y_hat = dataset.target_scale.to_units(Y_hat)
    further, details = _scores(model.loss, Y, Y_hat, training)
    scores = {"loss": loss, "error": error, **further}
    if model.logger:
        forecast = _forecast(model, dataset, data) if save_predictions else None
        outcome = Outcome(scores, Y, Y_hat, forecast, details, split, parameters_epoch(model))
        model.logger.save_test(model.loss, outcome, dataset, save_predictions)
    return scores


def parameters_epoch(model: object) -> int | None:
    """The number of epochs after which a model had its parameters; None for an ensemble."""
    best = getattr(model, "best", None) if getattr(model, "restored", False) else None
    return getattr(model if best is None else best, "epoch", None)


def _labels(loss: Loss, data: Data) -> np.ndarray:
    """The labels of a set; the numbers of a regression in their units."""
    labels = data.labels if loss.classifies else data.labels_in_units
    if labels is None:
        raise ValueError("there are no labels")
    return labels


def _scores(
    loss: Loss, Y: np.ndarray, Y_hat: np.ndarray, training: np.ndarray
) -> tuple[dict[str, float], ClassScores | TargetScores]:
    """Scores of a test set beside loss and error: of the whole, and of each class or output."""
    if not loss.classifies:
        by_output = target_scores(Y, Y_hat, training)
        return by_output.summary(), by_output
    true, predicted, trained = (loss.classes(labels) for labels in (Y, Y_hat, training))
    roc = binary_roc(loss, Y, Y_hat)
    scores = {} if roc is None else {"auc": roc.area}
    scores["majority_accuracy"] = majority_accuracy(true, trained)
    return scores, class_scores(true, predicted, max(Y.shape[1], 2))


def _forecast(model: Predictor, dataset: Dataset, data: Data) -> Forecast | None:
    """Forecast a dataset's longer sequences, if it has any."""
    sequences = dataset.forecast_sequences
    if sequences is None:
        return None
    window, scale = data.data.shape[2], dataset.target_scale
    with np.errstate(over="ignore", invalid="ignore"):  # a free-running network may diverge
        free = free_running(model, sequences[:, :, :window], sequences.shape[2] - window, scale)
        return sequences, one_step(model, sequences, window, scale), free


def test_kaggle(model: Predictor, dataset: Dataset, file_name: str | None) -> pd.DataFrame:
    """Predict the classes of ``dataset.test``, in its order, for a Kaggle competition.

    Parameters
    ----------
    model : NeuralNetwork or Ensemble
    dataset : Dataset
        Its test set needs no labels.
    file_name : str, optional
        Name of the file; by default ``dataset.kaggle_file`` or ``kaggle_predictions.csv``.

    Returns
    -------
    pandas.DataFrame
        Integer columns ``Id``, from ``dataset.first_id`` on, and ``Category``; with Ids of the
        examples' own, these. The model's logger saves it; if there are no labels and the classes
        have names, it also saves a table with one column more, ``class``.

    Raises
    ------
    ValueError
        If the dataset has no test set, or the network predicts no classes.
    """
    if not model.loss.classifies:
        raise ValueError(f"Kaggle files hold classes, which {model.loss.name} does not predict")
    # Not evaluate: the labels, if any, may be rows of zeros.
    data, named = _set(dataset, "test"), None
    outputs = [model.predict(X, None)[0] for X, _ in data.batches()]
    classes = model.loss.classes(np.concatenate(outputs))
    if classes.ndim > 1:
        raise ValueError("Kaggle files hold one class for each example, not one for every step")
    table = kaggle_table(classes, dataset.test_ids, dataset.id_column)
    if model.logger:
        name = file_name or dataset.kaggle_file or "kaggle_predictions.csv"
        if data.labels is None and dataset.class_names is not None:
            named = table.assign(**{"class": [dataset.class_names[k] for k in classes]})
        model.logger.save_kaggle(name, table, named)
    return table


def _set(dataset: Dataset, split: str) -> Data:
    sets = {"test": dataset.test, "validation": dataset.validate}
    data = lookup("set", split, sets)
    if data is None:
        raise ValueError(f"the dataset has no {split} set")
    return data
