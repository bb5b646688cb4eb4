"""Learning-rate schedules: the rate as a function of the epoch.

A scheduler is called with the epoch, which starts at 0 and may be a fraction (3.5 is half-way
through the fourth). All but ``ReduceOnPlateau`` are functions of the epoch alone. Where a rate
drops, two epochs that differ only by rounding are the same one, see ``SAME_EPOCH``.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from neural_networks.utils.factories import build, check_keys, lookup, option_names, without_none
from neural_networks.utils.state import changing_values, check_kind, entry, kind_of, saved_values
from neural_networks.utils.validation import number_in, positive_integer, true_or_false

SAME_EPOCH = 1e-12
"""Relative difference up to which epochs are equal: 0.6 / 0.2 is 2.9999999999999996, not 3."""


class Scheduler(ABC):
    """A learning rate for every epoch.

    Parameters
    ----------
    lr : float
        The initial learning rate or, in a schedule with a warm-up, its peak; 0 or greater.
    """

    changing: Sequence[str] = ()
    """Names of the attributes that change during training."""

    def __init__(self, lr: float) -> None:
        self.lr = number_in("lr", lr, 0)

    @abstractmethod
    def __call__(self, epoch: float) -> float:
        """The learning rate at an epoch, as a Python float."""

    def on_epoch_end(self, loss: float) -> None:
        """Called after each epoch with its validation loss; most schedules ignore it."""

    def state(self) -> dict[str, Any]:
        """Class, options and all that changes during training: copies, for ``load_state``."""
        return kind_of(self, self.changing) | changing_values(self, self.changing)

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a state; ``ValueError`` if it is that of another schedule."""
        check_kind(kind_of(self, self.changing), state)
        vars(self).update(saved_values(self, self.changing, state))


class Constant(Scheduler):
    """Constant rate: lr(epoch) = lr."""

    def __call__(self, epoch: float) -> float:
        """The constant rate, lr."""
        return self.lr


class Exponential(Scheduler):
    """Exponential decay: lr(epoch) = lr · decay^(epoch / stage_length).

    Parameters
    ----------
    lr : float
        The learning rate at epoch 0.
    decay : float
        Factor by which the rate changes in each stage; greater than 0.
    stage_length : float
        Length of a stage in epochs; greater than 0.
    staircase : bool
        If True, the exponent is rounded down to a whole number: the rate is constant within a
        stage and drops between stages.
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
        """The number of stages that have passed."""
        stage = epoch / self.stage_length
        return whole_stages(stage) if self.staircase else stage

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
    """Step decay: lr(epoch) = lr · decay^k, where k milestones lie at or before the epoch.

    Parameters
    ----------
    lr : float
        The learning rate at epoch 0.
    decay : float
        Factor of each drop; greater than 0.
    stage_length : float
        Epochs between two drops, used without milestones.
    milestones : sequence of float, optional
        Epochs of the drops, in increasing order.
    """

    def __init__(
        self,
        lr: float,
        decay: float = 0.1,
        stage_length: float = 10,
        milestones: Sequence[float] | None = None,
    ) -> None:
        super().__init__(lr, decay, stage_length, staircase=True)
        self.milestones = None if milestones is None else increasing_epochs(milestones)

    def stage(self, epoch: float) -> float:
        """k, the number of drops so far."""
        if self.milestones is None:
            return super().stage(epoch)
        return sum(has_come(milestone, epoch) for milestone in self.milestones)


class Cosine(Scheduler):
    """Cosine annealing: lr_min + (lr - lr_min) · (1 + cos(π · epoch / epochs)) / 2.

    Source: Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR
    2017, without the restarts.

    Parameters
    ----------
    lr : float
        The learning rate at epoch 0.
    epochs : float
        Epochs until the rate reaches ``lr_min``, where it stays; usually the length of training.
    lr_min : float
        The final learning rate; 0 or greater, at most lr.
    """

    def __init__(self, lr: float, epochs: float, lr_min: float = 0.0) -> None:
        super().__init__(lr)
        self.epochs = number_in("epochs", epochs, 0, open_low=True)
        self.lr_min = lowest_rate(lr_min, self.lr)

    def __call__(self, epoch: float) -> float:
        """The rate on the cosine from lr to lr_min."""
        return cosine_annealing(self.lr, self.lr_min, epoch / self.epochs)


class OneCycle(Scheduler):
    """One cycle: a cosine from lr / div_factor up to lr, then another down to almost 0.

    Source: Smith and Topin, "Super-Convergence: Very Fast Training of Neural Networks Using Large
    Learning Rates", 2018; the factors are those of PyTorch. The momentum does not change.

    Parameters
    ----------
    lr : float
        The peak learning rate.
    epochs : float
        Length of the cycle; usually the length of training.
    pct_start : float
        Fraction of the cycle in which the rate rises; in (0, 1).
    div_factor : float
        The initial rate is lr / div_factor; 1 or greater.
    final_div_factor : float
        The final rate is lr / (div_factor · final_div_factor); 1 or greater.
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
        """The rate on the rising or the falling cosine."""
        peak = self.pct_start * self.epochs
        if epoch < peak:
            return cosine_annealing(self.lr_start, self.lr, epoch / peak)
        return cosine_annealing(self.lr, self.lr_end, (epoch - peak) / (self.epochs - peak))


