"""Weight initializers.

``initialize_weights(name)`` returns a function from a shape to an array of weights. A weight
matrix is (n_in, n_out) and a convolution's kernels are (k1, k2, n_in, n_out): the last two axes
are the numbers of units that the weights connect, and a kernel connects each pair k1·k2 times.

An initializer is a function of the shape and, if it needs them, of the keyword arguments ``rng``,
a random generator, ``gain`` and ``mode``; see ``gain`` and ``he_std``.
"""

import math
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from neural_networks.activations import ACTIVATIONS
from neural_networks.utils.factories import check_keys, lookup, option_names
from neural_networks.utils.randomness import generator_of
from neural_networks.utils.validation import floating_type, number_in

Shape = tuple[int, ...]


def fans(shape: Shape) -> tuple[int, int]:
    """The number of weights into and out of a unit: (fan_in, fan_out).

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


GAINS = {
    "linear": 1.0,
    "sigmoid": 1.0,
    "tanh": 5 / 3,
    "arctan": 1.0,
    "relu": math.sqrt(2),
    "leaky_relu": math.sqrt(2 / (1 + 0.01**2)),
    "elu": 1.2451983007007066,
    "gelu": 1.533580521666147,
    "softplus": 1.0418668355353018,
    "softmax": 1.0,
}
"""Gains by the name of the activation; one of your own may be added.

He et al. (2015, section 2.2) choose the gain that keeps the mean square of the outputs the same
from layer to layer. For weighted inputs z ~ N(0, 1) it is 1 / √E[σ(z)²]:

- √2 for relu, and √(2 / (1 + a²)) for leaky_relu with slope a = 0.01: their equations 10 and 15,
  for inputs of any size; the values of ``torch.nn.init.calculate_gain``, too.
- 1.245 for elu, 1.534 for gelu, 1.042 for softplus: the same expectation, integrated. With gelu,
  inputs of another mean square than 1 fade, or grow, slowly. With softplus, all inputs become
  alike, as nearly all of the mean square is that of the mean: no gain lets 20 layers learn.

5/3 for tanh and 1 for linear and sigmoid are the values of ``calculate_gain``; 1 for arctan and
softmax, those of the course. By the expectation above, tanh would have 1.593.
"""


def gain(activation: str | None) -> float:
    """Gain that compensates for the variance lost in the activation, from ``GAINS``.

    √2 for relu, 5/3 for tanh; 1 without an activation, and for one that is not in the table.
    """
    return GAINS.get(activation or "", 1.0)


def xavier_std(shape: Shape, gain: float) -> float:
    """gain · √(2 / (fan_in + fan_out)).

    Keeps the variance of activations (fan_in) and of gradients (fan_out) about the same from
    layer to layer. Source: Glorot and Bengio, "Understanding the difficulty of training deep
    feedforward neural networks", AISTATS 2010.
    """
    fan_in, fan_out = fans(shape)
    return gain * math.sqrt(2 / (fan_in + fan_out))


def he_std(shape: Shape, gain: float, mode: str) -> float:
    """gain / √fan, where fan is fan_in or fan_out, as ``mode`` says.

    Source: He et al., "Delving Deep into Rectifiers", ICCV 2015.
    """
    fan_in, fan_out = fans(shape)
    return gain / math.sqrt(fan_in if mode == "fan_in" else fan_out)


def zeros(shape: Shape) -> np.ndarray:
    """All 0. (For biases: hidden units with equal weights would always stay equal.)"""
    return np.zeros(shape)


def ones(shape: Shape) -> np.ndarray:
    """All 1."""
    return np.ones(shape)


def identity(shape: Shape) -> np.ndarray:
    """The identity: each input is passed on unchanged, if there is an output for it.

    A matrix is 1 on its diagonal; a kernel has that matrix in its middle, at row (k1-1)//2 and
    column (k2-1)//2. Everything else is 0.
    """
    fans(shape)
    W = np.zeros(shape)
    middle = tuple((k - 1) // 2 for k in shape[:-2])
    W[middle] = np.eye(shape[-2], shape[-1])
    return W


def constant(shape: Shape, value: float = 0.5) -> np.ndarray:
    """All equal to ``value``."""
    return np.full(shape, number_in("value", value, -math.inf, open_low=True))


def uniform(shape: Shape, rng: np.random.Generator, bound: float = 1.0) -> np.ndarray:
    """Uniform on [-bound, bound)."""
    bound = number_in("bound", bound, 0, open_low=True)
    return rng.uniform(-bound, bound, size=shape)


def normal(shape: Shape, rng: np.random.Generator, std: float = 1.0) -> np.ndarray:
    """Normal N(0, std²)."""
    return rng.normal(0.0, number_in("std", std, 0, open_low=True), size=shape)


def sparse(
    shape: Shape, rng: np.random.Generator, sparsity: float = 0.1, std: float = 0.01
) -> np.ndarray:
    """Normal N(0, std²), with a fraction of each unit's incoming weights set to 0.

    The fraction is ``sparsity``, rounded up to whole weights. Source: Martens, "Deep learning via
    Hessian-free optimization", ICML 2010.
    """
    fan_in, _ = fans(shape)
    number_in("sparsity", sparsity, 0, 1)
    W = normal(shape, rng, std).reshape(fan_in, shape[-1])
    n_zeros = math.ceil(round(sparsity * fan_in, 9))  # 0.55 · 100 is a little more than 55
    for column in W.T:
        column[rng.permutation(fan_in)[:n_zeros]] = 0
    return W.reshape(shape)


def he_uniform(shape: Shape, rng: np.random.Generator, gain: float, mode: str) -> np.ndarray:
    """Uniform with He's standard deviation, gain / √fan."""
    # A uniform distribution on [-b, b) has standard deviation b / √3.
    bound = math.sqrt(3) * he_std(shape, gain, mode)
    return rng.uniform(-bound, bound, size=shape)


