"""Loss functions: the distance of a batch of predictions from its labels.

The first axis counts the m examples of a batch, and every loss is a mean over them. Classes lie
on the second axis: (m, k), or (m, k, t) for sequences.
"""

from abc import ABC, abstractmethod

import numpy as np

from neural_networks.activations import Activation, Linear, Sigmoid, SoftMax
from neural_networks.utils.factories import lookup
from neural_networks.utils.recorded import Recorded
from neural_networks.utils.validation import first_index


class Loss(Recorded, ABC):
    """A loss L(Y, Y_hat) and its gradient.

    Parameters
    ----------
    name : str
        The name, as in ``initialize_loss``.
    """

    output_activation: type[Activation] | None = None
    """The output activation that goes with this loss, if it is known."""

    classifies = True
    """True if the loss is for classification."""

    outputs_probabilities = True
    """True if predictions are probabilities, as opposed to scores or numbers."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, Y: np.ndarray, Y_hat: np.ndarray) -> float:
        """Compute the loss: the same as ``forward``."""
        return self.forward(Y, Y_hat)

    @abstractmethod
    def forward(self, Y: np.ndarray, Y_hat: np.ndarray) -> float:
        """Compute the loss of a batch.

        Parameters
        ----------
        Y : array, (m, k) or (m, k, t)
            Labels.
        Y_hat : array, the shape of Y
            Predictions.

        Returns
        -------
        float
            The mean over the m examples. Y and Y_hat stay as they are.

        Raises
        ------
        ValueError
            If the shapes differ, there are no examples, or the labels are not valid for the loss.
        """

    @abstractmethod
    def backward(self, Y: np.ndarray, Y_hat: np.ndarray) -> np.ndarray:
        """Compute the gradient of the loss with respect to the predictions.

        Parameters
        ----------
        Y, Y_hat : arrays
            The arguments of ``forward``.

        Returns
        -------
        array, the shape and type of Y_hat
            dL/dY_hat, for the mean over the examples. Y and Y_hat stay as they are.
        """

    def classes(self, Y: np.ndarray) -> np.ndarray:
        """The class of each label or prediction: argmax over the second axis.

        Parameters
        ----------
        Y : array, (m, k) or (m, k, t)

        Returns
        -------
        array of int, (m,) or (m, t)
            A tie goes to the smallest class.
        """
        return Y.argmax(axis=1)

    def error(self, Y: np.ndarray, Y_hat: np.ndarray) -> float:
        """Error rate: the share of predictions of the wrong class.

        Parameters
        ----------
        Y, Y_hat : arrays, (m, k) or (m, k, t)

        Returns
        -------
        float
            Between 0 and 1; for a regression, the mean squared error.
        """
        wrong = self.classes(Y) != self.classes(Y_hat)
        return float(np.count_nonzero(wrong) / wrong.size)

    def check_labels(self, Y: np.ndarray) -> None:
        """Raise an error if labels are not valid for the loss: here, unless finite numbers."""
        if Y.dtype.kind not in "biuf":
            raise TypeError(f"labels of {self.name} must be numbers, got {Y.dtype}")
        finite = np.isfinite(Y)
        if not finite.all():
            index = first_index(~finite)
            raise ValueError(f"labels of {self.name} must be finite, got {Y[index]} at {index}")

    def check(self, Y: np.ndarray, Y_hat: np.ndarray) -> None:
        """Raise ``ValueError`` if labels and predictions do not fit each other or the loss."""
        if Y.shape != Y_hat.shape:
            raise ValueError(f"labels have shape {Y.shape} but predictions {Y_hat.shape}")
        if len(Y) == 0:
            raise ValueError("a loss needs at least one example, got none")
        if not np.issubdtype(Y_hat.dtype, np.floating):
            raise TypeError(f"predictions must be floats, got {Y_hat.dtype}")
        self.check_labels(Y)


class CrossEntropy(Loss):
    """Cross-entropy of class probabilities: L = -(1/m) Σ Y ln Y_hat, where 0 · ln 0 = 0.

    Labels are distributions over the classes: non-negative, with sum 1; usually one-hot. A
    prediction of exactly 0 for the true class counts as the smallest positive number of its
    type, which keeps the loss finite.

    A network with a softmax output computes both as one function, see ``canonical``.
    """

    output_activation = SoftMax

    def forward(self, Y: np.ndarray, Y_hat: np.ndarray) -> float:
        """-(1/m) Σ Y ln Y_hat; see ``Loss.forward``. Y_hat must lie in [0, 1]."""
        self.check(Y, Y_hat)
        check_probabilities(Y_hat, "softmax")
        return float(-(Y * np.log(_positive(Y_hat))).sum() / len(Y))

    def backward(self, Y: np.ndarray, Y_hat: np.ndarray) -> np.ndarray:
        """dL/dY_hat of -(1/m) Σ Y ln Y_hat; see ``Loss.backward``."""
        # ∂/∂ŷ (-y ln ŷ / m) = -y / (m ŷ)
        Y = Y.astype(Y_hat.dtype, copy=False)
        return -Y / _positive(Y_hat) / len(Y)

    def check_labels(self, Y: np.ndarray) -> None:
        """Raise ``ValueError`` unless Y is (m, k) or (m, k, t), non-negative, with sum 1."""
        super().check_labels(Y)
        if Y.ndim not in (2, 3):
            raise ValueError(f"labels of {self.name} must be (m, k) or (m, k, t), got {Y.shape}")
        if Y.size and Y.min() < 0:
            raise ValueError(f"labels of {self.name} must not be negative, got {Y.min():g}")
        sums = Y.sum(axis=1, dtype=np.float64)
        wrong = np.abs(sums - 1) > 1e-4
        if wrong.any():
            first = first_index(wrong)
            raise ValueError(
                f"label rows of {self.name} must sum to 1, got {sums[first]:g} in row {first[0]}"
            )


class BinaryCrossEntropy(Loss):
    """Cross-entropy of one probability: L = -(1/m) Σ (Y ln Y_hat + (1 - Y) ln(1 - Y_hat)).

    For one sigmoid unit: labels and predictions are (m, 1). Labels lie in [0, 1]; a soft label
    such as 0.85 is allowed. A prediction of exactly 0 or 1 on the wrong side counts as the
    smallest positive number of its type away from it, which keeps the loss finite.
    """

    output_activation = Sigmoid

    def forward(self, Y: np.ndarray, Y_hat: np.ndarray) -> float:
        """-(1/m) Σ (Y ln Y_hat + (1 - Y) ln(1 - Y_hat)); see ``Loss.forward``."""
        self.check(Y, Y_hat)
        check_probabilities(Y_hat, "sigmoid")
        terms = Y * np.log(_positive(Y_hat)) + (1 - Y) * np.log(_positive(1 - Y_hat))
        return float(-terms.sum() / len(Y))

    def backward(self, Y: np.ndarray, Y_hat: np.ndarray) -> np.ndarray:
        """dL/dY_hat of the binary cross-entropy; see ``Loss.backward``."""
        # ∂/∂ŷ -(y ln ŷ + (1 - y) ln(1 - ŷ)) = -y / ŷ + (1 - y) / (1 - ŷ)
        Y = Y.astype(Y_hat.dtype, copy=False)
        return ((1 - Y) / _positive(1 - Y_hat) - Y / _positive(Y_hat)) / len(Y)

    def classes(self, Y: np.ndarray) -> np.ndarray:
        """Class 1 from 0.5 on, else class 0; (m,)."""
        return (Y[:, 0] >= 0.5).astype(np.int64)

    def check_labels(self, Y: np.ndarray) -> None:
        """Raise ``ValueError`` unless Y is (m, 1) and in [0, 1]."""
        super().check_labels(Y)
        if Y.ndim != 2 or Y.shape[1] != 1:
            raise ValueError(f"labels of {self.name} must be (m, 1), got {Y.shape}")
        if Y.size and not 0 <= Y.min() <= Y.max() <= 1:
            raise ValueError(
                f"labels of {self.name} must lie in [0, 1], got {Y.min():g} ... {Y.max():g}"
            )


class Regression(Loss):
    """Base class of the losses for regression: of numbers, as opposed to classes."""

    output_activation = Linear
    classifies = False
    outputs_probabilities = False

    def error(self, Y: np.ndarray, Y_hat: np.ndarray) -> float:
        """The mean of (Y - Y_hat)² over examples and outputs."""
        error = Y - Y_hat
        return float((error * error).mean())


class L2(Regression):
    """Squared error: L = (1/m) Σ (Y - Y_hat)², summed over the outputs of an example."""

    def forward(self, Y: np.ndarray, Y_hat: np.ndarray) -> float:
        """(1/m) Σ (Y - Y_hat)²; see ``Loss.forward``."""
        self.check(Y, Y_hat)
        error = Y - Y_hat
        return float((error * error).sum() / len(Y))

    def backward(self, Y: np.ndarray, Y_hat: np.ndarray) -> np.ndarray:
        """dL/dY_hat of (1/m) Σ (Y - Y_hat)²; see ``Loss.backward``."""
        # ∂/∂ŷ (y - ŷ)² / m = 2 (ŷ - y) / m
        return (2 / len(Y)) * (Y_hat - Y.astype(Y_hat.dtype, copy=False))


class Huber(Regression):
    """Squared error for small errors, absolute error for large ones: L = (1/m) Σ h(Y - Y_hat).

    Here h(e) = e² / 2 where |e| ≤ 1, and |e| - 1/2 elsewhere: an outlier's gradient is no larger
    than that of an error of 1. Source: Huber, "Robust Estimation of a Location Parameter", Annals
    of Mathematical Statistics 35, 1964, with δ = 1.
    """

    def forward(self, Y: np.ndarray, Y_hat: np.ndarray) -> float:
        """(1/m) Σ h(Y - Y_hat); see ``Loss.forward``."""
        self.check(Y, Y_hat)
        # With s = min(|e|, 1), s (|e| - s / 2) is e² / 2 for small errors and |e| - 1/2 beyond.
        size = np.abs(Y - Y_hat)
        small = np.minimum(size, 1)
        return float((small * (size - 0.5 * small)).sum() / len(Y))

    def backward(self, Y: np.ndarray, Y_hat: np.ndarray) -> np.ndarray:
        """dL/dY_hat of (1/m) Σ h(Y - Y_hat); see ``Loss.backward``."""
        # h'(e) = e where |e| ≤ 1 and ±1 beyond, and ∂e/∂ŷ = -1.
        return np.clip(Y_hat - Y.astype(Y_hat.dtype, copy=False), -1, 1) / len(Y)


class Hinge(Loss):
    """Hinge loss of a multiclass support vector machine: L = (1/m) Σ Σ_j max(0, s_j - s_y + 1).

    The outputs s are scores. The sum goes over all classes j except the true one, y: the loss is 0
    once its score exceeds all others by 1. Labels are one-hot. The slope at the kink, where the
    difference is exactly 1, is taken to be 0. Source: Weston and Watkins, "Support Vector Machines
    for Multi-Class Pattern Recognition", ESANN 1999.
    """

    output_activation = Linear
    outputs_probabilities = False

    def forward(self, Y: np.ndarray, Y_hat: np.ndarray) -> float:
        """(1/m) Σ Σ_j max(0, s_j - s_y + 1); see ``Loss.forward``."""
        self.check(Y, Y_hat)
        return float(self.margins(Y, Y_hat).sum() / len(Y))

    def backward(self, Y: np.ndarray, Y_hat: np.ndarray) -> np.ndarray:
        """dL/dY_hat of (1/m) Σ Σ_j max(0, s_j - s_y + 1); see ``Loss.backward``."""
        return self.from_margins(Y, self.margins(Y, Y_hat) > 0, Y_hat.dtype)

    @staticmethod
    def margins(Y: np.ndarray, S: np.ndarray) -> np.ndarray:
        """max(0, s_j - s_y + 1) for each class j, and 0 for the true one."""
        Y = Y.astype(S.dtype, copy=False)
        true = (Y * S).sum(axis=1, keepdims=True)
        return np.maximum(S - true + 1, 0) * (1 - Y)

    @staticmethod
    def from_margins(Y: np.ndarray, slopes: np.ndarray, dtype: np.dtype) -> np.ndarray:
        """dL/dS from the derivatives of the loss's terms with respect to their margins."""
        # A margin has the derivative 1 with respect to s_j and -1 with respect to s_y.
        dLdS = slopes.astype(dtype, copy=False) / len(Y)
        return dLdS - Y.astype(dtype, copy=False) * dLdS.sum(axis=1, keepdims=True)

    def check_labels(self, Y: np.ndarray) -> None:
        """Raise ``ValueError`` unless Y is (m, k) or (m, k, t) and one-hot, with k > 1."""
        super().check_labels(Y)
        if Y.ndim not in (2, 3) or Y.shape[1] < 2:
            raise ValueError(
                f"labels of {self.name} must be (m, k) or (m, k, t) with two classes or more, got "
                f"{Y.shape}"
            )
        wrong = ((Y != 0) & (Y != 1)).any(axis=1) | (Y.sum(axis=1) != 1)
        if wrong.any():
            row = first_index(wrong)[0]
            raise ValueError(f"labels of {self.name} must be one-hot, got {Y[row]} in row {row}")


