"""Learning-rate schedules: the rate as a function of the epoch.

A scheduler is called with the epoch, which starts at 0 and may be a fraction (3.5 is half-way
through the fourth), and keeps nothing between calls.
"""

import math
from abc import ABC, abstractmethod

from neural_networks.utils.names import lookup, number_in, true_or_false, without_none


class Scheduler(ABC):
    """A learning rate for every epoch.

    Parameters
    ----------
    lr : float
        The learning rate at epoch 0; 0 or greater.
    """

    def __init__(self, lr: float) -> None:
        self.lr = number_in("lr", lr, 0)

    @abstractmethod
    def __call__(self, epoch: float) -> float:
        """The learning rate at an epoch, as a Python float."""


class Constant(Scheduler):
    """The same rate throughout: lr(epoch) = lr."""

    def __call__(self, epoch: float) -> float:
        """lr."""
        return self.lr


class Exponential(Scheduler):
    """Exponential decay: lr(epoch) = lr · decay^(epoch / stage_length).

    Parameters
    ----------
    lr : float
        The learning rate at epoch 0.
    decay : float
        The factor by which the rate changes in each stage; greater than 0.
    stage_length : float
        Length of a stage in epochs; greater than 0.
    staircase : bool
        Whether the exponent is rounded down to a whole number, so that the rate stays constant
        within a stage and drops between stages.
    """

    def __init__(
        self, lr: float, decay: float = 0.99, stage_length: float = 1, staircase: bool = False
    ) -> None:
        super().__init__(lr)
        self.decay = number_in("lr_decay", decay, 0, open_low=True)
        self.stage_length = number_in("stage_length", stage_length, 0, open_low=True)
        self.staircase = true_or_false("staircase", staircase)

    def __call__(self, epoch: float) -> float:
        """lr · decay^(epoch / stage_length)."""
        stage = epoch / self.stage_length
        try:
            return float(self.lr * self.decay ** (math.floor(stage) if self.staircase else stage))
        except OverflowError:
            raise OverflowError(
                f"the learning rate of epoch {epoch:g} overflows: lr_decay is {self.decay:g}, "
                f"stage_length {self.stage_length:g}"
            ) from None


SCHEDULERS: dict[str, type[Scheduler]] = {"constant": Constant, "exponential": Exponential}


def initialize_scheduler(
    name: str | None,
    lr: float,
    decay: float | None = None,
    stage_length: float | None = None,
    staircase: bool | None = None,
) -> Scheduler:
    """The schedule of that name, one of ``SCHEDULERS``.

    Parameters
    ----------
    name : str or None
        None is a constant rate.
    lr : float
        The learning rate at epoch 0.
    decay, stage_length, staircase : optional
        See ``Exponential``, whose defaults stand in for None; a constant rate has no use for
        them and ignores them, so that one configuration can be tried with either schedule.

    Raises
    ------
    ValueError
        If the name is unknown or a number is out of range.
    """
    scheduler = lookup("scheduler", "constant" if name is None else name, SCHEDULERS)
    if scheduler is Constant:
        return Constant(lr)
    options = {"decay": decay, "stage_length": stage_length, "staircase": staircase}
    return scheduler(lr, **without_none(options))
