"""Batch and layer normalization: zero mean, unit variance, then a learned scale and shift.

Both treat a batch as rows of features: (m, d) unchanged, a sequence (m, d, t) as m·t rows, images
(m, H, W, C) as m·H·W rows of C. ``BatchNorm`` normalizes each column of these, ``LayerNorm`` each
row.
"""

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import DTypeLike

from neural_networks.layers.base import Layer
from neural_networks.layers.fast_normalization import gradients, moments, normalized
from neural_networks.utils.rows import as_rows, feature_count, from_rows
from neural_networks.utils.validation import number_in


class Normalization(Layer):
    """Base class of both: Y = σ(γ X_hat + β) with X_hat = (X - mean) / √(variance + ε).

    Parameters
    ----------
    activation : str
        Name of σ, see ``activations``.
    epsilon : float
        ε, greater than 0, which prevents a division by 0.
    dtype, rng
        See ``Layer``.

    Attributes
    ----------
    parameters : OrderedDict
        ``gamma`` (1, d), at first ones, and ``beta`` (1, d), at first zeros.
    cache : OrderedDict
        ``X_shape``; ``X_hat``, ``scale`` = 1 / √(variance + ε) and ``Z`` = γ X_hat + β, for rows.
    """

    axis: int
    """The axis of the rows over which mean and variance are taken."""

    def __init__(
        self,
        activation: str = "linear",
        epsilon: float = 1e-5,
        *,
        dtype: DTypeLike = "float64",
        rng: np.random.Generator | int | None = None,
    ) -> None:
        super().__init__(activation, dtype=dtype, rng=rng)
        self.epsilon = number_in("epsilon", epsilon, 0, open_low=True)

    @property
    def is_constant(self) -> bool:
        """True if mean and variance do not depend on the batch, as in a frozen ``BatchNorm``."""
        return False

    @abstractmethod
    def center(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows (r, d) minus their means, a new array, and the variances, (1, d) or (r, 1)."""

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Y = σ(γ X_hat + β).

        Parameters
        ----------
        X : array of float, (m, d), (m, d, t) or (m, H, W, C)

        Returns
        -------
        array, the shape of X
        """
        X = self.check_input(X)
        X_hat, variance = self.center(as_rows(X))
        scale = 1 / np.sqrt(variance + self.epsilon)
        X_hat *= scale
        Z = X_hat * self.parameter("gamma")
        Z += self.parameter("beta")
        if self.training:
            self.cache["X_shape"] = X.shape
            self.cache["X_hat"], self.cache["scale"], self.cache["Z"] = X_hat, scale, Z
        return from_rows(self.activation(Z), X.shape)

    def backward(self, dLdY: np.ndarray) -> np.ndarray:
        """Compute the gradients of Y = σ(γ X_hat + β) with respect to γ, β and X.

        Parameters
        ----------
        dLdY : array, the shape of X

        Returns
        -------
        array, the shape of X
            dL/dX.
        """
        X_shape, X_hat, scale = (self.from_cache(key) for key in ("X_shape", "X_hat", "scale"))
        dLdY = self.check_gradient(dLdY, X_shape)
        dLdZ = self.activation.backward(self.from_cache("Z"), as_rows(dLdY))
        # γ and β act on each feature: the rows add up, as for the biases of other layers.
        self.gradients["gamma"] = len(dLdZ) * mean_over(0, dLdZ * X_hat)
        self.gradients["beta"] = len(dLdZ) * mean_over(0, dLdZ)
        # Each of n numbers x_i has a share in their mean μ and in s = 1 / √(variance + ε):
        # ∂μ/∂x_i = 1/n and ∂s/∂x_i = -s³ (x_i - μ) / n = -s² x̂_i / n. With x̂_j = (x_j - μ) s,
        # dL/dx_i = Σ_j dL/dx̂_j (s δ_ij - s/n - s x̂_j x̂_i / n): the parts that change the mean
        # or the spread of all are taken out of the gradient.
        G = dLdZ * self.parameter("gamma")
        if not self.is_constant:
            spread = mean_over(self.axis, G * X_hat)
            G -= mean_over(self.axis, G)
            G -= X_hat * spread
        G *= scale
        return from_rows(G, X_shape)

    def _init_parameters(self, X_shape: tuple[int, ...]) -> None:
        """Create γ (1, d) of ones and β (1, d) of zeros."""
        self.n_in = self.n_out = feature_count(X_shape)
        self.parameters["gamma"] = np.ones((1, self.n_in), self.dtype)
        self.parameters["beta"] = np.zeros((1, self.n_in), self.dtype)
        self.clear_gradients()

    def _check_shape(self, X_shape: tuple[int, ...]) -> None:
        if len(X_shape) not in (2, 3, 4) or 0 in X_shape[1:]:
            raise ValueError(f"X must be (m, d), (m, d, t) or (m, H, W, C), got shape {X_shape}")
        self._check_n_in(feature_count(X_shape))


class BatchNorm(Normalization):
    """Batch normalization: each feature has mean 0 and variance 1 over the examples of a batch.

    In training, mean and variance are those of the batch, over all rows (of images, over all
    pixels of all images). Their moving averages are kept in ``buffers`` and used in prediction,
    and in training if the layer is frozen: they no longer move then.
    Source: Ioffe and Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing
    Internal Covariate Shift", ICML 2015.

    Parameters
    ----------
    activation, epsilon, dtype, rng
        See ``Normalization``.
    momentum : float
        Share of the moving averages that each step keeps, in [0, 1): running ← momentum ·
        running + (1 - momentum) · batch. (PyTorch's ``momentum`` is the other share.)

    Attributes
    ----------
    buffers : OrderedDict
        ``running_mean`` and ``running_var``, (1, d), at first zeros and ones. The variance there
        is the unbiased one, Σ (x - mean)² / (n - 1).

    Raises
    ------
    ValueError
        If a number is out of range; while training, if a batch has only one row.
    """

    axis = 0
    _pass_methods: Mapping[str, Sequence[str]] = {
        "forward": ("forward", "center"),
        "backward": ("backward",),
    }

    def __init__(
        self,
        activation: str = "linear",
        epsilon: float = 1e-5,
        momentum: float = 0.9,
        *,
        dtype: DTypeLike = "float64",
        rng: np.random.Generator | int | None = None,
    ) -> None:
        super().__init__(activation, epsilon, dtype=dtype, rng=rng)
        self.momentum = number_in("momentum", momentum, 0, 1)

    @property
    def min_batch_size(self) -> int:
        """Two examples, or one image or sequence, which has several rows; one if frozen."""
        if self.frozen:
            return 1
        example = (1, *(self.input_shape or (1,)))
        return 1 if math.prod(example) > feature_count(example) else 2

    @property
    def is_constant(self) -> bool:
        """True in a frozen layer: the moving averages stay as they are."""
        return self.frozen

    def center(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows minus column means: those of these rows, or the moving averages.

        The moving averages, in prediction and in a frozen layer.
        """
        if self.frozen or not self.training:
            if not self.buffers:
                self._init_buffers(rows.shape[1])
            return rows - self._buffer("running_mean"), self._buffer("running_var")
        check_rows(len(rows))
        mean, centered = centered_by(0, rows)
        variance = mean_over(0, centered * centered)
        self._move_averages(mean, variance, len(rows))
        return centered, variance

    def forward_faster(self, X: np.ndarray) -> np.ndarray:
        """``forward``; of images in training by ``fast_normalization``."""
        by_parts = self.training and not self.frozen and np.ndim(X) == 4
        if not by_parts or self.replaces("forward", "center"):
            return super().forward_faster(X)
        X = self.check_input(X)
        n_rows = X.size // X.shape[3]
        check_rows(n_rows)
        mean, rest, variance = moments(X)
        self._move_averages(mean + rest, variance, n_rows)
        scale = 1 / np.sqrt(variance + self.epsilon)
        gamma, beta = self.parameter("gamma"), self.parameter("beta")
        X_hat, Z, Y = normalized(X, mean, rest, scale, gamma, beta, self.activation)
        self.cache["X_shape"], self.cache["X_hat"] = X.shape, as_rows(X_hat)
        self.cache["scale"], self.cache["Z"] = scale, as_rows(Z)
        return Y

    def backward_faster(self, dLdY: np.ndarray) -> np.ndarray:
        """``backward``; of images by ``fast_normalization``."""
        X_shape = self.from_cache("X_shape")
        if self.frozen or len(X_shape) != 4 or self.replaces("backward"):
            return super().backward_faster(dLdY)
        X_hat, Z = (self.from_cache(key).reshape(X_shape) for key in ("X_hat", "Z"))
        scale, gamma = self.from_cache("scale"), self.parameter("gamma")
        dLdY = self.check_gradient(dLdY, X_shape)
        dLdX, dLdgamma, dLdbeta = gradients(dLdY, X_hat, Z, scale, gamma, self.activation)
        self.gradients["gamma"], self.gradients["beta"] = dLdgamma, dLdbeta
        return dLdX

    def _init_parameters(self, X_shape: tuple[int, ...]) -> None:
        """Create γ, β, and the moving averages: zeros and ones."""
        super()._init_parameters(X_shape)
        self._init_buffers(feature_count(X_shape))

    def _buffer(self, name: str) -> np.ndarray:
        return self.buffers[name].astype(self.dtype, copy=False)

    def _move_averages(self, mean: np.ndarray, variance: np.ndarray, n: int) -> None:
        """Update the moving averages by mean and variance of a batch with n rows."""
        if not self.buffers:
            self._init_buffers(mean.shape[1])
        for name, new in (("running_mean", mean), ("running_var", variance * (n / (n - 1)))):
            average = self._buffer(name)
            self.buffers[name] = self.momentum * average + (1 - self.momentum) * new

    def _init_buffers(self, d: int) -> None:
        self.buffers["running_mean"] = np.zeros((1, d), self.dtype)
        self.buffers["running_var"] = np.ones((1, d), self.dtype)


class LayerNorm(Normalization):
    """Layer normalization: the features of each row have mean 0 and variance 1.

    Every example is normalized by itself, so training and prediction do not differ. Source:
    Ba, Kiros and Hinton, "Layer Normalization", 2016.

    Parameters
    ----------
    activation, epsilon, dtype, rng
        See ``Normalization``.
    """

    axis = 1

    def center(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows minus their own means."""
        _, centered = centered_by(1, rows)
        return centered, mean_over(1, centered * centered)


def check_rows(n: int) -> None:
    """Raise ``ValueError`` unless a batch has enough rows to train on."""
    if n < 2:
        raise ValueError(
            "batch normalization cannot train on a batch of one example, whose variance is 0, "
            f"or of none, got {n}: choose another batch_size"
        )


def centered_by(axis: int, A: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean of A over an axis, and A without it.

    Two passes: subtracting a mean much larger than the spread leaves a rounding error, which the
    second pass removes.
    """
    mean = mean_over(axis, A)
    centered = A - mean
    rest = mean_over(axis, centered)
    centered -= rest
    return mean + rest, centered


def mean_over(axis: int, A: np.ndarray) -> np.ndarray:
    """The mean of A (r, d) over an axis, which is kept: (1, d) or (r, 1).

    Down the columns it is a matrix product: BLAS is three times as fast there as ``np.mean``, and
    loses fewer digits.
    """
    if axis == 1:
        return A.mean(axis=1, keepdims=True)
    return np.ones((1, len(A)), A.dtype) @ A / len(A)
