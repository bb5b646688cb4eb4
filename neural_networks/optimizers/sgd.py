"""Stochastic gradient descent, with Polyak's momentum or Nesterov's."""

from typing import Any

import numpy as np

from neural_networks.optimizers.base import Optimizer
from neural_networks.utils.validation import number_in, true_or_false


class SGD(Optimizer):
    """Stochastic gradient descent with momentum: v ← μ v + lr · g, and the step is v.

    Without momentum (μ = 0) the step is lr · g. Source: Polyak, "Some methods of speeding up the
    convergence of iteration methods", 1964. With Nesterov's momentum the step is μ v + lr · g,
    after the same update of v: the gradient counts as if taken where the momentum is about to
    lead. Source: Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and
    momentum in deep learning", ICML 2013. (PyTorch's v sums g rather than lr · g: the same while lr
    stays constant.)

    Parameters
    ----------
    lr : float
        Learning rate.
    momentum : float
        μ, in [0, 1).
    nesterov : bool
        Whether the momentum is Nesterov's; it then must be greater than 0.
    **options
        See ``Optimizer``.
    """

    def __init__(
        self,
        lr: float,
        lr_scheduler: str | None = None,
        momentum: float = 0.0,
        *,
        nesterov: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(lr, lr_scheduler, **options)
        self.momentum = number_in("momentum", momentum, 0, 1)
        self.nesterov = true_or_false("nesterov", nesterov)
        if nesterov and not self.momentum:
            raise ValueError("nesterov needs a momentum greater than 0, got 0")
        self.velocity: dict[str, np.ndarray] = {}

    def update(
        self, param_name: str, param: np.ndarray, param_grad: np.ndarray, epoch: float
    ) -> np.ndarray:
        """The step v of v ← μ v + lr · g, or μ v + lr · g; see ``Optimizer.update``."""
        step = self.lr_scheduler(epoch) * self.gradient(param, param_grad)
        if not self.momentum:
            return step
        v = step
        if param_name in self.velocity:
            v = self.momentum * self.velocity[param_name]
            v += step
        self.velocity[param_name] = v
        return self.momentum * v + step if self.nesterov else v
