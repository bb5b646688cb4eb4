"""Operations of a layer: the multiplications and additions in the products of its formulas."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from neural_networks.layers.base import Layer
from neural_networks.layers.conv2d import Conv2D
from neural_networks.layers.dropout import Dropout
from neural_networks.layers.elman import Elman
from neural_networks.layers.flatten import Flatten
from neural_networks.layers.fully_connected import FullyConnected
from neural_networks.layers.normalization import BatchNorm, LayerNorm
from neural_networks.layers.pool2d import Pool2D
from neural_networks.layers.residual import Residual

Shape = tuple[int, ...]


def of_dense(layer: Layer, X_shape: Shape) -> tuple[int, int]:
    """Forward X W; backward Xᵀ dL/dZ and dL/dZ Wᵀ."""
    rows = X_shape[0] * math.prod(X_shape[2:])  # m, or m·t of a sequence
    product = rows * layer.parameters["W"].size
    return product, product * (1 + layer.input_gradient)


def of_convolution(layer: Any, X_shape: Shape) -> tuple[int, int]:
    """The same products, where each window of an image is a row."""
    windows = math.prod(layer.output_shape(X_shape)[:3])
    product = windows * layer.parameters["W"].size
    return product, product * (1 + layer.input_gradient)


def of_elman(layer: Layer, X_shape: Shape) -> tuple[int, int]:
    """Forward x_t W and s_{t-1} U; backward the same two as of a dense layer for each of them."""
    m, _, t = X_shape
    inputs, states = (m * t * layer.parameters[name].size for name in ("W", "U"))
    # dL/ds_{t-1} is needed at every step, dL/dx_t only if a layer below learns from it.
    return inputs + states, inputs * (1 + layer.input_gradient) + 2 * states


def of_no_product(layer: Layer, X_shape: Shape) -> tuple[int, int]:
    """None: the layer compares, adds or multiplies number by number, or moves them."""
    return 0, 0


FORMULAS: Mapping[type[Layer], Callable[[Any, Shape], tuple[int, int]]] = {
    FullyConnected: of_dense,
    Conv2D: of_convolution,
    Elman: of_elman,
    **dict.fromkeys((BatchNorm, Dropout, Flatten, LayerNorm, Pool2D, Residual), of_no_product),
}
"""For a class of layers: the multiplications of its forward and its backward pass."""


def operations(layer: Layer, X_shape: Shape) -> tuple[int, int] | None:
    """The operations of a layer for a batch: two for each multiplication and its addition.

    Only products of matrices, and convolutions, are counted: biases, activations and
    normalizations take few operations, and much of their time is that of the memory.

    Parameters
    ----------
    layer : Layer
        With parameters. The layers inside it are not counted.
    X_shape : tuple of int
        Shape of the batch.

    Returns
    -------
    forward, backward : int
        Those of the formulas, whichever algorithm computes them. None if the class is not one of
        this library, or overrides a pass, also by assignment: its formulas are not known.
    """
    for kind, formula in FORMULAS.items():
        if isinstance(layer, kind) and computes(layer, kind):
            forward, backward = formula(layer, X_shape)
            return 2 * forward, 2 * backward
    return None


def computes(layer: Layer, kind: type[Layer]) -> bool:
    """True if both passes of a layer are those of a class, as of its definition."""
    return all(
        name not in vars(layer) and getattr(type(layer), name) is method
        for name, method in kind.as_written.items()
    )
