"""The base class of optimizers: learning-rate schedule, clipping, weight decay, slots."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from neural_networks.schedulers import initialize_scheduler, scheduler_options
from neural_networks.utils.factories import check_keys, options_in
from neural_networks.utils.randomness import copied
from neural_networks.utils.recorded import Recorded
from neural_networks.utils.state import changing_values, check_kind, entry, kind_of, saved_values
from neural_networks.utils.validation import error_prefix, number_in

Slots = dict[str, Any]
"""An optimizer's state for one parameter: arrays by their names in the formulas, counts as int."""


class Optimizer(Recorded, ABC):
    """An optimizer: a subclass defines ``update``, the step for a gradient.

    All optimizers take the options below; a subclass adds its hyper-parameters.

    Parameters
    ----------
    lr : float
        Learning rate, see ``schedulers``; 0 or greater.
    lr_scheduler : str, optional
        Name of the schedule; a constant rate by default.
    clip_norm : float, optional
        Upper bound of the norm of a parameter's gradient; no limit by default.
    clip_global_norm : float, optional
        Upper bound of the norm of all parameters' gradients together; no limit by default.
    weight_decay : float
        λ, 0 or greater: each gradient becomes g + λ θ. It acts on every parameter; a model's
        ``l2`` acts on weights alone, and is part of the loss.
    lr_decay, stage_length, staircase : optional
        The schedule's options; see ``initialize_scheduler``.
    scheduler_args : mapping, optional
        Further options of the schedule, such as ``epochs`` of ``"cosine"``; they go before the
        three above.
    """

    changing: Sequence[str] = ()
    """Names of the attributes that change during training, besides the slots."""

    def __init__(
        self,
        lr: float,
        lr_scheduler: str | None = None,
        *,
        clip_norm: float | None = None,
        clip_global_norm: float | None = None,
        weight_decay: float = 0.0,
        lr_decay: float | None = None,
        staircase: bool | None = None,
        stage_length: float | None = None,
        scheduler_args: Mapping[str, Any] | None = None,
    ) -> None:
        shared = {"decay": lr_decay, "stage_length": stage_length, "staircase": staircase}
        own = options_in("scheduler_args", scheduler_args)
        known = scheduler_options(lr_scheduler, own)
        check_keys(f"scheduler {lr_scheduler or 'constant'!r}", own, known)
        self.lr_scheduler = initialize_scheduler(lr_scheduler, lr, **shared | own)
        self.clip_norm = _limit("clip_norm", clip_norm)
        self.clip_global_norm = _limit("clip_global_norm", clip_global_norm)
        self.weight_decay = number_in("weight_decay", weight_decay, 0)
        self._slots: dict[str, Slots] = {}

    @abstractmethod
    def update(
        self, param_name: str, param: np.ndarray, param_grad: np.ndarray, epoch: float
    ) -> np.ndarray:
        """Compute the step to subtract from a parameter.

        Parameters
        ----------
        param_name : str
            The parameter's name, unique in the network; the optimizer keeps its slots under it.
        param : array
            The parameter's value.
        param_grad : array, the shape of param
            dL/dparam.
        epoch : float
            The epoch, from 0, possibly a fraction.

        Returns
        -------
        array, the shape and type of param_grad
            A new array; neither ``param`` nor ``param_grad`` is written to. The optimizer may
            keep it, so it must not be written to either.
        """

    def slots(self, param_name: str, like: np.ndarray, *names: str) -> Slots:
        """The optimizer's state for a parameter: named arrays, initially zero.

        They are updated in place: fresh arrays would cost more than the arithmetic.
        """
        if param_name not in self._slots:
            self._slots[param_name] = {name: np.zeros_like(like) for name in names}
        return self._slots[param_name]

    def reset(self) -> None:
        """Forget all slots, as before the first step; the schedule stays where it is."""
        self._slots = {}

    def has_steps(self) -> bool:
        """True if the optimizer keeps slots of parameters: it has made a step with them."""
        return bool(self._slots)

    def state(self) -> dict[str, Any]:
        """Class, options, slots and schedule: copies, for ``load_state``."""
        return {
            **kind_of(self, self.changing),
            **changing_values(self, self.changing),
            "slots": copied(self._slots),
            "scheduler": self.lr_scheduler.state(),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a state; ``ValueError`` if it is that of another optimizer or schedule."""
        check_kind(kind_of(self, self.changing), state)
        values = saved_values(self, self.changing, state)
        slots = {key: dict(held) for key, held in entry(state, "slots", dict).items()}
        with error_prefix("learning-rate schedule"):
            self.lr_scheduler.load_state(entry(state, "scheduler", dict))
        vars(self).update(values, _slots=slots)

    def check_slots(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Raise ``ValueError`` if a slot does not have the shape of its parameter.

        An optimizer with slots of other shapes overrides it.
        """
        for key, slots in self._slots.items():
            for name, value in slots.items():
                if isinstance(value, np.ndarray) and value.shape != shapes.get(key):
                    raise ValueError(
                        f"{name} of {key} has shape {value.shape}, the parameter {shapes.get(key)}"
                    )

    def gradient(self, param: np.ndarray, param_grad: np.ndarray) -> np.ndarray:
        """g: the clipped gradient plus λ θ."""
        g = param_grad
        if self.clip_norm is not None or type(self).clip is not CLIP or "clip" in self.__dict__:
            g = self.clip(param_grad)
        return g + self.weight_decay * param if self.weight_decay else g

    def clip(self, gradient: np.ndarray) -> np.ndarray:
        """Rescale a gradient to norm ``clip_norm`` if its norm is greater.

        Source: Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural
        networks", ICML 2013.
        """
        if self.clip_norm is None:
            return gradient
        norm = global_norm([gradient])
        return gradient * (self.clip_norm / norm) if norm > self.clip_norm else gradient

    def clip_by_global_norm(self, gradients: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
        """Rescale the gradients of all parameters if their global norm is too great.

        A network calls it before ``update``. If √(Σ g²) over all numbers of all gradients exceeds
        ``clip_global_norm``, one factor rescales them all, which keeps the direction of the step;
        ``clip_norm`` rescales each gradient separately.
        """
        if self.clip_global_norm is None:
            return gradients
        norm = global_norm(gradients)
        if not norm > self.clip_global_norm:
            return gradients
        return [g * (self.clip_global_norm / norm) for g in gradients]


CLIP = Optimizer.clip
"""``clip`` as it is written: without ``clip_norm``, it does nothing and need not be called."""


def global_norm(arrays: Sequence[np.ndarray]) -> float:
    """√(Σ a²) over all numbers in all arrays."""
    norm = math.sqrt(sum(float(np.vdot(a, a)) for a in arrays))
    if norm == math.inf:  # the squares overflow long before the numbers themselves do
        largest = max(float(np.abs(a).max(initial=0)) for a in arrays)
        norm = largest * math.hypot(*(float(np.linalg.norm(a / largest)) for a in arrays))
    return norm


def _limit(name: str, value: float | None) -> float | None:
    return None if value is None else number_in(name, value, 0, open_low=True)
