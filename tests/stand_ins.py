"""Small layers and a loss that stand in for the real ones in the tests of the network.

They need nothing that an exercise asks for, so that the network can be written first.
"""

import numpy as np

from neural_networks.layers import Layer
from neural_networks.losses import Loss


class StandIn(Layer):
    """A layer with one parameter, g (1, 1), that counts its forward passes.

    It has an activation that a network has no business with.
    """

    def __init__(self, g: np.ndarray) -> None:
        super().__init__("tanh")
        self.parameters["g"] = g
        self.gradients["g"] = np.zeros_like(g)
        self.passes = 0


class Widen(StandIn):
    """Twice as many features: g x and sin x of each x."""

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Y = [g X, sin X], (m, 2d)."""
        self.passes += 1
        Y = np.concatenate([self.parameters["g"] * X, np.sin(X)], axis=1)
        self.cache["X"], self.cache["Z"] = X, Y
        return Y

    def backward(self, dLdY: np.ndarray) -> np.ndarray:
        """dL/dX, (m, d); dL/dg goes to ``gradients``."""
        X = self.cache["X"]
        first, second = np.split(dLdY, 2, axis=1)
        self.gradients["g"] = np.full((1, 1), np.vdot(first, X))
        return self.parameters["g"] * first + np.cos(X) * second


class Fold(StandIn):
    """Half as many features: g times the product of a left one and a right one."""

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Y = g A B for X = [A, B], (m, d / 2)."""
        self.passes += 1
        A, B = np.split(X, 2, axis=1)
        Y = self.parameters["g"] * A * B
        self.cache["X"], self.cache["Z"] = X, Y
        return Y

    def backward(self, dLdY: np.ndarray) -> np.ndarray:
        """dL/dX, (m, d); dL/dg goes to ``gradients``."""
        A, B = np.split(self.cache["X"], 2, axis=1)
        self.gradients["g"] = np.full((1, 1), np.vdot(dLdY, A * B))
        return self.parameters["g"] * np.concatenate([dLdY * B, dLdY * A], axis=1)


class StandInLoss(Loss):
    """L = Σ Y sin Y_hat."""

    classifies = False

    def forward(self, Y: np.ndarray, Y_hat: np.ndarray) -> float:
        """Σ Y sin Y_hat."""
        return float(np.vdot(Y, np.sin(Y_hat)))

    def backward(self, Y: np.ndarray, Y_hat: np.ndarray) -> np.ndarray:
        """dL/dY_hat."""
        return Y * np.cos(Y_hat)
