"""A network's parameters in a file, and back."""

from __future__ import annotations

import copy
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from neural_networks.utils.files import save_arrays

if TYPE_CHECKING:
    from neural_networks.models import NeuralNetwork


@dataclass(frozen=True)
class Checkpoint:
    """An epoch's parameters, and why they are worth keeping.

    Attributes
    ----------
    epoch : int
        How many epochs the network had been trained for.
    monitor : str
        The column of the history by which epochs are compared.
    value : float
        Its value in that epoch.
    state : dict of array
        ``NeuralNetwork.state`` as it was then.
    """

    epoch: int
    monitor: str
    value: float
    state: dict[str, np.ndarray]


def arrays_of(model: NeuralNetwork) -> Iterator[tuple[str, dict[str, np.ndarray], str]]:
    """What a network is made of: names such as ``layer1.W``, and where to find each array."""
    for i, layer in enumerate(model.layers, start=1):
        for arrays in (layer.parameters, layer.buffers):
            for name in arrays:
                yield f"layer{i}.{name}", arrays, name


def state_of(model: NeuralNetwork) -> dict[str, np.ndarray]:
    """See ``NeuralNetwork.state``."""
    if model.input_shape is None:
        return {}
    state = {"input_shape": np.array(model.input_shape), "epoch": np.array(model.epoch)}
    if model.layers[-1].n_out is not None:
        state["n_out"] = np.array(model.layers[-1].n_out)
    return state | {key: arrays[name] for key, arrays, name in arrays_of(model)}


def save(model: NeuralNetwork, path: Path) -> None:
    """See ``NeuralNetwork.save``."""
    state = state_of(model)
    if not state:
        raise ValueError("there is nothing to save: parameters exist from the first forward on")
    save_arrays(path, state)


def load(model: NeuralNetwork, path: Path) -> None:
    """See ``NeuralNetwork.load``."""
    state = read_arrays(path)
    if "input_shape" not in state or "epoch" not in state:
        raise ValueError(f"{path} holds no parameters of a network")
    # A copy of the network tries it first, so that this one stays as it is if they do not fit.
    trial = copy.copy(model)
    trial.layers, trial.rngs = copy.deepcopy((model.layers, model.rngs))
    try:
        _complete(trial, state)
    except ValueError as error:
        raise ValueError(f"{path} belongs to another network: {error}") from None
    expected = {key: arrays[name].shape for key, arrays, name in arrays_of(trial)}
    found = {key: value.shape for key, value in state.items() if key.startswith("layer")}
    for key in expected | found:
        if expected.get(key) != found.get(key):
            raise ValueError(
                f"{path} belongs to another network: it has {found.get(key, 'nothing')} for "
                f"{key}, this network {expected.get(key, 'nothing')}"
            )
    _complete(model, state)
    restore(model, state)
    model.epoch = int(state["epoch"])
    model.best = None  # it was the best of another training


def restore(model: NeuralNetwork, state: dict[str, np.ndarray]) -> None:
    """Take parameters and statistics from a state of this network."""
    for key, arrays, name in arrays_of(model):
        arrays[name] = state[key].astype(model.dtype)  # a copy: the state stays what it is


def _complete(model: NeuralNetwork, state: dict[str, np.ndarray]) -> None:
    """Make the layers and the parameters that do not exist yet, for the state's sizes."""
    model.build_layers(int(state["n_out"]) if "n_out" in state else None)
    model.create_parameters(tuple(state["input_shape"]))


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """All arrays in an ``.npz`` file; ``ValueError`` if it is none."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return dict(arrays)
    except (EOFError, TypeError, ValueError, zipfile.BadZipFile):
        raise ValueError(f"{path} is no .npz file of arrays") from None
