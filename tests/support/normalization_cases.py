"""Cases of normalization, dropout and residual blocks: tables of layers, and their state.

The writer of the oracle data uses them, too.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from neural_networks.layers import Layer, initialize_layer
from neural_networks.models import NeuralNetwork
from tests.support.arrays import examples

SHAPES = {"rows": (6, 4), "sequence": (3, 4, 5), "images": (2, 3, 4, 3)}
"""A batch of each kind, under its name: (m, d), (m, d, t) and (m, H, W, C)."""

AXES = {2: (0,), 3: (0, 2), 4: (0, 1, 2)}
"""For each number of axes of a batch, the axes that are not features."""

OWN = {
    "batch_norm": {"epsilon": 0.25, "momentum": 0.75},
    "layer_norm": {"epsilon": 0.25},
}
"""Every normalization, with options other than the defaults."""

Case = tuple[dict[str, Any], tuple[int, ...]]

# The arguments of a layer, and the shape of a batch for it, under the name in the oracle's file.
NORMALIZATIONS: dict[str, Case] = {
    f"{name}_{kind}_{activation}": ({"name": name, "activation": activation}, shape)
    for name in OWN
    for kind, shape in SHAPES.items()
    for activation in ("linear", "tanh", "relu", "softmax")
} | {
    f"{name}_{kind}_own": ({"name": name, **options}, shape)
    for name, options in OWN.items()
    for kind, shape in SHAPES.items()
}


def dense(n_out: int, activation: str = "tanh") -> dict[str, Any]:
    return {"name": "fully_connected", "n_out": n_out, "activation": activation}


def conv(n_out: int, activation: str = "linear") -> dict[str, Any]:
    return {"name": "conv2d", "n_out": n_out, "kernel_shape": 3, "activation": activation}


def residual(*layers: Mapping[str, Any], **options: Any) -> dict[str, Any]:
    return {"name": "residual", "layers": list(layers), **options}


BATCH_NORM = {"name": "batch_norm", "activation": "relu", "momentum": 0.75}
LAYER_NORM = {"name": "layer_norm"}
BLOCK = residual(conv(2), BATCH_NORM, conv(3), {"name": "batch_norm"}, activation="relu")

BLOCKS: dict[str, Case] = {
    "dense": (residual(dense(3), dense(4, "linear")), (5, 4)),
    "dense_softmax": (residual(dense(4), activation="softmax"), (5, 4)),
    "sequence": (residual(LAYER_NORM, dense(4), activation="tanh"), (3, 4, 5)),
    "sequence_softmax": (residual(dense(4), activation="softmax"), (3, 4, 5)),
    "conv": (BLOCK, (2, 4, 5, 3)),
    "nested": (residual(dense(4), residual(dense(2), dense(4), activation="relu")), (5, 4)),
    "nested_first": (residual(residual(BATCH_NORM, dense(4)), dense(4, "linear")), (5, 4)),
}

NETWORK = [conv(3), BLOCK, {"name": "flatten"}, dense(6), residual(LAYER_NORM, dense(6)), dense(2)]
NETWORK[-1]["activation"] = "softmax"
NETWORK_SHAPE = (6, 4, 4, 2)
OPTIMIZER = {"name": "SGD", "lr": 0.0625, "momentum": 0.75}


def with_parameters(
    args: Mapping[str, Any], X_shape: tuple[int, ...], dtype: str = "float64", seed: int = 7
) -> Layer:
    """A layer for batches of a shape, with random parameters; γ is about 1."""
    rng = np.random.default_rng(seed)
    layer = initialize_layer(**args, dtype=dtype)
    layer._init_parameters(X_shape)
    for name, value in layer.parameters.items():
        drawn = rng.standard_normal(value.shape) / np.sqrt(max(1, value[..., 0].size))
        layer.parameters[name] = (drawn / 2 + name.endswith("gamma")).astype(dtype)
    return layer


def every_layer(dtype: str = "float64") -> Iterator[tuple[Layer, np.ndarray]]:
    """Layers of all these kinds with random parameters, and a batch for each."""
    rng = np.random.default_rng(3)
    dropout = [({"name": "dropout", "p": 0.25, "seed": 5}, shape) for shape in SHAPES.values()]
    inside = [(residual(dense(4), {"name": "dropout", "seed": 5}, dense(4)), (6, 4))]
    for args, shape in [*NORMALIZATIONS.values(), *BLOCKS.values(), *dropout, *inside]:
        yield with_parameters(args, shape, dtype), rng.standard_normal(shape).astype(dtype)


def run(layer: Layer, X: np.ndarray, dLdY: np.ndarray) -> dict[str, np.ndarray]:
    """The output, every gradient and the buffers of a layer."""
    found = {"Y": layer.forward(X), "dLdX": layer.backward(dLdY)}
    found |= {f"dLd{name}": gradient for name, gradient in layer.gradients.items()}
    return found | dict(layer.buffers)


def checks_of(
    layer: Layer, X: np.ndarray, found: Mapping[str, np.ndarray]
) -> dict[str, tuple[Callable[[np.ndarray], np.ndarray], np.ndarray, np.ndarray]]:
    """For X and each parameter: the output as a function of it, its gradient, and its value."""
    checks = {"X": (layer.forward, found["dLdX"], X)}
    for name, value in layer.parameters.items():
        checks[name] = layer.forward_with_param(name, X), found[f"dLd{name}"], value
    return checks


def state(layer: Layer) -> dict[str, Any]:
    """Copies of a layer's state; ``np.testing.assert_equal`` compares two of them."""
    names = ("parameters", "gradients", "buffers", "cache", "n_in", "n_out", "input_shape")
    found = {name: copy.deepcopy(getattr(layer, name)) for name in names}
    found |= {name: dict(found[name]) for name in ("parameters", "gradients", "buffers")}
    found |= {"rng": layer.rng.bit_generator.state}
    return found | {"children": [state(child) for child in layer.children]}


def arrays_in(value: Any) -> Iterator[np.ndarray]:
    """Every array in nested dictionaries and lists."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, Mapping | list):
        for entry in value.values() if isinstance(value, Mapping) else value:
            yield from arrays_in(entry)


def with_batch(
    layer_args: list[dict[str, Any]], dtype: str = "float64", seed: int = 0
) -> tuple[NeuralNetwork, np.ndarray, np.ndarray]:
    """A network of these layers and a softmax over three classes, and a batch for it, X and Y."""
    args, sgd = [*layer_args, dense(3, "softmax")], {"name": "SGD", "lr": 0.1}
    model = NeuralNetwork("cross_entropy", args, sgd, seed=seed, dtype=dtype)
    X, Y = examples(50)
    return model, X.astype(dtype), Y.astype(dtype)


def types_in(model: NeuralNetwork) -> set[np.dtype]:
    """The types of all arrays in a network's layers."""
    held = [[x.parameters, x.gradients, x.buffers, x.cache] for x in model.layers]
    return {array.dtype for array in arrays_in(held)}
