"""Weight initializers: the values that a layer's weights start from.

``initialize_weights(name)`` returns a function from a shape to an array of weights. A weight
matrix is (n_in, n_out) and a convolution's kernels are (k1, k2, n_in, n_out): the last two axes
always count the units that a weight connects, and a kernel connects each pair k1·k2 times.
"""

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from neural_networks.activations import ACTIVATIONS
from neural_networks.utils.factories import check_keys, lookup
from neural_networks.utils.validation import floating_type, number_in

Shape = tuple[int, ...]


def fans(shape: Shape) -> tuple[int, int]:
    """How many weights lead into, and out of, one unit: (fan_in, fan_out).

    Parameters
    ----------
    shape : tuple of int
        (n_in, n_out) of a matrix or (k1, k2, n_in, n_out) of kernels.

    Returns
    -------
    tuple of int
        (n_in, n_out), each times k1·k2 for kernels.

    Raises
    ------
    ValueError
        If the shape has fewer than two axes, or one that is not positive.
    """
    if len(shape) < 2 or min(shape) < 1:
        raise ValueError(f"weights need a shape of two or more positive sizes, got {shape}")
    receptive_field = math.prod(shape[:-2])
    return receptive_field * shape[-2], receptive_field * shape[-1]


def gain(activation: str | None) -> float:
    """What the activation takes from the spread of its input: √2 for relu, 5/3 for tanh, else 1.

    Source: He et al. 2015 for relu; 5/3 for tanh is the customary value of Torch.
    """
    return {"relu": math.sqrt(2), "tanh": 5 / 3}.get(activation or "", 1.0)


class Initializer:
    """What all initializers share: how they are made and how they draw.

    Parameters
    ----------
    activation : str, optional
        Name of the activation that follows the weights; sets the gain.
    mode : str
        ``"fan_in"`` or ``"fan_out"``: which fan the He initializers divide by.
    rng : numpy.random.Generator
        Where random numbers come from.
    """

    def __init__(self, activation: str | None, mode: str, rng: np.random.Generator) -> None:
        self.gain = gain(activation)
        self.mode = mode
        self.rng = rng

    def uniform(self, shape: Shape, bound: float) -> np.ndarray:
        """Weights from the uniform distribution on [-bound, bound)."""
        return self.rng.uniform(-bound, bound, size=shape)

    def normal(self, shape: Shape, std: float) -> np.ndarray:
        """Weights from the normal distribution N(0, std²)."""
        return self.rng.normal(0.0, std, size=shape)

    def xavier_std(self, shape: Shape) -> float:
        """gain · √(2 / (fan_in + fan_out)).

        Keeps the spread of activations (fan_in) and of gradients (fan_out) about the same from
        layer to layer. Source: Glorot and Bengio, "Understanding the difficulty of training
        deep feedforward neural networks", AISTATS 2010.
        """
        fan_in, fan_out = fans(shape)
        return self.gain * math.sqrt(2 / (fan_in + fan_out))

    def he_std(self, shape: Shape) -> float:
        """gain / √fan, where fan is fan_in or fan_out.

        Source: He et al., "Delving Deep into Rectifiers", ICCV 2015.
        """
        fan_in, fan_out = fans(shape)
        return self.gain / math.sqrt(fan_in if self.mode == "fan_in" else fan_out)


def zeros(draw: Initializer, shape: Shape) -> np.ndarray:
    """All 0. (For biases: hidden units with equal weights would stay equal for ever.)"""
    return np.zeros(shape)


def ones(draw: Initializer, shape: Shape) -> np.ndarray:
    """All 1."""
    return np.ones(shape)


