"""Activation functions, applied to a unit's weighted input.

Each class computes y = σ(z) elementwise, except softmax, which works on the last axis; layers pass
it rows, in which the last axis holds the classes. An activation has no state: ``backward`` takes
the Z that ``forward`` took.
"""

import math
from abc import ABC, abstractmethod

import numpy as np

from neural_networks.utils.factories import lookup


class Activation(ABC):
    """An activation function and its derivative."""

    range: tuple[float, float] | None = None
    """The least and the greatest output, or their limits; None if unknown."""

    sums_to_one = False
    """True if the outputs along the last axis sum to 1."""

    def __call__(self, Z: np.ndarray) -> np.ndarray:
        """Apply the function: the same as ``forward``."""
        return self.forward(Z)

    @abstractmethod
    def forward(self, Z: np.ndarray) -> np.ndarray:
        """Apply the function.

        Parameters
        ----------
        Z : array of float, any shape
            Pre-activations.

        Returns
        -------
        array, the shape and type of Z
            Y = σ(Z). Z stays as it is.
        """

    @abstractmethod
    def backward(self, Z: np.ndarray, dY: np.ndarray) -> np.ndarray:
        """Take a gradient back through the function.

        Parameters
        ----------
        Z : array of float, any shape
            The pre-activations that ``forward`` took.
        dY : array, the shape and type of Z
            dL/dY, the gradient of the loss with respect to the output.

        Returns
        -------
        array, the shape and type of Z
            dL/dZ. Z and dY stay as they are.
        """


class Linear(Activation):
    """The identity: σ(z) = z."""

    range = (-math.inf, math.inf)

    def forward(self, Z: np.ndarray) -> np.ndarray:
        """Y = Z."""
        return Z

    def backward(self, Z: np.ndarray, dY: np.ndarray) -> np.ndarray:
        """dL/dZ of Y = Z; see ``Activation.backward``."""
        return dY


class Sigmoid(Activation):
    """The logistic function: σ(z) = 1 / (1 + exp(-z)), between 0 and 1."""

    range = (0.0, 1.0)

    def forward(self, Z: np.ndarray) -> np.ndarray:
        """Y = 1 / (1 + exp(-Z)), without overflow warnings; 0 and 1 at -1e4 and 1e4."""
        # Far below zero exp(-z) overflows to infinity, and 1 / infinity is the right answer.
        with np.errstate(over="ignore"):
            return 1.0 / (1.0 + np.exp(-Z))

    def backward(self, Z: np.ndarray, dY: np.ndarray) -> np.ndarray:
        """dL/dZ of Y = 1 / (1 + exp(-Z)); see ``Activation.backward``."""
        # dσ/dz = exp(-z) / (1 + exp(-z))² = σ(z) (1 - σ(z))
        Y = self.forward(Z)
        return dY * (Y * (1.0 - Y))


class TanH(Activation):
    """The hyperbolic tangent: σ(z) = (exp(z) - exp(-z)) / (exp(z) + exp(-z)), between -1 and 1."""

    range = (-1.0, 1.0)

    def forward(self, Z: np.ndarray) -> np.ndarray:
        """Y = tanh(Z)."""
        return np.tanh(Z)

    def backward(self, Z: np.ndarray, dY: np.ndarray) -> np.ndarray:
        """dL/dZ of Y = tanh(Z); see ``Activation.backward``."""
        # d tanh(z)/dz = 1 - tanh²(z)
        Y = np.tanh(Z)
        return dY * (1.0 - Y * Y)


class ArcTan(Activation):
    """The inverse tangent: σ(z) = arctan(z), between -π/2 and π/2."""

    range = (-math.pi / 2, math.pi / 2)

    def forward(self, Z: np.ndarray) -> np.ndarray:
        """Y = arctan(Z), in radians."""
        return np.arctan(Z)

    def backward(self, Z: np.ndarray, dY: np.ndarray) -> np.ndarray:
        """dL/dZ of Y = arctan(Z); see ``Activation.backward``."""
        # z = tan(y) gives dz/dy = 1 + tan²(y), so dy/dz = 1 / (1 + z²)
        with np.errstate(over="ignore"):  # dY / infinity is 0, which is right
            return dY / (1.0 + Z * Z)


class ReLU(Activation):
    """The rectified linear unit: σ(z) = max(0, z).

    Its slope at exactly 0, where it has a kink, is taken to be 0.
    """

    range = (0.0, math.inf)

    def forward(self, Z: np.ndarray) -> np.ndarray:
        """Y = max(0, Z)."""
        return np.maximum(Z, np.zeros_like(Z))  # twice as fast as with the number 0

    def backward(self, Z: np.ndarray, dY: np.ndarray) -> np.ndarray:
        """dL/dZ of Y = max(0, Z); see ``Activation.backward``."""
        # The slope is 1 where z > 0 and 0 elsewhere.
        return dY * (Z > 0)


class LeakyReLU(Activation):
    """The leaky rectified linear unit: σ(z) = z for z > 0, 0.01 z otherwise.

    Its slope at exactly 0 is taken to be 0.01. Source: Maas, Hannun and Ng, "Rectifier
    Nonlinearities Improve Neural Network Acoustic Models", ICML 2013.
    """

    range = (-math.inf, math.inf)
    slope = 0.01

    def forward(self, Z: np.ndarray) -> np.ndarray:
        """Y = max(Z, 0.01 Z)."""
        return np.maximum(Z, self.slope * Z)

    def backward(self, Z: np.ndarray, dY: np.ndarray) -> np.ndarray:
        """dL/dZ of Y = max(Z, 0.01 Z); see ``Activation.backward``."""
        # The slope is 1 where z > 0 and 0.01 elsewhere.
        dLdZ = self.slope * dY
        np.copyto(dLdZ, dY, where=Z > 0)
        return dLdZ


