"""The fully-connected layer."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from neural_networks.layers.base import Layer
from neural_networks.utils.rows import as_rows, from_rows
from neural_networks.utils.validation import positive_integer
from neural_networks.weights import initialize_weights


class FullyConnected(Layer):
    """Every output unit sees every input: Y = σ(X W + b).

    A sequence (m, d, t) is treated as m·t rows of d features, one for each time step.

    Parameters
    ----------
    n_out : int
        Number of output units.
    activation : str
        Name of σ, see ``activations``; a softmax goes over the output units.
    weight_init : str or mapping
        The initializer of W, see ``weights``: its name, or a mapping with ``name`` and
        parameters such as ``std``. The biases start at 0.
    dtype, rng
        See ``Layer``.

    Attributes
    ----------
    parameters : OrderedDict
        ``W`` (d, n_out) and ``b`` (1, n_out).
    cache : OrderedDict
        ``X``, the input, and ``Z`` = X W + b.
    """

    def __init__(
        self,
        n_out: int,
        activation: str,
        weight_init: str | Mapping[str, Any] = "xavier_uniform",
        *,
        dtype: Any = "float64",
        rng: np.random.Generator | int | None = None,
    ) -> None:
        super().__init__(activation, dtype=dtype, rng=rng)
        self.n_out: int = positive_integer("n_out", n_out)
        self._draw_weights = initialize_weights(
            weight_init, activation, rng=self.rng, dtype=self.dtype
        )

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Y = σ(X W + b).

        Parameters
        ----------
        X : array of float, (m, d) or (m, d, t)

        Returns
        -------
        array, (m, n_out) or (m, n_out, t)
        """
        Z = self.affine_forward(X)
        if self.training:
            self.cache["Z"] = Z
        return self.activate(Z)

    def backward(self, dLdY: np.ndarray) -> np.ndarray | None:
        """The gradients of Y = σ(X W + b) with respect to W, b and X.

        Parameters
        ----------
        dLdY : array, (m, n_out) or (m, n_out, t)

        Returns
        -------
        array, (m, d) or (m, d, t)
            dL/dX.
        """
        Z = self.from_cache("Z")
        dLdY = self.check_gradient(dLdY, Z.shape)
        dLdZ = self.activation.backward(as_rows(Z), as_rows(dLdY))
        return self.backward_from_logits(dLdZ)

    def affine_forward(self, X: np.ndarray) -> np.ndarray:
        """Z = X W + b, the layer without its activation.

        Parameters
        ----------
        X : array, (m, d) or (m, d, t)

        Returns
        -------
        array, (m, n_out) or (m, n_out, t)
        """
        X = self.check_input(X)
        if self.training:
            self.cache["X"] = X
        Z = as_rows(X) @ self.parameter("W")
        Z += self.parameter("b")
        return from_rows(Z, X.shape)

    def activate(self, Z: np.ndarray) -> np.ndarray:
        """Y = σ(Z), (m, n_out) or (m, n_out, t)."""
        return from_rows(self.activation(as_rows(Z)), Z.shape)

    def backward_from_logits(self, dLdZ: np.ndarray) -> np.ndarray | None:
        """The gradients of Z = X W + b with respect to W, b and X.

        Parameters
        ----------
        dLdZ : array, (m, n_out) or (m, n_out, t)

        Returns
        -------
        array, (m, d) or (m, d, t)
            dL/dX.
        """
        # z_rj = Σ_i x_ri w_ij + b_j for each row r, so by the chain rule
        # dL/dw_ij = Σ_r x_ri dL/dz_rj,  dL/db_j = Σ_r dL/dz_rj,  dL/dx_ri = Σ_j dL/dz_rj w_ij.
        X = self.from_cache("X")
        dLdZ = as_rows(dLdZ)
        # Of a single row, NumPy's @ takes five times as long for the outer product as dot does.
        self.gradients["W"] = as_rows(X).T.dot(dLdZ)
        self.gradients["b"] = dLdZ.sum(axis=0, keepdims=True)
        if not self.input_gradient:
            return None
        return from_rows(dLdZ @ self.parameter("W").T, X.shape)

    def _init_parameters(self, X_shape: tuple[int, ...]) -> None:
        """Create W (d, n_out) from the initializer and b (1, n_out) of zeros."""
        self.parameters["W"] = self._draw_weights((X_shape[1], self.n_out))
        self.parameters["b"] = np.zeros((1, self.n_out), self.dtype)
        self.n_in = X_shape[1]
        self.clear_gradients()

    def _check_shape(self, X_shape: tuple[int, ...]) -> None:
        if len(X_shape) not in (2, 3) or 0 in X_shape[1:]:
            raise ValueError(f"X must be (m, d) or (m, d, t), got shape {X_shape}")
        self._check_n_in(X_shape[1])
