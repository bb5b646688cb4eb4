"""Gradient checks: comparison of analytic gradients with finite differences.

The scalar that is differentiated is L(x) = Σ dLdf · f(x), so the gradient under test is the
result of ``backward(dLdf)``. Central differences estimate it entry by entry,

    ∂L/∂x_i ≈ Σ dLdf · (f(x + h e_i) - f(x - h e_i)) / 2h,

with an error of order h² from the curvature of f and of order ε/h from rounding (ε = 2e-16), so
that in float64 a step of 1e-6 gives about ten correct digits.

Use a *random* dLdf: with ones, mistakes such as a transposed sum can cancel.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

Function = Callable[[np.ndarray], np.ndarray | float]


@dataclass(frozen=True)
class GradientReport:
    """The result of a comparison of two gradients.

    Attributes
    ----------
    relative_error : float
        ‖a - n‖ / (‖a‖ + ‖n‖) for the analytic gradient a and the numerical gradient n; 0 if
        both are zero.
    index : tuple of int
        The entry in which they differ most.
    analytic, numeric : float
        The values of this entry.
    kink : bool
        True if the slopes to the left and to the right of x differ there, and ``analytic`` lies
        between them: f has no derivative at x (a ReLU at 0, a tie in a maximum), and the
        difference is not a bug. A jump of f, as of a step function, is not a kink.
    """

    relative_error: float
    index: tuple[int, ...]
    analytic: float
    numeric: float
    kink: bool

    def __str__(self) -> str:
        text = (
            f"relative error {self.relative_error:.2e}; worst at {self.index}: "
            f"analytic {self.analytic:.10g}, numeric {self.numeric:.10g}"
        )
        return text + (" (a kink of the function, not a bug)" if self.kink else "")


def check_gradients(
    fn: Function,
    grad: np.ndarray,
    x: np.ndarray,
    dLdf: np.ndarray | float,
    h: float = 1e-6,
) -> float:
    """Compute the relative error of an analytic gradient.

    Parameters
    ----------
    fn : function
        f, from an array of the shape of x to an array of the shape of dLdf, or to a number.
    grad : array, the shape of x
        The analytic gradient of Σ dLdf · f(x), to be checked.
    x : array of float
        The point at which the gradient was computed; not written to.
    dLdf : array or float
        The upstream gradient that ``grad`` was computed from.
    h : float
        Step of the differences.

    Returns
    -------
    float
        ‖a - n‖ / (‖a‖ + ‖n‖), 0 for two zero gradients: about 1e-9 for a correct gradient in
        float64, 5e-4 for one that is off by 0.1%, 1 for one of the wrong sign. See
        ``compare_gradients`` for the entry in which the gradients differ.

    Raises
    ------
    TypeError
        If x is not an array of float.
    ValueError
        If the shapes do not match.

    Examples
    --------
    >>> x = np.array([1.0, 2.0])
    >>> error = check_gradients(lambda x: x**2, 2 * x, x, dLdf=1.0)
    >>> error < 1e-9
    True
    """
    return compare_gradients(fn, grad, x, dLdf, h).relative_error


def compare_gradients(
    fn: Function,
    grad: np.ndarray,
    x: np.ndarray,
    dLdf: np.ndarray | float,
    h: float = 1e-6,
) -> GradientReport:
    """Compare an analytic gradient with central differences, and report the largest difference.

    Parameters and errors are those of ``check_gradients``.

    Returns
    -------
    GradientReport
    """
    grad = np.asarray(grad)
    _check_arguments(grad, x)
    difference = _Differences(fn, x, dLdf, h)
    numeric = np.array([difference.central(index) for index in np.ndindex(x.shape)])
    numeric = numeric.reshape(x.shape)

    error = float(np.linalg.norm(grad - numeric))
    size = float(np.linalg.norm(grad)) + float(np.linalg.norm(numeric))
    gap = np.abs(grad - numeric)
    worst = tuple(int(i) for i in np.unravel_index(int(np.argmax(gap)), x.shape))
    return GradientReport(
        relative_error=error / size if size else 0.0,
        index=worst,
        analytic=float(grad[worst]),
        numeric=float(numeric[worst]),
        kink=difference.has_kink(worst, float(grad[worst])),
    )


class Layer(Protocol):
    """The part of a layer that ``check_network`` uses."""

    @property
    def parameters(self) -> MutableMapping[str, np.ndarray]:
        """The arrays to differentiate by; they are replaced, not written to."""

    @property
    def gradients(self) -> Mapping[str, np.ndarray]:
        """Gradients under the names of the parameters."""

    @property
    def buffers(self) -> MutableMapping[str, np.ndarray]:
        """Arrays that change in a training step, such as moving averages."""


class Network(Protocol):
    """The part of a network that ``check_network`` uses; see ``models.NeuralNetwork``."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of its parameters."""

    @property
    def layers(self) -> Sequence[Layer]:
        """Its layers, first to last."""

    def parameters(self) -> Iterable[tuple[str, Layer, str]]:
        """The name of each parameter in the network, its layer, and its name there."""

    def forward(self, X: np.ndarray) -> np.ndarray:
        """The output for a batch."""

    def backward(self, target: np.ndarray, out: np.ndarray) -> float:
        """The loss; the gradients go to the layers."""

    def predict(self, X: np.ndarray, Y: None) -> object:
        """The output in inference; creates the parameters."""


