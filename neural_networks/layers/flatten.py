"""The layer between images and fully-connected layers."""

from typing import Any

import numpy as np

from neural_networks.layers.base import Layer
from neural_networks.utils.names import lookup


class Flatten(Layer):
    """Lay the axes of an input out in one row, in row-major order.

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
        ``X_shape``, the input's shape.
    """

    def __init__(
        self,
        keep_dim: str = "first",
        *,
        dtype: Any = "float64",
        rng: np.random.Generator | int | None = None,
    ) -> None:
        super().__init__(dtype=dtype, rng=rng)
        self.keep_dim = lookup("keep_dim", keep_dim, {"first": "first", "last": "last"})

    def forward(self, X: np.ndarray) -> np.ndarray:
        """X in two axes.

        Parameters
        ----------
        X : array of float, (m, ...)

        Returns
        -------
        array, (m, product of the other sizes), or (product, last size) for ``"last"``
        """
        X = self.admit(X)
        if self.training:
            self.cache["X_shape"] = X.shape
        if self.keep_dim == "first":
            return X.reshape(len(X), -1)
        return X.reshape(-1, X.shape[-1])

    def backward(self, dLdY: np.ndarray) -> np.ndarray:
        """dL/dX, the gradient in the shape of X.

        Parameters
        ----------
        dLdY : array, the shape of the output

        Returns
        -------
        array, (m, ...)
        """
        # Every output is one input, so every gradient goes back to where its value came from.
        X_shape = self.cached("X_shape")
        return dLdY.astype(self.dtype, copy=False).reshape(X_shape)