class ELU(Activation):
    """The exponential linear unit: σ(z) = z for z > 0, exp(z) - 1 otherwise.

    Source: Clevert, Unterthiner and Hochreiter, "Fast and Accurate Deep Network Learning by
    Exponential Linear Units", ICLR 2016, with α = 1.
    """

    range = (-1.0, math.inf)

    def forward(self, Z: np.ndarray) -> np.ndarray:
        """Y = Z where Z > 0, exp(Z) - 1 elsewhere: max(Z, 0) + exp(min(Z, 0)) - 1."""
        return np.maximum(Z, 0) + np.expm1(np.minimum(Z, 0))

    def backward(self, Z: np.ndarray, dY: np.ndarray) -> np.ndarray:
        """dL/dZ of the exponential linear unit; see ``Activation.backward``."""
        # d(exp(z) - 1)/dz = exp(z) for z < 0, and the slope is 1 = exp(0) from there on.
        return dY * np.exp(np.minimum(Z, 0))


class GELU(Activation):
    """The Gaussian error linear unit: σ(z) = z (1 + tanh(√(2/π) (z + 0.044715 z³))) / 2.

    This is the usual tanh approximation; the exact GELU is z times the probability that a
    standard normal number is below z. Source: Hendrycks and Gimpel, "Gaussian Error Linear Units
    (GELUs)", 2016.
    """

    range = (-0.170041, math.inf)  # the least is at z = -0.75
    scale, cubic = math.sqrt(2 / math.pi), 0.044715

    def forward(self, Z: np.ndarray) -> np.ndarray:
        """Y = Z (1 + tanh(√(2/π) (Z + 0.044715 Z³))) / 2."""
        return Z * self._share(Z)

    def backward(self, Z: np.ndarray, dY: np.ndarray) -> np.ndarray:
        """dL/dZ of the Gaussian error linear unit; see ``Activation.backward``."""
        # With y = z s, s = 1 / (1 + exp(-2u)) and u = a (z + c z³),
        # dy/dz = s + z ds/du du/dz, where ds/du = 2 s (1 - s) and du/dz = a (1 + 3 c z²).
        s, z = self._share(Z), self._bounded(Z)
        du = self.scale * (1 + 3 * self.cubic * z * z)
        return dY * (s + 2 * z * s * (1 - s) * du)

    def _share(self, Z: np.ndarray) -> np.ndarray:
        """(1 + tanh u) / 2 = 1 / (1 + exp(-2u)), which avoids cancellation for u far below 0."""
        z = self._bounded(Z)
        return Sigmoid().forward(2 * self.scale * (z + self.cubic * z * z * z))

    @staticmethod
    def _bounded(Z: np.ndarray) -> np.ndarray:
        """Z in -40 ... 40: beyond, (1 + tanh u) / 2 is exactly 0 or 1, and z³ may overflow."""
        return np.clip(Z, -40, 40)


class SoftPlus(Activation):
    """A smooth ReLU: σ(z) = ln(1 + exp(z)).

    Source: Dugas et al., "Incorporating Second-Order Functional Knowledge for Better Option
    Pricing", NIPS 2000.
    """

    range = (0.0, math.inf)

    def forward(self, Z: np.ndarray) -> np.ndarray:
        """Y = max(Z, 0) + ln(1 + exp(-|Z|)), which is ln(1 + exp(Z)) without overflow."""
        return np.maximum(Z, 0) + np.log1p(np.exp(-np.abs(Z)))

    def backward(self, Z: np.ndarray, dY: np.ndarray) -> np.ndarray:
        """dL/dZ of Y = ln(1 + exp(Z)); see ``Activation.backward``."""
        # d ln(1 + exp(z))/dz = exp(z) / (1 + exp(z)) = 1 / (1 + exp(-z)), the logistic function.
        return dY * Sigmoid().forward(Z)


class SoftMax(Activation):
    """Probabilities from scores: σ(z)_i = exp(z_i) / Σ_j exp(z_j), over the last axis."""

    range = (0.0, 1.0)
    sums_to_one = True

    def forward(self, Z: np.ndarray) -> np.ndarray:
        """Y_i = exp(Z_i - max Z) / Σ_j exp(Z_j - max Z), over the last axis.

        Subtracting the maximum of each row changes no quotient and keeps exp from overflowing: rows
        such as -1000, 0, 1000 have their probabilities, too. Z may have any number of axes.
        """
        Y = np.exp(Z - Z.max(axis=-1, keepdims=True))
        Y /= Y.sum(axis=-1, keepdims=True)
        return Y

    def backward(self, Z: np.ndarray, dY: np.ndarray) -> np.ndarray:
        """dL/dZ of the softmax over the last axis; see ``Activation.backward``."""
        # The Jacobian is ∂y_i/∂z_j = y_i (δ_ij - y_j), so
        # dL/dz_j = Σ_i dL/dy_i y_i (δ_ij - y_j) = y_j (dL/dy_j - Σ_i dL/dy_i y_i).
        Y = self.forward(Z)
        return Y * (dY - (dY * Y).sum(axis=-1, keepdims=True))


ACTIVATIONS: dict[str, type[Activation]] = {
    "linear": Linear,
    "sigmoid": Sigmoid,
    "tanh": TanH,
    "arctan": ArcTan,
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "elu": ELU,
    "gelu": GELU,
    "softplus": SoftPlus,
    "softmax": SoftMax,
}


def initialize_activation(name: str) -> Activation:
    """Create an activation function by its name, one of ``ACTIVATIONS``.

    Raises
    ------
    ValueError
        If the name is unknown.
    """
    return lookup("activation", name, ACTIVATIONS)()
