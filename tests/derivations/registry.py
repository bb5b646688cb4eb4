"""Formulas of the pages as functions, and what each of them is compared with.

A formula is a function whose docstring is the LaTeX of the page, and whose arguments are named as
in the formula. It evaluates the formula as it stands, without the library: sums over indices as
loops, products of matrices as products.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

Inputs = dict[str, Any]
STEP = 1e-6


@dataclass(frozen=True)
class Formula:
    """A formula of a page."""

    label: str
    latex: str
    function: Callable[..., Any]


@dataclass(frozen=True)
class Check:
    """Formulas of the same value, what they must agree with, and on which inputs.

    Attributes
    ----------
    labels : sequence of str
        The formulas.
    draw : function
        Random inputs, by name, from a generator; sizes may be random, too.
    library : function
        The same value from the library; it takes inputs by their names.
    numeric : function or None
        The same value by central differences, see ``gradient`` and ``jacobian``. None only for
        formulas without a derivative.
    edges : function
        A list of inputs at which the library's choice is fixed but the differences are not valid,
        such as kinks.
    rtol : float
        Relative tolerance of the differences.
    """

    labels: Sequence[str]
    draw: Callable[[np.random.Generator], Inputs]
    library: Callable[..., Any]
    numeric: Callable[[Inputs], Any] | None = None
    edges: Callable[[], list[Inputs]] = list
    rtol: float = 1e-6


FORMULAS: dict[str, Formula] = {}
CHECKS: list[Check] = []
EXAMPLES: dict[str, Callable[[], dict[str, Any]]] = {}


def formula(label: str) -> Callable[[Callable], Callable]:
    """Register a function under the label of its formula."""

    def register(function: Callable) -> Callable:
        if label in FORMULAS:
            raise ValueError(f"{label} is registered twice")
        FORMULAS[label] = Formula(label, inspect.cleandoc(function.__doc__ or ""), function)
        return function

    return register


def example(page: str) -> Callable[[Callable], Callable]:
    """Register a function for the worked example of a page.

    The function computes the example by the library. It returns each value by the LaTeX of its
    name, such as ``{"Z": Z, r"\\frac{\\partial L}{\\partial Z}": dLdZ}``, what is given included.
    """

    def register(function: Callable) -> Callable:
        EXAMPLES[page] = function
        return function

    return register


def check(*labels: str, **what: Any) -> None:
    """Register a check of formulas; see ``Check``."""
    CHECKS.append(Check(labels, **what))


def call(function: Callable, inputs: Inputs) -> Any:
    """A function of those inputs that it names."""
    names = inspect.signature(function).parameters
    return function(**{name: inputs[name] for name in names if name in inputs})


def gradient(of: str, wrt: str, upstream: str | None = None) -> Callable[[Inputs], np.ndarray]:
    """Central differences of L = Σ upstream · f, where f is a formula.

    Parameters
    ----------
    of : str
        The label of f; without ``upstream``, f is L itself.
    wrt, upstream : str
        Names of inputs.
    """

    def differences(inputs: Inputs) -> np.ndarray:
        weights = 1.0 if upstream is None else inputs[upstream]
        slopes = np.zeros(np.shape(inputs[wrt]))
        for index in np.ndindex(slopes.shape):
            slopes[index] = (weights * _slope(of, wrt, index, inputs)).sum()
        return slopes

    return differences


def jacobian(of: str, wrt: str) -> Callable[[Inputs], np.ndarray]:
    """Central differences of each output of a formula for each input: the outputs' axes first."""

    def differences(inputs: Inputs) -> np.ndarray:
        slopes = [_slope(of, wrt, index, inputs) for index in np.ndindex(inputs[wrt].shape)]
        outputs = np.stack(slopes, axis=-1)
        return outputs.reshape(*outputs.shape[:-1], *inputs[wrt].shape)

    return differences


def _slope(of: str, wrt: str, index: tuple[int, ...], inputs: Inputs) -> np.ndarray:
    """The derivative of a formula for one number of one of its inputs."""
    values = []
    for step in (STEP, -STEP):
        moved = np.array(inputs[wrt], dtype=float)
        moved[index] += step
        values.append(np.asarray(call(FORMULAS[of].function, {**inputs, wrt: moved})))
    return (values[0] - values[1]) / (2 * STEP)


def load() -> None:
    """Import every module of this folder, so that its formulas are registered."""
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if not path.stem.startswith(("test_", "__")):
            import_module(f"tests.derivations.{path.stem}")
