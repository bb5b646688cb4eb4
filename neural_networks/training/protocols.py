"""Protocols: the parts of a model and of a run's log that training uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from neural_networks.datasets import Dataset
from neural_networks.layers import Layer
from neural_networks.losses import Loss
from neural_networks.optimizers import Optimizer
from neural_networks.training.early_stopping import BestEpoch
from neural_networks.training.history import History, StepBin
from neural_networks.training.outcome import Outcome

if TYPE_CHECKING:
    import pandas as pd


class RunLog(Protocol):
    """A log of a run, such as ``logs.Logger``."""

    folder: Path | None
    rows: list[dict[str, float]]

    def describe(self, loss: Loss, dataset: Dataset, seed: int) -> None:
        """Claim the folder; save what goes into the network and what comes out, and the seeds."""

    def push(self, log: Mapping[str, Any]) -> None:
        """Add the results of an epoch."""

    def push_steps(self, bins: Sequence[StepBin]) -> None:
        """Add the steps of an epoch."""

    def finish(
        self,
        parameters: Mapping[str, np.ndarray],
        best_parameters: Mapping[str, np.ndarray] | None,
    ) -> None:
        """Save the parameters, now and of the best epoch."""

    def save_test(
        self, loss: Loss, outcome: Outcome, dataset: Dataset, save_predictions: bool
    ) -> None:
        """Save the results of a test and, if asked for, predictions and pictures."""

    def save_kaggle(
        self, file_name: str, table: pd.DataFrame, named: pd.DataFrame | None = None
    ) -> None:
        """Save a table of predicted classes, and one with their names."""


class Predictor(Protocol):
    """A network or an ensemble."""

    loss: Loss

    @property
    def logger(self) -> RunLog | None:
        """The log of the run, if there is one."""

    def predict(self, X: np.ndarray, Y: np.ndarray | None) -> tuple[np.ndarray, float]:
        """Predictions for a batch, and their loss."""

    def error(self, target: np.ndarray, out: np.ndarray) -> float:
        """The error of a batch of predictions."""


class Trainable(Predictor, Protocol):
    """A network that can be trained."""

    layers: list[Layer]
    optimizer: Optimizer
    dtype: np.dtype[Any]
    canonical: bool
    seed: int
    input_shape: tuple[int, ...] | None
    epoch: int
    best: BestEpoch | None
    restored: bool
    records: History
    penalty: float

    @property
    def regularization(self) -> object:
        """The penalty on the weights; false if there is none."""

    def prepare(self, dataset: Dataset) -> None:
        """Complete the network for a dataset."""

    def threads(self, X_shape: Sequence[int]) -> AbstractContextManager[None]:
        """A context with the threads that the network needs for batches of a shape."""

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Compute the output for a batch."""

    def backward(self, target: np.ndarray, out: np.ndarray) -> float:
        """Compute the loss of the batch, and all gradients."""

    def update(self, epoch: float) -> None:
        """Make one step of the optimizer."""

    def arrays(self) -> dict[str, np.ndarray]:
        """Parameters, buffers, input shape and epoch, by name."""

    def restore_best(self) -> None:
        """Restore the parameters of the best epoch."""
