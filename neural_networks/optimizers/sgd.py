"""Stochastic gradient descent, with Polyak's or Nesterov's momentum."""

from typing import Any

import numpy as np

from neural_networks.optimizers.base import Optimizer
from neural_networks.utils.validation import number_in, true_or_false


class SGD(Optimizer):
    """Stochastic gradient descent with momentum: v ← μ v + lr · g, and the step is v.

    Without momentum (μ = 0) the step is lr · g. Source: Polyak, "Some methods of speeding up the
    convergence of iteration methods", 1964. With Nesterov's momentum the step is μ v + lr · g,
    after the same update of v: the gradient counts as if taken after the next step of the
    momentum. Source: Sutskever, Martens, Dahl and Hinton, "On the importance of initialization
    and momentum in deep learning", ICML 2013. (PyTorch's v sums g rather than lr · g: the same
    while lr stays constant.)

    Parameters
    ----------
    lr : float
        Learning rate.
    momentum : float
        μ, in [0, 1).
    nesterov : bool
        If True, the momentum is Nesterov's; it must then be greater than 0.
    **base_options
        See ``Optimizer``.
    """

    def __init__(
        self,
        lr: float,
        lr_scheduler: str | None = None,
        momentum: float = 0.0,
        *,
        nesterov: bool = False,
        **base_options: Any,
    ) -> None:
        super().__init__(lr, lr_scheduler, **base_options)
        self.momentum = number_in("momentum", momentum, 0, 1)
        self.nesterov = true_or_false("nesterov", nesterov)
        if nesterov and not self.momentum:
            raise ValueError("nesterov needs a momentum greater than 0, got 0")

    def update(
        self, param_name: str, param: np.ndarray, param_grad: np.ndarray, epoch: float
    ) -> np.ndarray:
        """The step v, or μ v + lr · g with Nesterov's momentum; see ``Optimizer.update``."""
        step = self.lr_scheduler(epoch) * self.gradient(param, param_grad)
        if not self.momentum:
            return step
        v = step
        if param_name in self._slots:
            v = self.momentum * self._slots[param_name]["v"]
            v += step
        self._slots[param_name] = {"v": v}
        return self.momentum * v + step if self.nesterov else v
