"""The fully-connected layer."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from neural_networks.layers.base import Layer
from neural_networks.utils.rows import as_rows, from_rows
from neural_networks.utils.validation import positive_integer
from neural_networks.weights import initialize_weights


class FullyConnected(Layer):
    """A fully-connected layer: Y = σ(X W + b).

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
        ``X``, the input, and ``Z`` = X W + b, with a row for each example and time step.
    """

    has_logits = True

    def __init__(
        self,
        n_out: int,
        activation: str,
        weight_init: str | Mapping[str, Any] = "xavier_uniform",
        *,
        dtype: DTypeLike = "float64",
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
        X = self.check_input(X)
        Z = as_rows(X) @ self.parameter("W")  # (m, n_out), or (m·t, n_out) of a sequence
        Z += self.parameter("b")
        if self.training:
            self.cache["X"], self.cache["Z"] = X, Z
        return from_rows(self.activation.forward(Z), X.shape)

    def backward(
        self, dLdY: np.ndarray, *, from_logits: bool = False, input_gradient: bool = True
    ) -> np.ndarray | None:
        """Compute the gradients of Y = σ(X W + b) with respect to W, b and X.

        Parameters
        ----------
        dLdY : array, (m, n_out) or (m, n_out, t)
        from_logits : bool
            If True, the gradient given is dL/dZ as rows, for Z = X W + b; see ``canonical``.
        input_gradient : bool
            If False, dL/dX is left out, and None is returned.

        Returns
        -------
        array, (m, d) or (m, d, t)
            dL/dX. dL/dW and dL/db go to ``gradients``, in place of those before.
        """
        # z_rj = Σ_i x_ri w_ij + b_j for each row r, so by the chain rule
        # dL/dw_ij = Σ_r x_ri dL/dz_rj,  dL/db_j = Σ_r dL/dz_rj,  dL/dx_ri = Σ_j dL/dz_rj w_ij.
        X, Z = self.from_cache("X"), self.from_cache("Z")
        if from_logits:
            dLdZ = dLdY
        else:
            dLdY = self.check_gradient(dLdY, (len(X), self.n_out, *X.shape[2:]))
            dLdZ = self.activation.backward(Z, as_rows(dLdY))
        # For a single row, NumPy's @ takes five times as long as dot for this outer product.
        self.gradients["W"] = as_rows(X).T.dot(dLdZ)
        self.gradients["b"] = dLdZ.sum(axis=0, keepdims=True)
        return from_rows(dLdZ @ self.parameter("W").T, X.shape) if input_gradient else None

    def backward_faster(self, dLdY: np.ndarray) -> np.ndarray | None:
        """``backward``; a network's first layer leaves out dL/dX, the gradient of the data."""
        if self.replaces("backward"):
            return super().backward_faster(dLdY)
        return self.backward(dLdY, input_gradient=self.input_gradient)

    def backward_from_logits(self, dLdZ: np.ndarray) -> np.ndarray | None:
        """``backward_faster`` from dL/dZ, as rows, for a canonical pair."""
        return self.backward(dLdZ, from_logits=True, input_gradient=self.input_gradient)

    def _init_parameters(self, X_shape: tuple[int, ...]) -> None:
        """Create W (d, n_out) from the initializer and b (1, n_out) of zeros; set ``n_in`` to d.

        ``gradients`` gets zeros under the same names.
        """
        self.parameters["W"] = self._draw_weights((X_shape[1], self.n_out))
        self.parameters["b"] = np.zeros((1, self.n_out), self.dtype)
        self.n_in = X_shape[1]
        self.clear_gradients()

    def _check_shape(self, X_shape: tuple[int, ...]) -> None:
        if len(X_shape) not in (2, 3) or 0 in X_shape[1:]:
            raise ValueError(f"X must be (m, d) or (m, d, t), got shape {X_shape}")
        self._check_n_in(X_shape[1])