class SquaredHinge(Hinge):
    """Squared hinge loss: L = (1/m) Σ Σ_j max(0, s_j - s_y + 1)²."""

    def forward(self, Y: np.ndarray, Y_hat: np.ndarray) -> float:
        """(1/m) Σ Σ_j max(0, s_j - s_y + 1)²; see ``Loss.forward``."""
        self.check(Y, Y_hat)
        return float(np.square(self.margins(Y, Y_hat)).sum() / len(Y))

    def backward(self, Y: np.ndarray, Y_hat: np.ndarray) -> np.ndarray:
        """dL/dY_hat of (1/m) Σ Σ_j max(0, s_j - s_y + 1)²; see ``Loss.backward``."""
        return self.from_margins(Y, 2 * self.margins(Y, Y_hat), Y_hat.dtype)


def check_probabilities(Y_hat: np.ndarray, activation: str) -> None:
    """Raise ``ValueError`` if predictions lie outside [0, 1], but for rounding."""
    low, high = Y_hat.min(), Y_hat.max()
    if low < 0 or high > 1 + 1e-3:
        raise ValueError(
            f"Y_hat must hold probabilities, got {low:g} ... {high:g}; is the output a "
            f"{activation}?"
        )


def _positive(P: np.ndarray) -> np.ndarray:
    """P with every 0 replaced by the smallest positive (normal) number of its type."""
    return np.maximum(P, np.finfo(P.dtype).tiny)


LOSSES: dict[str, type[Loss]] = {
    "cross_entropy": CrossEntropy,
    "binary_cross_entropy": BinaryCrossEntropy,
    "l2": L2,
    "huber": Huber,
    "hinge": Hinge,
    "squared_hinge": SquaredHinge,
}


def initialize_loss(name: str | Loss) -> Loss:
    """Create a loss by its name, one of ``LOSSES``; a loss itself is returned.

    Raises
    ------
    ValueError
        If the name is unknown.
    """
    return name if isinstance(name, Loss) else lookup("loss", name, LOSSES)(name)
