"""Parameters and buffers of a network's layers, under names such as ``layer1.W``."""

import copy
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from pathlib import Path

import numpy as np

from neural_networks.layers.base import Layer
from neural_networks.layers.factory import set_output_size
from neural_networks.layers.sequential import create_parameters, inference
from neural_networks.utils.files import read_arrays


def named_parameters(layers: Sequence[Layer]) -> Iterator[tuple[str, Layer, str]]:
    """Each parameter's name in the network, its layer, and its name there."""
    for i, layer in enumerate(layers, start=1):
        for name in layer.parameters:
            yield f"layer{i}.{name}", layer, name


def trained_parameters(layers: Sequence[Layer]) -> Iterator[tuple[str, Layer, str]]:
    """``named_parameters`` without those of frozen layers."""
    for i, layer in enumerate(layers, start=1):
        is_whole = type(layer).trained is Layer.trained and not layer.frozen  # asked in every step
        for name in layer.parameters if is_whole else layer.trained():
            yield f"layer{i}.{name}", layer, name


def check_trainable(layers: Sequence[Layer]) -> None:
    """Raise ``ValueError`` if there are parameters, and all of them are frozen."""
    if any(named_parameters(layers)) and not any(trained_parameters(layers)):
        raise ValueError("all layers with parameters are frozen: there is nothing to train")


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
    for key, value in arrays.items():
        if key.startswith("layer"):
            what, valid = "numbers", value.dtype.kind in "fiu"
        else:
            n_axes, least = (1, 1) if key == "input_shape" else (0, 0)
            what = f"whole numbers from {least} on, with {n_axes} axes"
            valid = value.dtype.kind in "iu" and value.ndim == n_axes
            valid = valid and bool((value >= least).all())
        if not valid:
            raise ValueError(
                f"{path} does not hold the parameters of a network: {key} must hold {what}"
            )
    return arrays


def assign_arrays(layers: Sequence[Layer], source: Mapping[str, np.ndarray]) -> None:
    """Assign copies of the arrays in ``source``, in the type of the arrays that they replace."""
    named = list(named_arrays(layers))
    values = [source[key].astype(arrays[name].dtype) for key, arrays, name in named]
    for (_, arrays, name), value in zip(named, values, strict=True):
        arrays[name] = value


def trial_copies(layers: Sequence[Layer]) -> list[Layer]:
    """Copies of layers, to find out what they take: no parameter is created in the originals."""
    complete = all(layer.input_shape is not None for layer in layers)
    return inference(layers) if complete else copy.deepcopy(list(layers))


def load_arrays(layers: list[Layer], source: Mapping[str, np.ndarray]) -> None:
    """Complete the layers, and assign copies of the arrays in ``source``.

    Raises
    ------
    ValueError
        If the arrays are not those of these layers, which are then unchanged.
    """
    try:
        trial = trial_copies(layers)
        fit_layers(trial, source)
        assign_arrays(trial, source)
    except (ArithmeticError, MemoryError, TypeError) as error:  # a shape that nothing can have
        raise ValueError(str(error) or type(error).__name__) from None
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
        set_output_size(layers, n_out := int(source["n_out"]))
        if layers[-1].n_out not in (None, n_out):
            raise ValueError(f"it has {n_out} outputs, this network {layers[-1].n_out}")
    create_parameters(layers, source["input_shape"].tolist())
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
