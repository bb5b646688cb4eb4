"""History of a training: results by epoch, losses by step, the epoch under way."""

import math
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from neural_networks.datasets import Data, Dataset
from neural_networks.utils.state import entry, entry_arrays

BINS_PER_EPOCH = 200
"""Most rows of ``steps.csv`` for an epoch."""


class StepBin(NamedTuple):
    """Consecutive steps of an epoch: a row of ``steps.csv``.

    Attributes
    ----------
    step : int
        Number of its last step, from 1.
    epoch : float
        The number of epochs trained by then, a fraction.
    loss, lowest, highest : float
        Mean, lowest and highest loss of its steps, without the penalty.
    learning_rate : float
        That of its last step.
    """

    step: int
    epoch: float
    loss: float
    lowest: float
    highest: float
    learning_rate: float


@dataclass
class EpochUnderWay:
    """An epoch that has begun, and not ended.

    Attributes
    ----------
    epoch : int
        Number of epochs trained before it.
    n_steps : int
        Steps of the whole epoch.
    first_step : int
        Number of steps of the history before it.
    steps : int
        Steps made so far.
    loss, error, penalty : float
        Sums over the examples so far.
    """

    epoch: int
    n_steps: int
    first_step: int
    steps: int = 0
    loss: float = 0.0
    error: float = 0.0
    penalty: float = 0.0


