"""Scores and predictions on a test set."""

from dataclasses import dataclass

import numpy as np

from neural_networks.metrics import RocCurve

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
    roc : RocCurve or None
        ROC curve of two classes.
    forecast : tuple of array or None
        Longer sequences (k, d, T), and their values from the end of the first window on, (k, d,
        T - t): predicted one step ahead, and free-running.
    """

    scores: dict[str, float]
    Y: np.ndarray
    Y_hat: np.ndarray
    roc: RocCurve | None
    forecast: Forecast | None