def check_network(
    model: Network, X: np.ndarray, Y: np.ndarray, h: float = 1e-5
) -> dict[str, GradientReport]:
    """Compare all gradients of a network with central differences of its loss.

    Parameters
    ----------
    model : NeuralNetwork
        In float64; its dropout, if any, with a fixed mask (``seed``). Parameters and buffers are
        unchanged afterward; gradients and penalty are then those of this batch.
    X : array of float, (m, ...)
    Y : array, (m, n_out)
        Labels. A few examples suffice, and a few units in each layer.
    h : float
        Step of the differences. The gradients are small compared with the loss, so rounding
        requires a larger one than in ``check_gradients``.

    Returns
    -------
    dict of GradientReport
        By the names of the parameters in the network, such as ``layer1.W``, without those of
        frozen layers. The loss is the one that ``backward`` returns, with the penalty on the
        weights.

    Raises
    ------
    ValueError
        If the network is in float32, or its loss differs from pass to pass.
    """
    if model.dtype != np.float64:
        raise ValueError(f"a gradient check needs a network in float64, got {model.dtype}")
    model.predict(X, None)  # creates missing parameters

    def loss() -> float:
        return model.backward(Y, model.forward(X))

    with _unchanged_buffers(model.layers):
        if loss() != loss():
            raise ValueError("two passes give two losses: does a dropout layer lack a seed?")
        named = [
            (key, layer, name, layer.gradients[name])
            for key, layer, name in model.parameters()
            if name in _trained(layer)
        ]
        reports = {}
        for key, layer, name, gradient in named:
            fn = _loss_along(loss, layer, name)
            reports[key] = compare_gradients(fn, gradient, layer.parameters[name], 1.0, h)
        loss()
    return reports


def _trained(layer: Layer) -> Iterable[str]:
    """The names of a layer's parameters that training changes: all, if it does not tell."""
    tell = getattr(layer, "trained", None)
    return layer.parameters if tell is None else tell()


def _loss_along(loss: Callable[[], float], layer: Layer, name: str) -> Function:
    """The loss as a function of one parameter, which keeps its value."""

    def function(value: np.ndarray) -> float:
        kept, layer.parameters[name] = layer.parameters[name], value
        try:
            return loss()
        finally:
            layer.parameters[name] = kept

    return function


@contextmanager
def _unchanged_buffers(layers: Sequence[Layer]) -> Iterator[None]:
    """A context after which the layers have the buffers that they had before."""
    buffers = [{name: array.copy() for name, array in layer.buffers.items()} for layer in layers]
    try:
        yield
    finally:
        for layer, before in zip(layers, buffers, strict=True):
            layer.buffers.update(before)


class _Differences:
    """Finite differences of L(x) = Σ dLdf · f(x) along one entry of x at a time."""

    def __init__(self, fn: Function, x: np.ndarray, dLdf: np.ndarray | float, h: float) -> None:
        self.fn, self.x, self.dLdf, self.h = fn, x, np.asarray(dLdf, np.float64), h

    def f(self, index: tuple[int, ...], step: float) -> np.ndarray:
        """f at x with one entry moved; a copy, since f may return its argument."""
        moved = self.x.astype(np.float64)
        moved[index] += step
        return np.array(self.fn(moved), dtype=np.float64)

    def slope(self, index: tuple[int, ...], left: float, right: float) -> float:
        """(L(x + right) - L(x + left)) / (right - left)."""
        change = self.f(index, right) - self.f(index, left)
        if self.dLdf.shape not in ((), change.shape):
            raise ValueError(f"dLdf has shape {self.dLdf.shape}, but fn returns {change.shape}")
        return float((self.dLdf * change).sum() / (right - left))

    def central(self, index: tuple[int, ...]) -> float:
        return self.slope(index, -self.h, self.h)

    def has_kink(self, index: tuple[int, ...], analytic: float) -> bool:
        """True if the one-sided slopes differ, however small h, and ``analytic`` lies between.

        False at a jump, where one of them is as large as h is small: f has no slope there at all.
        """
        left, right = self.slope(index, -self.h, 0.0), self.slope(index, 0.0, self.h)
        low, high = min(left, right), max(left, right)
        # On a smooth function the slopes differ by h·f'', ten times as much at ten times the step;
        # at a kink their difference does not depend on the step; at a jump by J it is J/h, a tenth
        # as much.
        wider = abs(self.slope(index, 0.0, 10 * self.h) - self.slope(index, -10 * self.h, 0.0))
        gap, slack = high - low, 1e-3 * max(abs(low), abs(high))
        rounding = 100 * np.finfo(np.float64).eps * np.abs(self.dLdf * self.f(index, 0.0)).sum()
        apart = gap > slack + rounding / self.h and gap / 5 < wider < 5 * gap
        return bool(apart and low - slack <= analytic <= high + slack)


def _check_arguments(grad: np.ndarray, x: np.ndarray) -> None:
    if not isinstance(x, np.ndarray) or not np.issubdtype(x.dtype, np.floating):
        kind = x.dtype if isinstance(x, np.ndarray) else type(x).__name__
        raise TypeError(f"x must be an array of float, got {kind}")
    if x.size == 0:
        raise ValueError("x is empty: there is no gradient to check")
    if grad.shape != x.shape:
        raise ValueError(f"grad has shape {grad.shape}, but x has {x.shape}")