class History:
    """Results by epoch, losses by step, the epoch under way.

    An exception at any moment, such as a Ctrl-C, leaves it as it was before or after an epoch or a
    step: what belongs together enters by one operation, or last.

    Attributes
    ----------
    epochs : list of dict of float
        The results of each epoch, by columns such as ``train_loss``.
    epoch : int
        Number of epochs trained so far; more than in ``epochs`` if parameters have been loaded.
    steps : array of float
        The loss of every step, without the penalty on the weights.
    learning_rates : array of float
        The learning rate of every step.
    under_way : EpochUnderWay or None
    first_epoch : int
        Number of epochs trained before the training began: patience counts from there.
    resumes : bool
        True between ``load_state`` and ``begin_training``, which continues from that state.
    """

    def __init__(self) -> None:
        self.epochs: list[dict[str, float]] = []
        self.steps = array("d")
        self.learning_rates = array("d")
        self.under_way: EpochUnderWay | None = None
        self.first_epoch = 0
        self.resumes = False
        self._epochs_before = 0  # trained elsewhere
        self._data: tuple[Data, Data | None] | None = None
        self._fingerprint = ""  # of the data, where they themselves are not at hand

    @property
    def epoch(self) -> int:
        """Number of epochs trained so far."""
        return self._epochs_before + len(self.epochs)

    @epoch.setter
    def epoch(self, value: int) -> None:
        self._epochs_before = value - len(self.epochs)

    def begin_training(self, dataset: Dataset) -> bool:
        """Begin a training, or continue the one of a loaded state.

        A training on the data of that state continues: its epoch under way, its patience. Any
        other begins with a whole epoch.

        Returns
        -------
        bool
            True if the data is that of the training before, or there was none.

        Raises
        ------
        ValueError
            If the data of the state is not at the step at which its epoch is.
        """
        data, same = dataset.train, self._is_same(dataset)
        if not self.resumes or not same:
            self.first_epoch, self.under_way = self.epoch, None
        elif (begun := self.under_way) is not None:
            here, there = (data.steps, data.samples_per_epoch), (begun.steps, begun.n_steps)
            if here != there:
                raise ValueError(
                    f"the network has made {there[0]} of {there[1]} steps of an epoch, but the "
                    f"data {here[0]} of {here[1]}: load the state of the dataset, too"
                )
        self.resumes = False
        self._data = (data, dataset.validate)
        # An exception may have come between the two.
        del self.steps[len(self.learning_rates) :]
        return same

    def _is_same(self, dataset: Dataset) -> bool:
        """True if there was no other data before; only other objects are compared by content."""
        data = (dataset.train, dataset.validate)
        if self._data is None:
            return not self._fingerprint or fingerprint(*data) == self._fingerprint
        if all(here is there for here, there in zip(data, self._data, strict=True)):
            return True
        return fingerprint(*data) == fingerprint(*self._data)

    @property
    def steps_under_way(self) -> int:
        """Steps made in the epoch under way; 0 if there is none."""
        return 0 if self.under_way is None else self.under_way.steps

    def begin_epoch(self, data: Data) -> EpochUnderWay:
        """The epoch under way; if there is none, a new one, for which the data is reset."""
        if self.under_way is None or self.under_way.epoch != self.epoch:
            data.reset()
            self.under_way = EpochUnderWay(self.epoch, data.samples_per_epoch, len(self.steps))
        return self.under_way

    def record_step(
        self, n: int, loss: float, error: float, penalty: float, learning_rate: float
    ) -> None:
        """Add the results of a step on n examples to the epoch under way."""
        if (epoch := self.under_way) is None:
            raise RuntimeError("a step belongs to an epoch: call begin_epoch first")
        epoch.loss += loss * n
        epoch.error += error * n
        epoch.penalty += penalty * n
        self.steps.append(loss)
        self.learning_rates.append(learning_rate)
        epoch.steps += 1

    def end_epoch(self, results: Mapping[str, float]) -> list[StepBin]:
        """Add the results of an epoch, and end the one under way; returns its steps in bins."""
        bins = self.bins()
        self.epochs.append(dict(results))
        self.under_way = None
        return bins

    def bins(self) -> list[StepBin]:
        """The steps of the epoch under way, in at most ``BINS_PER_EPOCH`` bins of equal width."""
        epoch = self.under_way
        if epoch is None or epoch.epoch != self.epoch:
            return []
        width = -(-epoch.n_steps // BINS_PER_EPOCH)
        before, end = epoch.first_step, epoch.first_step + epoch.steps
        bins = []
        for first in range(before, end, width):
            losses = self.steps[first : min(first + width, end)]
            last = first + len(losses)
            done, mean = epoch.epoch + (last - before) / epoch.n_steps, sum(losses) / len(losses)
            rate = self.learning_rates[last - 1]
            bins.append(StepBin(last, done, mean, min(losses), max(losses), rate))
        return bins

    def columns(self) -> dict[str, np.ndarray]:
        """The results by epoch, an array (epochs,) for each column; NaN where one had none."""
        names = dict.fromkeys(name for results in self.epochs for name in results)
        return {
            name: np.array([results.get(name, math.nan) for results in self.epochs])
            for name in names
        }

    def state(self) -> dict[str, Any]:
        """All of it, in copies, for ``load_state``."""
        return {
            "epochs": self.columns(),
            "steps": np.array(self.steps),
            "learning_rates": np.array(self.learning_rates),
            "under_way": {} if self.under_way is None else dict(vars(self.under_way)),
            "first_epoch": self.first_epoch,
            "data": self._fingerprint if self._data is None else fingerprint(*self._data),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a state; ``ValueError`` if it is not that of a history."""
        epochs, under_way = entry_arrays(state, "epochs"), entry(state, "under_way", dict)
        steps, rates = (entry(state, key, np.ndarray) for key in ("steps", "learning_rates"))
        first_epoch, data = entry(state, "first_epoch", int), entry(state, "data", str)
        for name, value in vars(EpochUnderWay(0, 1, 0)).items() if under_way else ():
            entry(under_way, name, type(value))
        begun = EpochUnderWay(**under_way) if under_way else None
        if len(steps) != len(rates) or (begun and begun.first_step + begun.steps != len(steps)):
            raise ValueError("its steps, learning rates and epoch under way do not fit together")
        values = zip(*(column.tolist() for column in epochs.values()), strict=True)
        self.epochs = [dict(zip(epochs, row, strict=True)) for row in values]
        self.steps, self.learning_rates = (array("d", values) for values in (steps, rates))
        self.under_way, self.first_epoch = begun, first_epoch
        self._fingerprint, self._data = data, None
        self.resumes = True


def fingerprint(train: Data, validate: Data | None) -> str:
    """A hash of training and validation set: the best epoch belongs to both."""
    return f"{train.fingerprint} {validate.fingerprint if validate else ''}"
