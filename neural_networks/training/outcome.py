"""Scores and predictions on a test set."""

from dataclasses import dataclass

import numpy as np

Forecast = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Outcome:
    """Scores and predictions on a test set.

    Attributes
    ----------
    scores : dict of float
        ``loss`` and ``error``; of two classes, also ``auc``.
    Y, Y_hat : arrays, (n, k) or (n, k, t)
        Labels and predictions.
    forecast : tuple of array or None
        Longer sequences (k, d, T), and their values from the end of the first window on, (k, d,
        T - t): predicted one step ahead, and free-running.
    """

    scores: dict[str, float]
    Y: np.ndarray
    Y_hat: np.ndarray
    forecast: Forecast | None
