"""Forecasts: what a network that predicts the next values of a sequence makes of a longer one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from neural_networks.models import NeuralNetwork


def one_step(model: NeuralNetwork, sequences: np.ndarray, window: int) -> np.ndarray:
    """Each value predicted from the ``window`` true values before it.

    Parameters
    ----------
    model : NeuralNetwork
        One that predicts the next d values of a sequence (d, window).
    sequences : array, (k, d, T)
    window : int
        Below T.

    Returns
    -------
    array, (k, d, T - window)
        Predictions of the values from step ``window`` on.
    """
    steps = range(window, sequences.shape[2])
    return np.stack([_next(model, sequences[:, :, i - window : i]) for i in steps], axis=2)


def free_running(model: NeuralNetwork, windows: np.ndarray, steps: int) -> np.ndarray:
    """The sequence as the network goes on with it, each prediction made from those before.

    Parameters
    ----------
    model : NeuralNetwork
        One that predicts the next d values of a sequence (d, window).
    windows : array, (k, d, window)
        The beginnings.
    steps : int
        How far to go.

    Returns
    -------
    array, (k, d, steps)
    """
    window = windows.shape[2]
    values = windows
    for _ in range(steps):
        prediction = _next(model, values[:, :, -window:])
        values = np.concatenate([values, prediction[:, :, np.newaxis]], axis=2)
    return values[:, :, window:]


def _next(model: NeuralNetwork, X: np.ndarray) -> np.ndarray:
    """The values that a network says come after X, (k, d): its output, or its last one."""
    Y_hat, _ = model.predict(X, None)
    return Y_hat if Y_hat.ndim == 2 else Y_hat[:, :, -1]
