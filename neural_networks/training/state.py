"""The state of a network in training: taken between two steps, and loaded to continue there.

It is a dictionary of numbers, text, arrays, lists and dictionaries of these, all copies.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np

from neural_networks import __version__
from neural_networks.layers import Layer
from neural_networks.layers.arrays import assign_arrays, fit_layers
from neural_networks.layers.base import load_states
from neural_networks.optimizers import Optimizer
from neural_networks.training.early_stopping import BestEpoch
from neural_networks.training.history import History
from neural_networks.training.protocols import Trainable
from neural_networks.utils.randomness import copied
from neural_networks.utils.state import entry, entry_arrays, kind_of
from neural_networks.utils.validation import error_prefix


def network_state(model: Trainable) -> dict[str, Any]:
    """The state of a network.

    Returns
    -------
    dict
        ``version`` and ``network``, which must be equal where it is loaded; ``arrays``, the
        parameters and buffers; ``layers``, ``optimizer`` and ``history``, the states of these;
        ``best``, the best epoch, empty if there is none; ``epoch``, ``penalty`` and ``restored``.
    """
    return {
        "version": __version__,
        "network": network_kind(model),
        "arrays": copied(model.arrays()),
        "layers": [layer.state() for layer in model.layers],
        "optimizer": model.optimizer.state(),
        "history": model.records.state(),
        "best": {} if model.best is None else copied(vars(model.best)),
        "epoch": model.epoch,
        "penalty": float(model.penalty),
        "restored": model.restored,
    }


def network_kind(model: Trainable) -> dict[str, Any]:
    """All options of a network that are not those of its layers or its optimizer."""
    parts = {"loss": model.loss, "regularization": model.regularization}
    options = {
        f"{what}.{key}": value
        for what, part in parts.items()
        for key, value in kind_of(part)["options"].items()
    }
    named = {"dtype": str(model.dtype), "canonical": model.canonical}
    return {**named, **options, "class of the loss": type(model.loss).__name__}


def load_network_state(model: Trainable, state: Mapping[str, Any]) -> None:
    """Have a network continue from a state.

    Raises
    ------
    ValueError
        If it is the state of another network, optimizer or version, or not a state; the network
        is then unchanged.
    """
    check_equal("version", __version__, entry(state, "version", str))
    here, there = network_kind(model), entry(state, "network", dict)
    for key in here | there:
        check_equal(key, here.get(key), there.get(key))
    arrays, best, history = read_arrays(state), read_best(state), History()
    penalty, restored = entry(state, "penalty", float), entry(state, "restored", bool)
    with error_prefix("history"):
        history.load_state(entry(state, "history", dict))
    history.epoch = entry(state, "epoch", int)
    # First into copies, so that nothing has changed if any part does not fit.
    load_parts(*copy.deepcopy((model.layers, model.optimizer)), state, arrays)
    load_parts(model.layers, model.optimizer, state, arrays)
    model.records, model.best = history, best
    if arrays:
        model.input_shape = tuple(int(n) for n in arrays["input_shape"])
    model.penalty, model.restored = penalty, restored


def check_equal(what: str, here: object, there: object) -> None:
    """Raise ``ValueError`` if an option of a network differs from that of a state."""
    if here != there:
        raise ValueError(
            f"the state is of another network: its {what} is {there!r}, here it is {here!r}"
        )


def read_arrays(state: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The arrays of a state; empty if its network had no parameters yet."""
    arrays = entry_arrays(state, "arrays")
    if arrays and not {"input_shape", "epoch"} <= set(arrays):
        raise ValueError("the arrays of the state are not those of a network")
    return arrays


def read_best(state: Mapping[str, Any]) -> BestEpoch | None:
    """The best epoch of a state."""
    if not (best := entry(state, "best", dict)):
        return None
    epoch, monitor = entry(best, "epoch", int), entry(best, "monitor", str)
    return BestEpoch(epoch, monitor, entry(best, "value", float), entry_arrays(best, "arrays"))


def load_parts(
    layers: list[Layer],
    optimizer: Optimizer,
    state: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray],
) -> None:
    """Have layers and optimizer continue from a state; its arrays are given apart."""
    if not arrays and any(layer.parameters for layer in layers):
        raise ValueError("the state is of a network without parameters, and this one has them")
    with error_prefix("the state is of another network"):
        load_states(layers, entry(state, "layers", list))
        if arrays:
            fit_layers(layers, arrays)
            assign_arrays(layers, arrays)
            # Again: to create parameters, the layers have drawn initial weights.
            load_states(layers, entry(state, "layers", list))
    with error_prefix("optimizer"):
        optimizer.load_state(entry(state, "optimizer", dict))
        optimizer.check_slots({key: array.shape for key, array in arrays.items()})
