"""History of a training: results by epoch, losses by step."""

import math
from collections.abc import Mapping

import numpy as np


class History:
    """Results by epoch, losses by step.

    Attributes
    ----------
    epochs : dict of list of float
        A list for each column, such as ``train_loss``, with an entry for each epoch; NaN where
        an epoch had no such result.
    steps : list of float
        The loss of every step, without the penalty on the weights.
    """

    def __init__(self) -> None:
        self.epochs: dict[str, list[float]] = {}
        self.steps: list[float] = []

    def record(self, results: Mapping[str, float]) -> None:
        """Add the results of an epoch."""
        before = max(map(len, self.epochs.values()), default=0)
        for name in results:
            self.epochs.setdefault(name, [math.nan] * before)
        for name, values in self.epochs.items():
            values.append(results.get(name, math.nan))

    def columns(self) -> dict[str, np.ndarray]:
        """The results by epoch, an array (epochs,) for each column."""
        return {name: np.array(values) for name, values in self.epochs.items()}
