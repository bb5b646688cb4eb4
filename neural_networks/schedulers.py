"""Learning-rate schedules: the rate as a function of the epoch.

A scheduler is called with the epoch, which starts at 0 and may be a fraction (3.5 is half-way
through the fourth). All but ``ReduceOnPlateau`` keep nothing between calls.
"""

import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from neural_networks.utils.factories import build, check_keys, lookup, without_none
from neural_networks.utils.validation import number_in, positive_integer, true_or_false


class Scheduler(ABC):
    """A learning rate for every epoch.

    Parameters
    ----------
    lr : float
        The learning rate that the schedule begins with or, where it rises first, rises to; 0 or
        greater.
    """

    def __init__(self, lr: float) -> None:
        self.lr = number_in("lr", lr, 0)

    @abstractmethod
    def __call__(self, epoch: float) -> float:
        """The learning rate at an epoch, as a Python float."""

    def on_epoch_end(self, loss: float) -> None:
        """Be told, after an epoch, its validation loss; most schedules have no use for it."""


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
        return self.decayed(self.stage(epoch), epoch)

    def stage(self, epoch: float) -> float:
        """How many stages have passed."""
        stage = epoch / self.stage_length
        return math.floor(stage) if self.staircase else stage

    def decayed(self, stage: float, epoch: float) -> float:
        """lr · decay^stage."""
        try:
            return self.lr * self.decay ** float(stage)
        except OverflowError:
            raise OverflowError(
                f"the learning rate of epoch {epoch:g} overflows: lr_decay is {self.decay:g}, and "
                f"{stage:g} stages have passed"
            ) from None


class Step(Exponential):
    """Drops at given epochs: lr(epoch) = lr · decay^k, where k milestones lie at or before epoch.

    Parameters
    ----------
    lr : float
        The learning rate at epoch 0.
    decay : float
        The factor of each drop; greater than 0.
    stage_length : float
        Without milestones, the rate drops whenever so many epochs have passed.
    milestones : sequence of float, optional
        The epochs of the drops, in increasing order.
    """

    def __init__(
        self,
        lr: float,
        decay: float = 0.1,
        stage_length: float = 10,
        milestones: Sequence[float] | None = None,
    ) -> None:
        super().__init__(lr, decay, stage_length, staircase=True)
        if milestones is not None:
            if isinstance(milestones, str) or not isinstance(milestones, Sequence):
                raise TypeError(f"milestones must be a list of epochs, got {milestones!r}")
            milestones = [number_in("milestones", epoch, 0) for epoch in milestones]
            if milestones != sorted(set(milestones)):
                raise ValueError(f"milestones must increase, got {milestones}")
        self.milestones = milestones

    def stage(self, epoch: float) -> float:
        """k, the number of drops so far."""
        if self.milestones is None:
            return super().stage(epoch)
        return sum(milestone <= epoch for milestone in self.milestones)


class Cosine(Scheduler):
    """Half a cosine: lr(epoch) = lr_min + (lr - lr_min) · (1 + cos(π · epoch / epochs)) / 2.

    Source: Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR
    2017, without the restarts.

    Parameters
    ----------
    lr : float
        The learning rate at epoch 0.
    epochs : float
        When the rate reaches ``lr_min``, and stays there; usually the length of the training.
    lr_min : float
        The last learning rate; 0 or greater, at most lr.
    """

    def __init__(self, lr: float, epochs: float, lr_min: float = 0.0) -> None:
        super().__init__(lr)
        self.epochs = number_in("epochs", epochs, 0, open_low=True)
        self.lr_min = lowest_rate(lr_min, self.lr)

    def __call__(self, epoch: float) -> float:
        """Along the cosine from lr to lr_min."""
        return cosine_annealing(self.lr, self.lr_min, epoch / self.epochs)


class OneCycle(Scheduler):
    """Up and down again: a cosine from lr / div_factor to lr, and one from there to almost 0.

    Source: Smith and Topin, "Super-Convergence: Very Fast Training of Neural Networks Using Large
    Learning Rates", 2018; the factors are those of PyTorch. The momentum is left as it is.

    Parameters
    ----------
    lr : float
        The greatest learning rate.
    epochs : float
        Length of the cycle; usually that of the training.
    pct_start : float
        Share of the cycle in which the rate rises; in (0, 1).
    div_factor : float
        The cycle begins at lr / div_factor; 1 or greater.
    final_div_factor : float
        It ends at lr / (div_factor · final_div_factor), and stays there; 1 or greater.
    """

    def __init__(
        self,
        lr: float,
        epochs: float,
        pct_start: float = 0.3,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
    ) -> None:
        super().__init__(lr)
        self.epochs = number_in("epochs", epochs, 0, open_low=True)
        self.pct_start = number_in("pct_start", pct_start, 0, 1, open_low=True)
        self.lr_start = self.lr / number_in("div_factor", div_factor, 1)
        self.lr_end = self.lr_start / number_in("final_div_factor", final_div_factor, 1)

    def __call__(self, epoch: float) -> float:
        """Along the cosine on which the epoch lies."""
        peak = self.pct_start * self.epochs
        if epoch < peak:
            return cosine_annealing(self.lr_start, self.lr, epoch / peak)
        return cosine_annealing(self.lr, self.lr_end, (epoch - peak) / (self.epochs - peak))


