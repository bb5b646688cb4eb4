"""Evaluation: loss, error and predictions of a whole set, without a gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neural_networks.datasets import Data, Dataset
from neural_networks.metrics import binary_roc
from neural_networks.training.forecasting import free_running, one_step
from neural_networks.training.outcome import Forecast, Outcome
from neural_networks.training.protocols import Predictor
from neural_networks.training.tables import kaggle_table

if TYPE_CHECKING:
    import pandas as pd


def evaluate(model: Predictor, data: Data) -> tuple[float, float, np.ndarray]:
    """Evaluate a whole set: mean loss and error, and predictions in the order of the data."""
    total_loss = total_error = 0.0
    outputs = []
    with model.threads():
        for X, Y in data.batches():
            Y_hat, loss = model.predict(X, Y)
            total_loss += loss * len(X)
            total_error += model.error(Y, Y_hat) * len(X)
            outputs.append(Y_hat)
    return total_loss / data.n_samples, total_error / data.n_samples, np.concatenate(outputs)


def test(model: Predictor, dataset: Dataset, save_predictions: bool) -> dict[str, float]:
    """Test a model: loss and error on ``dataset.test``.

    Parameters
    ----------
    model : NeuralNetwork or Ensemble
    dataset : Dataset
    save_predictions : bool
        If True, the model's logger also saves ``test_predictions.csv`` and the pictures that
        apply: ``confusion_matrix.png`` for classes, ``roc.png`` for two of them,
        ``mistakes.png`` for images, ``forecast.png`` and ``forecast.csv`` for sequences.

    Returns
    -------
    dict
        ``loss`` and ``error``; for two classes, also ``auc``, the area under the ROC curve.

    Raises
    ------
    ValueError
        If the dataset has no test set, or its test set has no labels.
    """
    data = _test_set(dataset)
    if data.labels is None:
        raise ValueError("the test set has no labels: test_kaggle predicts them")
    model.loss.check_labels(data.labels)
    loss, error, Y_hat = evaluate(model, data)
    scores = {"loss": loss, "error": error}
    roc = binary_roc(model.loss, data.labels, Y_hat)
    if roc is not None:
        scores["auc"] = roc.area
    if model.logger:
        forecast = _forecast(model, dataset, data) if save_predictions else None
        outcome = Outcome(scores, data.labels, Y_hat, forecast)
        model.logger.save_test(model.loss, outcome, dataset, save_predictions)
    return scores


def _forecast(model: Predictor, dataset: Dataset, data: Data) -> Forecast | None:
    """Forecast a dataset's longer sequences, if it has any."""
    sequences = dataset.forecast_sequences
    if sequences is None:
        return None
    window = data.data.shape[2]
    with np.errstate(over="ignore", invalid="ignore"):  # a free-running network may diverge
        free = free_running(model, sequences[:, :, :window], sequences.shape[2] - window)
        return sequences, one_step(model, sequences, window), free


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
        Integer columns ``Id``, from ``dataset.first_id`` on, and ``Category``. The model's
        logger saves it.

    Raises
    ------
    ValueError
        If the dataset has no test set, or the network predicts no classes.
    """
    if not model.loss.classifies:
        raise ValueError(f"Kaggle files hold classes, which {model.loss.name} does not predict")
    # Not evaluate: the labels, if any, may be rows of zeros.
    with model.threads():
        outputs = [model.predict(X, None)[0] for X, _ in _test_set(dataset).batches()]
    classes = model.loss.classes(np.concatenate(outputs))
    if classes.ndim > 1:
        raise ValueError("Kaggle files hold one class for each example, not one for every step")
    table = kaggle_table(classes, dataset.first_id)
    if model.logger:
        name = file_name or dataset.kaggle_file or "kaggle_predictions.csv"
        model.logger.save_kaggle(name, table)
    return table


def _test_set(dataset: Dataset) -> Data:
    if dataset.test is None:
        raise ValueError("the dataset has no test set")
    return dataset.test
