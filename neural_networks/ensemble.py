"""Ensembles: averages of the predictions of several networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from neural_networks.datasets import Dataset
from neural_networks.models import NeuralNetwork
from neural_networks.training import evaluation

if TYPE_CHECKING:
    import pandas as pd


class Ensemble:
    """Networks whose predictions are averaged: Y_hat = (1/k) Σ Y_hat_k.

    By Jensen's inequality the squared error, and the cross-entropy, of the average is at most the
    average of the networks' losses; the more their errors differ, the greater the gain. Source:
    Breiman, "Bagging predictors", Machine Learning 24, 1996.

    Parameters
    ----------
    models : sequence of NeuralNetwork
        Networks for the same data and with the same loss.

    Raises
    ------
    ValueError
        If there are none, or their losses differ.
    """

    logger = None  # an ensemble has no run folder

    def __init__(self, models: Sequence[NeuralNetwork]) -> None:
        if isinstance(models, NeuralNetwork) or not models:
            raise ValueError("an ensemble needs a list of one model or more")
        names = sorted({model.loss.name for model in models})
        if len(names) > 1:
            raise ValueError(f"the models of an ensemble share a loss, got {', '.join(names)}")
        self.models = list(models)
        self.loss = models[0].loss

    def predict(self, X: np.ndarray, Y: np.ndarray | None) -> tuple[np.ndarray, float]:
        """The average prediction for a batch, and its loss; see ``NeuralNetwork.predict``."""
        outputs = [model.predict(X, None)[0] for model in self.models]
        shapes = {output.shape for output in outputs}
        if len(shapes) > 1:
            raise ValueError(
                f"the models of an ensemble predict outputs of one shape, got {shapes}"
            )
        Y_hat = np.mean(outputs, axis=0)
        return Y_hat, np.nan if Y is None else self.loss.forward(Y, Y_hat)

    def error(self, target: np.ndarray, out: np.ndarray) -> float:
        """See ``NeuralNetwork.error``."""
        return self.models[0].error(target, out)

    def test(self, dataset: Dataset) -> dict[str, float]:
        """Loss and error of the average on ``dataset.test``; see ``NeuralNetwork.test``."""
        return evaluation.test(self, dataset, save_predictions=False, split="test")

    def test_kaggle(self, dataset: Dataset) -> pd.DataFrame:
        """Predicted classes of ``dataset.test``; see ``NeuralNetwork.test_kaggle``."""
        return evaluation.test_kaggle(self, dataset, None)
