"""Scores and predictions on a test or validation set."""

from dataclasses import dataclass

import numpy as np

from neural_networks.metrics import ClassScores, TargetScores

Forecast = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Outcome:
    """Scores and predictions on a test or validation set.

    Attributes
    ----------
    scores : dict of float
        See ``evaluation.test``.
    Y, Y_hat : arrays, (n, k) or (n, k, t)
        Labels and predictions; the numbers of a regression in their units.
    forecast : tuple of array or None
        Longer sequences (k, d, T), and their values from the end of the first window on, (k, d,
        T - t): predicted one step ahead, and free-running.
    details : ClassScores or TargetScores or None
        Scores of each class, or of each output of a regression.
    split : str
        ``"test"`` or ``"validation"``: the set.
    epoch : int or None
        The number of epochs after which the network had the tested parameters.
    """

    scores: dict[str, float]
    Y: np.ndarray
    Y_hat: np.ndarray
    forecast: Forecast | None
    details: ClassScores | TargetScores | None = None
    split: str = "test"
    epoch: int | None = None