def he_normal(shape: Shape, rng: np.random.Generator, gain: float, mode: str) -> np.ndarray:
    """Normal with He's standard deviation, gain / √fan."""
    return rng.normal(0.0, he_std(shape, gain, mode), size=shape)


def xavier_uniform(shape: Shape, rng: np.random.Generator, gain: float) -> np.ndarray:
    """Uniform with Xavier's standard deviation, gain · √(2 / (fan_in + fan_out))."""
    bound = math.sqrt(3) * xavier_std(shape, gain)
    return rng.uniform(-bound, bound, size=shape)


def xavier_normal(shape: Shape, rng: np.random.Generator, gain: float) -> np.ndarray:
    """Normal with Xavier's standard deviation, gain · √(2 / (fan_in + fan_out))."""
    return rng.normal(0.0, xavier_std(shape, gain), size=shape)


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
    dtype: DTypeLike = "float64",
    **parameters: float,
) -> Callable[[Shape], np.ndarray]:
    """Create a function that draws initial weights of a given shape.

    Parameters
    ----------
    name : str or mapping
        One of ``WEIGHTS``; or a mapping with ``name`` and the initializer's parameters, as layers
        pass it on: ``{"name": "normal", "std": 0.01}``.
    activation : str, optional
        Name of the activation that follows; sets the gain of the He and Xavier initializers.
    mode : str
        ``"fan_in"`` or ``"fan_out"``: the fan that the He initializers divide by.
    rng : numpy.random.Generator or int, optional
        Random generator, or a seed for one.
    dtype : str or type
        ``"float32"`` or ``"float64"``.
    **parameters : float
        The initializer's parameters: ``std`` of ``normal``, ``bound`` of ``uniform``, ``value``
        of ``constant``, ``sparsity`` and ``std`` of ``sparse``.

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
        raise ValueError(f"weight_init needs a name besides its options, got {options}")
    rule_name, mode = options.pop("name"), options.pop("mode", mode)
    parameters |= options
    initializer = lookup("weight initializer", rule_name, WEIGHTS)
    if activation is not None:
        lookup("activation", activation, ACTIVATIONS)
    lookup("mode", mode, {"fan_in": 0, "fan_out": 1})
    shared = {"rng": generator_of(rng), "gain": gain(activation), "mode": mode}
    taken = option_names(initializer)
    own = [key for key in taken if key not in ("shape", *shared)]
    check_keys(f"weight initializer {rule_name!r}", parameters, own)
    needed = {key: value for key, value in shared.items() if key in taken}
    return partial(_draw, partial(initializer, **needed, **parameters), floating_type(dtype))


def _draw(
    initializer: Callable[[Shape], np.ndarray], dtype: np.dtype[Any], shape: Shape
) -> np.ndarray:
    """Draw weights with an initializer, and convert them to a type."""
    # NumPy has an error of its own for a size that no machine can have, about its code.
    if math.prod(shape) > sys.maxsize // 8:
        raise MemoryError(f"weights of shape {tuple(shape)} are larger than any memory")
    return initializer(tuple(shape)).astype(dtype, copy=False)