class WarmUp(Scheduler):
    """Another schedule, held back at first: lr(epoch) = after(epoch) · (f + (1 - f) · share).

    The share is that of the warm-up's epochs which have passed, at most 1. Source: Goyal et al.,
    "Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour", 2017.

    Parameters
    ----------
    lr : float
        The learning rate of the other schedule.
    warm_up_epochs : float
        Length of the warm-up; greater than 0.
    start_factor : float
        f, the share of the rate to begin with; in [0, 1).
    after : str
        Name of the other schedule; not ``"warm_up"``.
    **options
        Its options.
    """

    def __init__(
        self,
        lr: float,
        warm_up_epochs: float = 1,
        start_factor: float = 0.1,
        after: str = "constant",
        **options: Any,
    ) -> None:
        super().__init__(lr)
        self.warm_up_epochs = number_in("warm_up_epochs", warm_up_epochs, 0, open_low=True)
        self.start_factor = number_in("start_factor", start_factor, 0, 1)
        if after == "warm_up":
            raise ValueError("after must be another schedule than 'warm_up'")
        self.after = initialize_scheduler(after, lr, **options)

    def __call__(self, epoch: float) -> float:
        """The other schedule's rate, times a factor that rises to 1."""
        share = min(max(epoch / self.warm_up_epochs, 0.0), 1.0)
        return float(self.after(epoch) * (self.start_factor + (1 - self.start_factor) * share))

    def on_epoch_end(self, loss: float) -> None:
        """Pass the loss on to the other schedule."""
        self.after.on_epoch_end(loss)


class ReduceOnPlateau(Scheduler):
    """The rate is multiplied by ``factor`` whenever the loss has not fallen for a while.

    Parameters
    ----------
    lr : float
        The learning rate until then.
    factor : float
        In (0, 1).
    patience : int
        How many epochs without a fall are borne; the next one lowers the rate.
    threshold : float
        A loss has fallen if it is below (1 - threshold) times the lowest one before.
    lr_min : float
        The rate does not become lower than this; 0 or greater, at most lr.
    """

    def __init__(
        self,
        lr: float,
        factor: float = 0.1,
        patience: int = 5,
        threshold: float = 1e-4,
        lr_min: float = 0.0,
    ) -> None:
        super().__init__(lr)
        self.factor = number_in("factor", factor, 0, 1, open_low=True)
        self.patience = positive_integer("patience", patience, least=0)
        self.threshold = number_in("threshold", threshold, 0, 1)
        self.lr_min = lowest_rate(lr_min, self.lr)
        self.rate = self.lr
        self.lowest = math.inf
        self.epochs_without_fall = 0

    def __call__(self, epoch: float) -> float:
        """The rate as it is now, whatever the epoch."""
        return self.rate

    def on_epoch_end(self, loss: float) -> None:
        """Be told the loss of an epoch: the validation loss, if there is a validation set."""
        if loss < self.lowest * (1 - self.threshold):
            self.lowest = loss
            self.epochs_without_fall = 0
            return
        self.epochs_without_fall += 1
        if self.epochs_without_fall > self.patience:
            self.rate = max(self.rate * self.factor, self.lr_min)
            self.epochs_without_fall = 0


def cosine_annealing(start: float, end: float, share: float) -> float:
    """From ``start`` to ``end`` along half a cosine, when a share of the way has passed."""
    return end + (start - end) * (1 + math.cos(math.pi * min(max(share, 0.0), 1.0))) / 2


def lowest_rate(lr_min: float, lr: float) -> float:
    """``lr_min`` as a float in [0, lr]; ``ValueError`` if it is none."""
    lowest = number_in("lr_min", lr_min, 0)
    if lowest > lr:
        raise ValueError(f"lr_min must be at most lr, which is {lr:g}, got {lr_min!r}")
    return lowest


SCHEDULERS: dict[str, type[Scheduler]] = {
    "constant": Constant,
    "exponential": Exponential,
    "step": Step,
    "cosine": Cosine,
    "one_cycle": OneCycle,
    "warm_up": WarmUp,
    "reduce_on_plateau": ReduceOnPlateau,
}


def initialize_scheduler(
    name: str | None,
    lr: float,
    decay: float | None = None,
    stage_length: float | None = None,
    staircase: bool | None = None,
    **options: Any,
) -> Scheduler:
    """The schedule of that name, one of ``SCHEDULERS``.

    Parameters
    ----------
    name : str or None
        None is a constant rate.
    lr : float
        The learning rate.
    decay, stage_length, staircase : optional
        See ``Exponential`` and ``Step``, whose defaults stand in for None; schedules that have
        no use for them ignore them, so that one configuration can be tried with any schedule.
    **options
        Further arguments of the schedule's class.

    Raises
    ------
    ValueError
        If the name or an option is unknown, a number is out of range, or one is missing.
    """
    name = "constant" if name is None else name
    scheduler = lookup("scheduler", name, SCHEDULERS)
    known = options_of(name, options)
    check_keys(f"scheduler {name!r}", options, known)
    shared = {"decay": decay, "stage_length": stage_length, "staircase": staircase}
    useful = {key: value for key, value in without_none(shared).items() if key in known}
    return build(f"scheduler {name!r}", scheduler, {"lr": lr, **options, **useful})


def options_of(name: str | None, options: Mapping[str, Any]) -> list[str]:
    """The names of the options that a schedule takes; those of the one after a warm-up, too."""
    scheduler = lookup("scheduler", "constant" if name is None else name, SCHEDULERS)
    own = [key for key in inspect.signature(scheduler).parameters if key not in ("lr", "options")]
    if scheduler is WarmUp:
        own += options_of(options.get("after"), {})
    return own