class WarmUp(Scheduler):
    """Warm-up before another schedule: lr(epoch) = after(epoch) · (f + (1 - f) · s).

    Here s = min(epoch / warm_up_epochs, 1). Source: Goyal et al., "Accurate, Large Minibatch SGD:
    Training ImageNet in 1 Hour", 2017.

    Parameters
    ----------
    lr : float
        The learning rate of the other schedule.
    warm_up_epochs : float
        Length of the warm-up; greater than 0.
    start_factor : float
        f, the initial fraction of the rate; in [0, 1).
    after : str
        Name of the other schedule; not ``"warm_up"``.
    **options
        Options of the other schedule.
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

    def state(self) -> dict[str, Any]:
        """As in ``Scheduler``; ``after`` is the state of the other schedule."""
        return super().state() | {"after": self.after.state()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a state; ``ValueError`` if it is that of another schedule."""
        super().load_state(state)
        self.after.load_state(entry(state, "after", dict))


class ReduceOnPlateau(Scheduler):
    """Reduction on a plateau: the rate is multiplied by ``factor`` when the loss stops falling.

    Parameters
    ----------
    lr : float
        The initial learning rate.
    factor : float
        Factor of each reduction; in (0, 1).
    patience : int
        Epochs without improvement to tolerate; the next one reduces the rate.
    threshold : float
        A loss is an improvement if it is below (1 - threshold) times the lowest one before.
    lr_min : float
        Lower bound of the rate; 0 or greater, at most lr.
    """

    changing = ("rate", "best_loss", "epochs_without_improvement")

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
        self.best_loss = math.inf
        self.epochs_without_improvement = 0

    def __call__(self, epoch: float) -> float:
        """The current rate, independent of the epoch."""
        return self.rate

    def on_epoch_end(self, loss: float) -> None:
        """Reduce the rate if the loss, of the validation set if there is one, has not improved."""
        if loss < self.best_loss * (1 - self.threshold):
            self.best_loss = loss
            self.epochs_without_improvement = 0
            return
        self.epochs_without_improvement += 1
        if self.epochs_without_improvement > self.patience:
            self.rate = max(self.rate * self.factor, self.lr_min)
            self.epochs_without_improvement = 0


def cosine_annealing(start: float, end: float, share: float) -> float:
    """Half a cosine from ``start`` (share 0) to ``end`` (share 1), constant outside [0, 1]."""
    return end + (start - end) * (1 + math.cos(math.pi * min(max(share, 0.0), 1.0))) / 2


def whole_stages(stages: float) -> int:
    """``stages`` rounded down, but up where it is a whole number except for rounding."""
    nearest = round(stages)
    return nearest if has_come(nearest, stages) else math.floor(stages)


def has_come(milestone: float, epoch: float) -> bool:
    """True if an epoch is at or after a milestone, or before it by no more than rounding."""
    return epoch >= milestone or math.isclose(epoch, milestone, rel_tol=SAME_EPOCH)


def lowest_rate(lr_min: float, lr: float) -> float:
    """``lr_min`` as a float; ``ValueError`` unless it is in [0, lr]."""
    lowest = number_in("lr_min", lr_min, 0)
    if lowest > lr:
        raise ValueError(f"lr_min must be at most lr, which is {lr:g}, got {lr_min!r}")
    return lowest


def increasing_epochs(milestones: Sequence[float]) -> list[float]:
    """``milestones`` as a list; an error unless they are epochs in increasing order."""
    if isinstance(milestones, str) or not isinstance(milestones, Sequence):
        raise TypeError(f"milestones must be a list of epochs, got {milestones!r}")
    epochs = [number_in("milestones", epoch, 0) for epoch in milestones]
    if epochs != sorted(set(epochs)):
        raise ValueError(f"milestones must increase, got {epochs}")
    return epochs


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
    """Create a schedule by its name, one of ``SCHEDULERS``.

    Parameters
    ----------
    name : str or None
        None means a constant rate.
    lr : float
        The learning rate.
    decay, stage_length, staircase : optional
        See ``Exponential`` and ``Step``; None means the schedule's default. Other schedules
        ignore them, so that one configuration can be tried with any schedule.
    **options
        Further arguments of the schedule's class.

    Raises
    ------
    ValueError
        If the name or an option is unknown, a number is out of range, or one is missing.
    """
    name = "constant" if name is None else name
    known = scheduler_options(name, options)
    check_keys(f"scheduler {name!r}", options, known)
    shared = without_none({"decay": decay, "stage_length": stage_length, "staircase": staircase})
    useful = {key: value for key, value in shared.items() if key in known}
    return build("scheduler", SCHEDULERS, name, {"lr": lr, **options, **useful})


def scheduler_options(name: str | None, options: Mapping[str, Any]) -> list[str]:
    """The names of a schedule's options; of a warm-up, also those of the schedule after it.

    Parameters
    ----------
    name : str or None
        As in ``initialize_scheduler``.
    options : mapping
        Its options, of which only ``after`` matters.
    """
    scheduler = lookup("scheduler", "constant" if name is None else name, SCHEDULERS)
    own = [key for key in option_names(scheduler) if key != "lr"]
    if scheduler is WarmUp:
        own += scheduler_options(options.get("after"), {})
    return own
