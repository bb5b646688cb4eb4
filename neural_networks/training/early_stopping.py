"""Early stopping: the best epoch so far, and the rule that ends a training."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from neural_networks.utils.factories import lookup
from neural_networks.utils.validation import positive_integer, true_or_false


@dataclass(frozen=True)
class BestEpoch:
    """The best epoch so far: its parameters and the monitored value.

    Attributes
    ----------
    epoch : int
        Number of epochs trained by then.
    monitor : str
        The column of the history by which epochs are compared.
    value : float
        Its value in that epoch, the lowest so far.
    arrays : dict of array
        ``NeuralNetwork.arrays`` at that time.
    """

    epoch: int
    monitor: str
    value: float
    arrays: Mapping[str, np.ndarray]


class EarlyStopping:
    """The rule for the best epoch and for the end of a training.

    Parameters
    ----------
    validates : bool
        True if there is a validation set.
    patience : int, optional
        Number of epochs without improvement after which training stops; no limit by default.
    monitor : str, optional
        Column of the history to minimize: ``validation_loss`` or ``validation_error`` (with a
        validation set), ``train_loss`` or ``train_error``. By default the first that exists.
    restore_best : bool, optional
        If True, training ends with the parameters of the best epoch; by default if there is a
        patience.

    Raises
    ------
    TypeError, ValueError
        If the history has no such column, or an argument is out of range.
    """

    def __init__(
        self,
        validates: bool,
        patience: int | None = None,
        monitor: str | None = None,
        restore_best: bool | None = None,
    ) -> None:
        self.patience = None if patience is None else positive_integer("patience", patience)
        columns = ["validation_loss", "validation_error"] if validates else []
        columns += ["train_loss", "train_error"]
        self.monitor = columns[0] if monitor is None else monitor
        lookup("column to monitor", self.monitor, dict.fromkeys(columns))
        if restore_best is None:
            restore_best = patience is not None
        self.restore_best = true_or_false("restore_best", restore_best)

    def improves(self, value: float, best: BestEpoch | None) -> bool:
        """True if an epoch with this value is better than the best one before it."""
        return best is None or best.monitor != self.monitor or value < best.value

    def is_due(self, epoch: int, best: BestEpoch | None, first_epoch: int) -> bool:
        """True after ``patience`` epochs since the best one, or since ``first_epoch``."""
        if self.patience is None or best is None:
            return False
        return epoch - max(best.epoch, first_epoch) >= self.patience