def identity(draw: Initializer, shape: Shape) -> np.ndarray:
    """Weights that hand each input on unchanged, as far as there are as many outputs.

    A matrix is 1 on its diagonal; a kernel has that matrix in its middle, at row (k1-1)//2 and
    column (k2-1)//2. Everything else is 0.
    """
    fans(shape)
    W = np.zeros(shape)
    middle = tuple((k - 1) // 2 for k in shape[:-2])
    W[middle] = np.eye(shape[-2], shape[-1])
    return W


def uniform(draw: Initializer, shape: Shape, bound: float = 1.0) -> np.ndarray:
    """Uniform on [-bound, bound); ±1 by default."""
    return draw.uniform(shape, number_in("bound", bound, 0, open_low=True))


def normal(draw: Initializer, shape: Shape, std: float = 1.0) -> np.ndarray:
    """Normal N(0, std²); N(0, 1) by default."""
    return draw.normal(shape, number_in("std", std, 0, open_low=True))


def constant(draw: Initializer, shape: Shape, value: float = 0.5) -> np.ndarray:
    """All equal to ``value``, 0.5 by default."""
    return np.full(shape, number_in("value", value, -math.inf, open_low=True))


def sparse(draw: Initializer, shape: Shape, sparsity: float = 0.1, std: float = 0.01) -> np.ndarray:
    """Normal N(0, std²), where each unit has a share of its incoming weights set to 0.

    The share is ``sparsity``, rounded up to whole weights. Source: Martens, "Deep learning via
    Hessian-free optimization", ICML 2010.
    """
    fan_in, _ = fans(shape)
    number_in("sparsity", sparsity, 0, 1)
    W = draw.normal(shape, number_in("std", std, 0, open_low=True)).reshape(fan_in, shape[-1])
    n_zeros = math.ceil(round(sparsity * fan_in, 9))  # 0.55 · 100 is a little more than 55
    for column in W.T:
        column[draw.rng.permutation(fan_in)[:n_zeros]] = 0
    return W.reshape(shape)


def he_uniform(draw: Initializer, shape: Shape) -> np.ndarray:
    """Uniform with He's standard deviation, gain / √fan."""
    # A uniform distribution on [-b, b) has standard deviation b / √3.
    return draw.uniform(shape, math.sqrt(3) * draw.he_std(shape))


def he_normal(draw: Initializer, shape: Shape) -> np.ndarray:
    """Normal with He's standard deviation, gain / √fan."""
    return draw.normal(shape, draw.he_std(shape))


def xavier_uniform(draw: Initializer, shape: Shape) -> np.ndarray:
    """Uniform with Xavier's standard deviation, gain · √(2 / (fan_in + fan_out))."""
    return draw.uniform(shape, math.sqrt(3) * draw.xavier_std(shape))


def xavier_normal(draw: Initializer, shape: Shape) -> np.ndarray:
    """Normal with Xavier's standard deviation, gain · √(2 / (fan_in + fan_out))."""
    return draw.normal(shape, draw.xavier_std(shape))


@dataclass(frozen=True)
class Weights:
    """An initializer with all that it needs: a function from a shape to an array of weights."""

    rule: Callable[..., np.ndarray]
    draw: Initializer
    dtype: np.dtype[Any]
    parameters: dict[str, float]

    def __call__(self, shape: Shape) -> np.ndarray:
        """Weights of a shape, (n_in, n_out) or (k1, k2, n_in, n_out)."""
        weights = self.rule(self.draw, tuple(shape), **self.parameters)
        return weights.astype(self.dtype, copy=False)


WEIGHTS: dict[str, Callable[..., np.ndarray]] = {
    "zeros": zeros,
    "ones": ones,
    "identity": identity,
    "uniform": uniform,
    "normal": normal,
    "constant": constant,
    "sparse": sparse,
    "he_uniform": he_uniform,
    "he_normal": he_normal,
    "xavier_uniform": xavier_uniform,
    "xavier_normal": xavier_normal,
}


def initialize_weights(
    name: str | Mapping[str, Any],
    activation: str | None = None,
    mode: str = "fan_in",
    *,
    rng: np.random.Generator | int | None = None,
    dtype: Any = "float64",
    **parameters: float,
) -> Callable[[Shape], np.ndarray]:
    """A function that makes the initial weights of a given shape.

    Parameters
    ----------
    name : str or mapping
        One of ``WEIGHTS``; or a mapping with ``name`` and parameters of its own, as layers pass
        on: ``{"name": "normal", "std": 0.01}``.
    activation : str, optional
        Name of the activation that follows; sets the gain of the He and Xavier initializers.
    mode : str
        ``"fan_in"`` or ``"fan_out"``: which fan the He initializers divide by.
    rng : numpy.random.Generator or int, optional
        Where random numbers come from, or a seed for them.
    dtype : str or type
        ``"float32"`` or ``"float64"``.
    **parameters : float
        The initializer's own: ``std`` of ``normal``, ``bound`` of ``uniform``, ``value`` of
        ``constant``, ``sparsity`` and ``std`` of ``sparse``.

    Returns
    -------
    function
        From a shape, (n_in, n_out) or (k1, k2, n_in, n_out), to an array of that shape and type.

    Raises
    ------
    ValueError
        If a name is unknown or a number is out of range.

    Examples
    --------
    >>> initialize_weights("constant", value=2)((1, 3))
    array([[2., 2., 2.]])
    """
    options: dict[str, Any] = dict(name) if isinstance(name, Mapping) else {"name": name}
    if "name" not in options:
        raise ValueError(f"weight_init needs a name beside its options, got {options}")
    rule_name, mode = options.pop("name"), options.pop("mode", mode)
    parameters |= options
    rule = lookup("weight initializer", rule_name, WEIGHTS)
    if activation is not None:
        lookup("activation", activation, ACTIVATIONS)
    lookup("mode", mode, {"fan_in": 0, "fan_out": 1})
    own = [key for key in inspect.signature(rule).parameters if key not in ("draw", "shape")]
    check_keys(f"weight initializer {rule_name!r}", parameters, own)
    draw = Initializer(activation, mode, np.random.default_rng(rng))
    return Weights(rule, draw, floating_type(dtype), parameters)
