"""Optimizers with a per-element learning rate.

Their state starts at zero and is updated in place, as is the step: fresh arrays would cost more
than the arithmetic.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from neural_networks.optimizers.base import Optimizer
from neural_networks.utils.validation import number_in


class AdaGrad(Optimizer):
    """AdaGrad, a rate for each element: c ← c + g², and the step is lr · g / (√c + ε).

    Source: Duchi, Hazan and Singer, "Adaptive Subgradient Methods for Online Learning and
    Stochastic Optimization", JMLR 12, 2011.

    Parameters
    ----------
    lr : float
        Learning rate.
    epsilon : float
        ε, greater than 0.
    **base_options
        See ``Optimizer``.
    """

    def __init__(
        self,
        lr: float,
        lr_scheduler: str | None = None,
        *,
        epsilon: float = 1e-10,
        **base_options: Any,
    ) -> None:
        super().__init__(lr, lr_scheduler, **base_options)
        self.epsilon = number_in("epsilon", epsilon, 0, open_low=True)

    def update(
        self, param_name: str, param: np.ndarray, param_grad: np.ndarray, epoch: float
    ) -> np.ndarray:
        """The step lr · g / (√c + ε); see ``Optimizer.update``."""
        g = self.gradient(param, param_grad)
        c = self.slots(param_name, g, "c")["c"]
        step = squared(g)
        c += step
        divide_by_root(g, c, self.epsilon, out=step)
        step *= self.lr_scheduler(epoch)
        return step


class RMSProp(Optimizer):
    """RMSProp, a moving average of g²: c ← γ c + (1 - γ) g², and the step is lr · g / (√c + ε).

    Source: Tieleman and Hinton, "Lecture 6.5: rmsprop", Coursera, 2012.

    Parameters
    ----------
    lr : float
        Learning rate.
    gamma : float
        γ, in [0, 1).
    epsilon : float
        ε, greater than 0.
    **base_options
        See ``Optimizer``.
    """

    def __init__(
        self,
        lr: float,
        lr_scheduler: str | None = None,
        *,
        gamma: float = 0.99,
        epsilon: float = 1e-8,
        **base_options: Any,
    ) -> None:
        super().__init__(lr, lr_scheduler, **base_options)
        self.gamma = number_in("gamma", gamma, 0, 1)
        self.epsilon = number_in("epsilon", epsilon, 0, open_low=True)

    def update(
        self, param_name: str, param: np.ndarray, param_grad: np.ndarray, epoch: float
    ) -> np.ndarray:
        """The step lr · g / (√c + ε); see ``Optimizer.update``."""
        g = self.gradient(param, param_grad)
        c = self.slots(param_name, g, "c")["c"]
        step = squared(g)
        moving_average(c, self.gamma, step, workspace=step)
        divide_by_root(g, c, self.epsilon, out=step)
        step *= self.lr_scheduler(epoch)
        return step


class AdaDelta(Optimizer):
    """AdaDelta, in the parameter's units: d = √(s + ε) / √(c + ε) · g, and the step is lr · d.

    Here c ← ρ c + (1 - ρ) g² comes before d, and s ← ρ s + (1 - ρ) d² after it. Source: Zeiler,
    "ADADELTA: An Adaptive Learning Rate Method", 2012, where lr is 1.

    Parameters
    ----------
    lr : float
        Learning rate; 1 is usual.
    rho : float
        ρ, in [0, 1).
    epsilon : float
        ε, greater than 0.
    **base_options
        See ``Optimizer``.
    """

    def __init__(
        self,
        lr: float,
        lr_scheduler: str | None = None,
        *,
        rho: float = 0.9,
        epsilon: float = 1e-6,
        **base_options: Any,
    ) -> None:
        super().__init__(lr, lr_scheduler, **base_options)
        self.rho = number_in("rho", rho, 0, 1)
        self.epsilon = number_in("epsilon", epsilon, 0, open_low=True)

    def update(
        self, param_name: str, param: np.ndarray, param_grad: np.ndarray, epoch: float
    ) -> np.ndarray:
        """The step lr · d; see ``Optimizer.update``."""
        g = self.gradient(param, param_grad)
        slots = self.slots(param_name, g, "c", "s")
        c, s = slots["c"], slots["s"]
        step = squared(g)
        moving_average(c, self.rho, step, workspace=step)
        d = np.add(s, self.epsilon, out=np.empty_like(g))
        d /= c + self.epsilon
        np.sqrt(d, out=d)
        d *= g
        np.multiply(d, d, out=step)
        moving_average(s, self.rho, step, workspace=step)
        d *= self.lr_scheduler(epoch)
        return d


class Adam(Optimizer):
    """Adam: RMSProp with momentum and bias correction.

    In the t-th step of a parameter, counted from 1,

        m ← β1 m + (1 - β1) g,  v ← β2 v + (1 - β2) g²,

    and the step is lr · m / (1 - β1^t) / (√(v / (1 - β2^t)) + ε). Source: Kingma and Ba, "Adam: A
    Method for Stochastic Optimization", ICLR 2015.

    The slots are the sums s = m / (1 - β1) and r = v / (1 - β2), which are updated faster:
    s ← β1 s + g and r ← β2 r + g².

    Parameters
    ----------
    lr : float
        Learning rate; 0.001 is usual.
    beta1, beta2 : float
        β1 and β2, in [0, 1).
    epsilon : float
        ε, greater than 0.
    **base_options
        See ``Optimizer``.
    """

    def __init__(
        self,
        lr: float,
        lr_scheduler: str | None = None,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        **base_options: Any,
    ) -> None:
        super().__init__(lr, lr_scheduler, **base_options)
        self.beta1 = number_in("beta1", beta1, 0, 1)
        self.beta2 = number_in("beta2", beta2, 0, 1)
        self.epsilon = number_in("epsilon", epsilon, 0, open_low=True)

    def update(
        self, param_name: str, param: np.ndarray, param_grad: np.ndarray, epoch: float
    ) -> np.ndarray:
        """The step lr · m / (1 - β1^t) / (√(v / (1 - β2^t)) + ε); see ``Optimizer.update``."""
        return self.adam_step(param_name, self.gradient(param, param_grad), epoch)

    def adam_step(self, param_name: str, g: np.ndarray, epoch: float) -> np.ndarray:
        """The step of the class's formula for a gradient g."""
        slots = self.slots(param_name, g, "s", "r")
        s, r = slots["s"], slots["r"]
        t = slots["t"] = slots.get("t", 0) + 1
        s *= self.beta1
        s += g
        step = squared(g)
        r *= self.beta2
        r += step
        # With v / (1 - β2^t) = r / c², the step is a number times s / (√r + c ε): as few passes
        # over the arrays as possible, which take the time.
        c = math.sqrt((1 - self.beta2**t) / (1 - self.beta2))
        divide_by_root(s, r, c * self.epsilon, out=step)
        step *= self.lr_scheduler(epoch) * c * (1 - self.beta1) / (1 - self.beta1**t)
        return step

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a state; see ``Optimizer.load_state``.

        In the states of earlier versions, m and v take the place of s and r.
        """
        super().load_state(state)
        for slots in self._slots.values():
            if "m" in slots:
                slots["s"] = np.asarray(slots.pop("m") / (1 - self.beta1))
                slots["r"] = np.asarray(slots.pop("v") / (1 - self.beta2))


class AdamW(Adam):
    """Adam with decoupled weight decay: the step is that of Adam plus lr · λ · θ.

    In ``Adam`` the decay is part of g, and so divided by √v like the rest; here it is not. Source:
    Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019.

    Parameters
    ----------
    lr : float
        Learning rate; 0.001 is usual.
    weight_decay : float
        λ, 0 or greater.
    **base_options
        See ``Adam``.
    """

    def __init__(
        self,
        lr: float,
        lr_scheduler: str | None = None,
        *,
        weight_decay: float = 0.01,
        **base_options: Any,
    ) -> None:
        super().__init__(lr, lr_scheduler, weight_decay=weight_decay, **base_options)

    def update(
        self, param_name: str, param: np.ndarray, param_grad: np.ndarray, epoch: float
    ) -> np.ndarray:
        """The step of Adam plus lr · λ · θ; see ``Optimizer.update``."""
        step = super().update(param_name, param, param_grad, epoch)
        step += self.lr_scheduler(epoch) * self.weight_decay * param
        return step

    def gradient(self, param: np.ndarray, param_grad: np.ndarray) -> np.ndarray:
        """g: the clipped gradient alone."""
        return self.clip(param_grad)


def squared(g: np.ndarray) -> np.ndarray:
    """g² as a new array, also if g has no axes."""
    return np.multiply(g, g, out=np.empty_like(g))


def divide_by_root(a: np.ndarray, squares: np.ndarray, epsilon: float, out: np.ndarray) -> None:
    """a / (√squares + ε), written into ``out``, which may be ``squares`` itself."""
    np.sqrt(squares, out=out)
    out += epsilon
    np.divide(a, out, out=out)


def moving_average(mean: np.ndarray, share: float, new: np.ndarray, workspace: np.ndarray) -> None:
    """Update a moving average in place: mean ← share · mean + (1 - share) · new."""
    np.multiply(new, 1 - share, out=workspace)  # it may be ``new`` itself
    mean *= share
    mean += workspace
