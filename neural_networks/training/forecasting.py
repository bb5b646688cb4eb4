"""Forecasts: one step ahead from true values, or free-running on the network's own predictions."""

import numpy as np

from neural_networks.datasets import TargetScale
from neural_networks.training.protocols import Predictor


def one_step(
    model: Predictor, sequences: np.ndarray, window: int, scale: TargetScale | None = None
) -> np.ndarray:
    """Each value predicted from the ``window`` true values before it.

    Parameters
    ----------
    model : NeuralNetwork
        Predicts the next d values of a sequence (d, window).
    sequences : array, (k, d, T)
    window : int
        Below T.
    scale : TargetScale, optional
        Turns the network's outputs into the units of the sequences.

    Returns
    -------
    array, (k, d, T - window)
        Predictions of the values from step ``window`` on.
    """
    steps = range(window, sequences.shape[2])
    values = [_next(model, sequences[:, :, i - window : i], scale) for i in steps]
    return np.stack(values, axis=2)


def free_running(
    model: Predictor, windows: np.ndarray, steps: int, scale: TargetScale | None = None
) -> np.ndarray:
    """The continuation of sequences in which each prediction is made from those before it.

    Parameters
    ----------
    model : NeuralNetwork
        Predicts the next d values of a sequence (d, window).
    windows : array, (k, d, window)
        The beginnings.
    steps : int
        Number of values to predict.
    scale : TargetScale, optional
        Turns the network's outputs into the units of the sequences.

    Returns
    -------
    array, (k, d, steps)
    """
    window = windows.shape[2]
    values = windows
    for _ in range(steps):
        prediction = _next(model, values[:, :, -window:], scale)
        values = np.concatenate([values, prediction[:, :, np.newaxis]], axis=2)
    return values[:, :, window:]


def _next(model: Predictor, X: np.ndarray, scale: TargetScale | None) -> np.ndarray:
    """The predicted values after X, (k, d), in its type: the output, or its last step."""
    Y_hat, _ = model.predict(X, None)
    if scale is not None:
        Y_hat = scale.to_units(Y_hat).astype(X.dtype)
    return Y_hat if Y_hat.ndim == 2 else Y_hat[:, :, -1]
