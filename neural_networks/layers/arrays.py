"""Parameters and buffers of a network's layers, under names such as ``layer1.W``."""

import copy
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from pathlib import Path

import numpy as np

from neural_networks.layers.base import Layer
from neural_networks.layers.factory import set_output_size
from neural_networks.layers.sequential import create_parameters
from neural_networks.utils.files import read_arrays


def named_parameters(layers: Sequence[Layer]) -> Iterator[tuple[str, Layer, str]]:
    """Each parameter's name in the network, its layer, and its name there."""
    for i, layer in enumerate(layers, start=1):
        for name in layer.parameters:
            yield f"layer{i}.{name}", layer, name


def checked_gradients(named: Sequence[tuple[str, Layer, str]]) -> list[np.ndarray]:
    """The gradients of ``named_parameters``.

    Raises
    ------
    ValueError
        If a layer's ``backward`` has left none, or one of another shape than the parameter.
    """
    gradients = []
    for key, layer, name in named:
        gradient, shape = layer.gradients.get(name), layer.parameters[name].shape
        if gradient is None or gradient.shape != shape:
            found = "is missing" if gradient is None else f"has shape {gradient.shape}"
            raise ValueError(
                f"{type(layer).__name__}.backward: the gradient of {key} {found}, but the "
                f"parameter has shape {shape}"
            )
        gradients.append(gradient)
    return gradients


def named_arrays(
    layers: Sequence[Layer],
) -> Iterator[tuple[str, MutableMapping[str, np.ndarray], str]]:
    """Each array's name in the network, the mapping that holds it, and its key there."""
    for i, layer in enumerate(layers, start=1):
        for arrays in (layer.parameters, layer.buffers):
            for name in arrays:
                yield f"layer{i}.{name}", arrays, name


def network_arrays(
    layers: Sequence[Layer], input_shape: tuple[int, ...] | None, epoch: int
) -> dict[str, np.ndarray]:
    """Parameters and buffers by name, with input shape and epoch; empty without an input shape."""
    if input_shape is None:
        return {}
    arrays = {"input_shape": np.array(input_shape), "epoch": np.array(epoch)}
    if layers[-1].n_out is not None:
        arrays["n_out"] = np.array(layers[-1].n_out)
    return arrays | {key: held[name] for key, held, name in named_arrays(layers)}


def read_network_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read the arrays of a network from a file; ``ValueError`` if it holds something else."""
    arrays = read_arrays(path)
    if "input_shape" not in arrays or "epoch" not in arrays:
        raise ValueError(f"{path} does not hold the parameters of a network")
    return arrays


def assign_arrays(layers: Sequence[Layer], source: Mapping[str, np.ndarray]) -> None:
    """Assign copies of the arrays in ``source``, in the type of the arrays that they replace."""
    for key, arrays, name in named_arrays(layers):
        arrays[name] = source[key].astype(arrays[name].dtype)


def load_arrays(layers: list[Layer], source: Mapping[str, np.ndarray]) -> None:
    """Complete the layers, and assign copies of the arrays in ``source``.

    Raises
    ------
    ValueError
        If the arrays are not those of these layers, which are then unchanged.
    """
    fit_layers(copy.deepcopy(layers), source)  # raises before anything is changed
    fit_layers(layers, source)
    assign_arrays(layers, source)


def fit_layers(layers: list[Layer], source: Mapping[str, np.ndarray]) -> None:
    """Complete the layers with the sizes of the arrays in ``source``.

    Raises
    ------
    ValueError
        If the arrays are not those of these layers.
    """
    if "n_out" in source:
        set_output_size(layers, int(source["n_out"]))
    create_parameters(layers, tuple(source["input_shape"]))
    expected = {key: arrays[name].shape for key, arrays, name in named_arrays(layers)}
    found = {key: value.shape for key, value in source.items() if key.startswith("layer")}
    for key in expected | found:
        if expected.get(key) != found.get(key):
            raise ValueError(
                f"it has {found.get(key, 'nothing')} for {key}, this network "
                f"{expected.get(key, 'nothing')}"
            )


def check_batches(layers: Sequence[Layer], n: int, batch_size: int) -> None:
    """Raise ``ValueError`` if n examples in batches leave one too small for a layer."""
    smallest = n % batch_size or batch_size
    for number, layer in enumerate(layers, start=1):
        if smallest < layer.min_batch_size:
            raise ValueError(
                f"layer {number} cannot train on a batch of {smallest}, and {n} examples in "
                f"batches of {batch_size} end with one: choose another batch_size"
            )
