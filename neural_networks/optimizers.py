"""Optimizers: from a gradient to the step that a parameter takes."""

import math
from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from neural_networks.schedulers import initialize_scheduler
from neural_networks.utils.names import lookup, number_in, without_none


class Optimizer(ABC):
    """What all optimizers share: a learning-rate schedule and the clipping of gradients.

    Parameters
    ----------
    lr : float
        Learning rate at epoch 0; 0 or greater.
    lr_scheduler : str, optional
        Name of the schedule, see ``schedulers``; a constant rate by default.
    clip_norm : float, optional
        The largest norm that a parameter's gradient may have; no limit by default.
    lr_decay, stage_length, staircase : optional
        The schedule's own options.
    """

    def __init__(
        self,
        lr: float,
        lr_scheduler: str | None = None,
        *,
        clip_norm: float | None = None,
        lr_decay: float | None = None,
        staircase: bool | None = None,
        stage_length: float | None = None,
    ) -> None:
        self.lr_scheduler = initialize_scheduler(
            lr_scheduler, lr, lr_decay, stage_length, staircase
        )
        self.clip_norm = (
            None if clip_norm is None else number_in("clip_norm", clip_norm, 0, open_low=True)
        )

    @abstractmethod
    def update(
        self, param_name: str, param: np.ndarray, param_grad: np.ndarray, epoch: float
    ) -> np.ndarray:
        """The step to subtract from a parameter.

        Parameters
        ----------
        param_name : str
            A name that no other parameter of the network has; what the optimizer remembers of a
            parameter, it remembers under this name.
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
            remember it, so it must not be written to either.
        """

    def clip(self, gradient: np.ndarray) -> np.ndarray:
        """The gradient itself, or rescaled to norm ``clip_norm`` if its norm is greater.

        Source: Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural
        networks", ICML 2013.
        """
        if self.clip_norm is None:
            return gradient
        norm = math.sqrt(np.vdot(gradient, gradient))
        if norm == math.inf:  # the squares overflow long before the gradient itself does
            largest = float(np.abs(gradient).max())
            norm = largest * float(np.linalg.norm(gradient / largest))
        return gradient * (self.clip_norm / norm) if norm > self.clip_norm else gradient


class SGD(Optimizer):
    """Stochastic gradient descent with momentum: v ← μ v + lr · g, and the step is v.

    Without momentum (μ = 0) the step is lr · g. Source: Polyak, "Some methods of speeding up the
    convergence of iteration methods", 1964.

    Parameters
    ----------
    lr : float
        Learning rate at epoch 0.
    momentum : float
        μ, in [0, 1).
    **options
        See ``Optimizer``.
    """

    def __init__(
        self, lr: float, lr_scheduler: str | None = None, momentum: float = 0.0, **options: Any
    ) -> None:
        super().__init__(lr, lr_scheduler, **options)
        self.momentum = number_in("momentum", momentum, 0, 1)
        self.velocity: dict[str, np.ndarray] = {}

    def update(
        self, param_name: str, param: np.ndarray, param_grad: np.ndarray, epoch: float
    ) -> np.ndarray:
        """The step v of v ← μ v + lr · g; see ``Optimizer.update``."""
        step = self.lr_scheduler(epoch) * self.clip(param_grad)
        if self.momentum:
            if param_name in self.velocity:
                step += self.momentum * self.velocity[param_name]
            self.velocity[param_name] = step
        return step


OPTIMIZERS: dict[str, type[Optimizer]] = {"SGD": SGD}


def initialize_optimizer(
    name: str,
    lr: float,
    lr_scheduler: str | None = None,
    momentum: float | None = None,
    clip_norm: float | None = None,
    lr_decay: float | None = None,
    staircase: bool | None = None,
    stage_length: float | None = None,
) -> Optimizer:
    """The optimizer of that name, one of ``OPTIMIZERS``.

    Parameters
    ----------
    name : str
        The optimizer.
    lr, lr_scheduler, momentum, clip_norm, lr_decay, staircase, stage_length
        See the optimizer's class; an option left None has the class's own default.

    Raises
    ------
    ValueError
        If a name is unknown, a number is out of range or the optimizer has no such option.
    """
    optimizer = lookup("optimizer", name, OPTIMIZERS)
    options: dict[str, Any] = {
        "lr": lr,
        "lr_scheduler": lr_scheduler,
        "momentum": momentum,
        "clip_norm": clip_norm,
        "lr_decay": lr_decay,
        "staircase": staircase,
        "stage_length": stage_length,
    }
    return optimizer(**without_none(options))
