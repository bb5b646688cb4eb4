"""Flattening: the layer between images and fully-connected layers."""

import math

import numpy as np
from numpy.typing import DTypeLike

from neural_networks.layers.base import Layer
from neural_networks.utils.factories import lookup


class Flatten(Layer):
    """Flattening: the axes of each input in one row, in row-major order.

    Parameters
    ----------
    keep_dim : str
        ``"first"`` keeps the first axis: (m, H, W, C) becomes (m, H·W·C). ``"last"`` keeps the
        last one: (m·H·W, C).
    dtype, rng
        See ``Layer``.

    Attributes
    ----------
    cache : OrderedDict
        ``X_shape`` and ``Y_shape``, the shapes of input and output.
    """

    def __init__(
        self,
        keep_dim: str = "first",
        *,
        dtype: DTypeLike = "float64",
        rng: np.random.Generator | int | None = None,
    ) -> None:
        super().__init__(dtype=dtype, rng=rng)
        self.keep_dim = lookup("keep_dim", keep_dim, {"first": "first", "last": "last"})

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Reshape X to two axes.

        Parameters
        ----------
        X : array of float, (m, ...)

        Returns
        -------
        array, (m, product of the other sizes), or (product, last size) for ``"last"``
        """
        X = self.check_input(X)
        if self.keep_dim == "first":
            Y = X.reshape(len(X), math.prod(X.shape[1:]))
        else:
            Y = X.reshape(math.prod(X.shape[:-1]), X.shape[-1])
        if self.training:
            self.cache["X_shape"], self.cache["Y_shape"] = X.shape, Y.shape
        return Y

    def backward(self, dLdY: np.ndarray) -> np.ndarray:
        """Reshape a gradient to the shape of X.

        Parameters
        ----------
        dLdY : array, the shape of the output

        Returns
        -------
        array, (m, ...)
        """
        # Every output is one input, so every gradient goes back to where its value came from.
        X_shape = self.from_cache("X_shape")
        return self.check_gradient(dLdY, self.from_cache("Y_shape")).reshape(X_shape)

    def passed_on(self, low: float, high: float) -> tuple[float, float]:
        """The range itself."""
        return low, high

    def details(self) -> list[str]:
        """The axis that is kept, if it is not the first one."""
        return [] if self.keep_dim == "first" else [f"keep_dim {self.keep_dim}"]
