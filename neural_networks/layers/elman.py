"""Elman's recurrent layer."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from neural_networks.layers.base import Layer
from neural_networks.utils.validation import positive_integer, true_or_false
from neural_networks.weights import initialize_weights


class Elman(Layer):
    """A recurrent layer: its state depends on the input and on the state one step before.

    For the steps t = 1 … T of a sequence, from a given state s_0,

        s_t = σ(x_t W + s_{t-1} U + b).

    The output is the last state s_T, or with ``return_sequences`` all of s_1 … s_T. Source:
    Elman, "Finding Structure in Time", Cognitive Science 14, 1990.

    Parameters
    ----------
    n_out : int
        n, the number of units, which is the size of the state.
    activation : str
        Name of σ, see ``activations``; a softmax goes over the units.
    weight_init : str or mapping
        The initializer of W and U, see ``weights``: its name, or a mapping with ``name`` and
        parameters such as ``std``. The biases start at 0.
    return_sequences : bool
        If True, the output is the state after every step rather than after the last one, as a
        recurrent layer below another one, or a loss at every step, needs it.
    dtype, rng
        See ``Layer``.

    Attributes
    ----------
    parameters : OrderedDict
        ``W`` (d, n), ``U`` (n, n) and ``b`` (1, n).
    cache : OrderedDict
        Lists with an entry (m, ...) for each step: ``X``, the inputs x_t; ``Z``, the
        pre-activations; and ``s``, the states, one more, as they begin with s_0.
    initial_state : array of float, (m, n) or (1, n), or None
        s_0 of each example, or of all; None, the default, stands for zeros. It is not a
        parameter: a network does not learn or save it, and needs one for all, (1, n), since its
        batches differ in size.
    initial_state_gradient : array, (m, n), or None
        dL/ds_0, as of the last ``backward``.

    Raises
    ------
    TypeError, ValueError
        If an argument is not one of those above; later, if X is not (m, d, t) with the d features
        that the parameters were made for, or the initial state does not fit its m examples.

    Notes
    -----
    There are two implementations, which agree to rounding. ``forward`` and ``backward`` go step by
    step, written to be read. ``forward_faster`` and ``backward_faster`` join the products of all
    steps that do not depend on the state; networks use them. Both leave the same cache.
    """

    _pass_methods: Mapping[str, Sequence[str]] = {
        "forward": ("forward", "forward_step"),
        "backward": ("backward",),
    }

    def __init__(
        self,
        n_out: int,
        activation: str = "tanh",
        weight_init: str | Mapping[str, Any] = "xavier_uniform",
        *,
        return_sequences: bool = False,
        dtype: DTypeLike = "float64",
        rng: np.random.Generator | int | None = None,
    ) -> None:
        super().__init__(activation, dtype=dtype, rng=rng)
        self.n_out: int = positive_integer("n_out", n_out)
        self.return_sequences = true_or_false("return_sequences", return_sequences)
        self.initial_state: np.ndarray | None = None
        self.initial_state_gradient: np.ndarray | None = None
        self._draw_weights = initialize_weights(
            weight_init, activation, rng=self.rng, dtype=self.dtype
        )

    def forward_step(self, x_t: np.ndarray) -> np.ndarray:
        """Compute the state after one more step: s_t = σ(x_t W + s_{t-1} U + b).

        It continues from the last state in ``cache["s"]``, or from the initial state if there is
        none, as after ``clear_gradients``. The step is added to the cache, in training or not, so
        after the last one ``backward`` can be called as after ``forward``.

        Parameters
        ----------
        x_t : array of float, (m, d)

        Returns
        -------
        array, (m, n)
            s_t.
        """
        x_t = self._check_step(x_t)
        states = self.cache["s"] if "s" in self.cache else [self._first_state(len(x_t))]
        if len(x_t) != len(states[-1]):
            raise ValueError(
                f"x_t has {len(x_t)} examples, but the state is that of {len(states[-1])}"
            )
        W, U, b = (self.parameter(name) for name in ("W", "U", "b"))
        Z = x_t @ W + states[-1] @ U + b
        states.append(self.activation(Z))
        self.cache.setdefault("X", []).append(x_t)
        self.cache.setdefault("Z", []).append(Z)
        self.cache["s"] = states
        return states[-1]

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Compute all steps of a sequence from the initial state, one after the other.

        Parameters
        ----------
        X : array of float, (m, d, t)

        Returns
        -------
        array, (m, n) or with ``return_sequences`` (m, n, t)
            The last state, or the states after each step.
        """
        X = self.check_input(X)
        s_0 = self._first_state(len(X))
        before, self.cache = self.cache, OrderedDict(X=[], Z=[], s=[s_0])
        states = [self.forward_step(X[:, :, t]) for t in range(X.shape[2])]
        if not self.training:
            self.cache = before
        return np.stack(states, axis=2) if self.return_sequences else states[-1]

    def backward(self, dLdY: np.ndarray) -> list[np.ndarray] | np.ndarray:
        """Compute the gradients with respect to W, U, b, the initial state and every input.

        Parameters
        ----------
        dLdY : array, (m, n) or with ``return_sequences`` (m, n, t)

        Returns
        -------
        list of t arrays (m, d), or with ``return_sequences`` an array (m, d, t)
            dL/dX. dL/ds_0 is in ``initial_state_gradient``; dL/dW, dL/dU and dL/db go to
            ``gradients``, in place of those before.
        """
        # The loss depends on s_t in two ways, through the output at that step and through
        # z_{t+1}: dL/ds_t = dL/dy_t + dL/dz_{t+1} Uᵀ. The last state has only the first of them,
        # s_0 only the second, and without return_sequences only the last state is an output.
        # W, U and b are the same at every step, so their gradients are sums over the steps.
        X, Z, s = self.from_cache("X"), self.from_cache("Z"), self.from_cache("s")
        W, U = self.parameter("W"), self.parameter("U")
        dLdY = self.check_gradient(dLdY, self._output_shape(Z))
        dLdW, dLdU, dLdb = np.zeros_like(W), np.zeros_like(U), np.zeros_like(self.parameter("b"))
        dLdX = [np.empty_like(x_t) for x_t in X]
        dLds = dLdY[:, :, -1] if self.return_sequences else dLdY
        for t in reversed(range(len(X))):  # s[t] is the state before step t, s[t + 1] after it
            dLdz = self.activation.backward(Z[t], dLds)
            dLdW += X[t].T @ dLdz
            dLdU += s[t].T @ dLdz
            dLdb += dLdz.sum(axis=0, keepdims=True)
            dLdX[t] = dLdz @ W.T
            dLds = dLdz @ U.T
            if self.return_sequences and t > 0:
                dLds += dLdY[:, :, t - 1]
        self.initial_state_gradient = dLds
        self.gradients["W"], self.gradients["U"], self.gradients["b"] = dLdW, dLdU, dLdb
        return np.stack(dLdX, axis=2) if self.return_sequences else dLdX

    def forward_faster(self, X: np.ndarray) -> np.ndarray:
        """``forward``, with x_t W + b of all steps as one large product before the loop."""
        if self.replaces("forward", "forward_step"):
            return super().forward_faster(X)
        X = self.check_input(X)
        m, d, t = X.shape
        U = self.parameter("U")
        steps = np.ascontiguousarray(X.transpose(2, 0, 1))  # (t, m, d)
        Z = steps.reshape(t * m, d) @ self.parameter("W")
        Z += self.parameter("b")
        Z = Z.reshape(t, m, self.n_out)
        s = [self._first_state(m)]
        for z_t in Z:  # a view, so that Z gets the sum
            z_t += s[-1] @ U
            s.append(self.activation(z_t))
        if self.training:
            self.cache.update(X=list(steps), Z=list(Z), s=s)
        return np.stack(s[1:]).transpose(1, 2, 0) if self.return_sequences else s[-1]

    def backward_faster(self, dLdY: np.ndarray) -> np.ndarray | None:
        """``backward``, with one large product for each of dL/dW, dL/dU and dL/dX.

        It returns an array (m, d, t). A network's first layer leaves out dL/dX.
        """
        if self.replaces("backward"):
            return super().backward_faster(dLdY)
        dLdZ = self._through_time(dLdY)
        t, m, n = dLdZ.shape
        dLdZ = dLdZ.reshape(t * m, n)
        self.gradients["W"] = np.concatenate(self.cache["X"]).T @ dLdZ
        self.gradients["U"] = np.concatenate(self.cache["s"][:-1]).T @ dLdZ
        self.gradients["b"] = dLdZ.sum(axis=0, keepdims=True)
        if not self.input_gradient:
            return None
        return (dLdZ @ self.parameter("W").T).reshape(t, m, -1).transpose(1, 2, 0)

    def details(self) -> list[str]:
        """Activation and output."""
        return [*super().details(), *(["return_sequences"] if self.return_sequences else [])]

    def _through_time(self, dLdY: np.ndarray) -> np.ndarray:
        """dL/dz_t of all steps, (t, m, n); dL/ds_0 becomes ``initial_state_gradient``."""
        Z, U = self.from_cache("Z"), self.parameter("U")
        dLdY = self.check_gradient(dLdY, self._output_shape(Z))
        dLdZ = np.empty((len(Z), *Z[0].shape), self.dtype)
        dLds = dLdY[:, :, -1] if self.return_sequences else dLdY
        for t in reversed(range(len(Z))):
            dLdZ[t] = self.activation.backward(Z[t], dLds)
            dLds = dLdZ[t] @ U.T
            if self.return_sequences and t > 0:
                dLds += dLdY[:, :, t - 1]
        self.initial_state_gradient = dLds
        return dLdZ

    def _output_shape(self, Z: list[np.ndarray]) -> tuple[int, ...]:
        """Shape of the output after the steps with the pre-activations Z."""
        return (*Z[0].shape, len(Z)) if self.return_sequences else Z[0].shape

    def _check_step(self, x_t: np.ndarray) -> np.ndarray:
        """A copy of x_t, (m, d), in the layer's type; creates missing parameters."""
        if not isinstance(x_t, np.ndarray) or x_t.ndim != 2:
            raise ValueError(f"x_t must be an array (m, d), got shape {np.shape(x_t)}")
        if not self.parameters:
            self.check_input(x_t[:, :, np.newaxis])
        self._check_shape((*x_t.shape, 1))
        # A copy, since a loop over steps may read each of them into the same array.
        return self._convert("x_t", x_t)

    def _first_state(self, m: int) -> np.ndarray:
        """s_0 of m examples, (m, n)."""
        if self.initial_state is None:
            return np.zeros((m, self.n_out), self.dtype)
        state = self._convert("initial_state", self.initial_state)
        if state.shape not in ((m, self.n_out), (1, self.n_out)):
            raise ValueError(
                f"initial_state must have shape {(m, self.n_out)} for these {m} examples, or "
                f"{(1, self.n_out)} for any number, got {state.shape}"
            )
        return np.broadcast_to(state, (m, self.n_out))

    def _init_parameters(self, X_shape: tuple[int, ...]) -> None:
        """Create W (d, n) and U (n, n) from the initializer, and b (1, n) of zeros.

        ``n_in`` becomes d, and ``gradients`` gets zeros under the same names.
        """
        self.parameters["W"] = self._draw_weights((X_shape[1], self.n_out))
        self.parameters["U"] = self._draw_weights((self.n_out, self.n_out))
        self.parameters["b"] = np.zeros((1, self.n_out), self.dtype)
        self.n_in = X_shape[1]
        self.clear_gradients()

    def _check_shape(self, X_shape: tuple[int, ...]) -> None:
        if len(X_shape) != 3 or 0 in X_shape[1:]:
            raise ValueError(f"X must be (m, d, t) with d and t at least 1, got shape {X_shape}")
        self._check_n_in(X_shape[1])
