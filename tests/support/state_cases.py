"""Trainings that are continued from a state: one for each kind of object that remembers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import numpy as np

from neural_networks.datasets import Augmentation, Dataset, Preprocessing
from neural_networks.layers import LAYERS, FullyConnected
from neural_networks.models import NeuralNetwork, initialize_model

EPOCHS = 2

OPTIMIZERS: dict[str, dict[str, Any]] = {
    "SGD": {"name": "SGD", "lr": 0.1, "clip_norm": 0.5},
    "momentum": {"name": "SGD", "lr": 0.05, "momentum": 0.9},
    "Nesterov": {"name": "SGD", "lr": 0.05, "momentum": 0.9, "nesterov": True},
    "AdaGrad": {"name": "AdaGrad", "lr": 0.1, "clip_global_norm": 0.5},
    "RMSProp": {"name": "RMSProp", "lr": 0.01},
    "AdaDelta": {"name": "AdaDelta", "lr": 1.0, "weight_decay": 0.01},
    "Adam": {"name": "Adam", "lr": 0.01},
    "AdamW": {"name": "AdamW", "lr": 0.01},
}
SCHEDULES: dict[str, dict[str, Any]] = {
    "constant": {},
    "exponential": {"decay": 0.5, "stage_length": 0.4, "staircase": True},
    "step": {"milestones": [0.4, 1.2]},
    "cosine": {"epochs": 2},
    "one_cycle": {"epochs": 2},
    "warm_up": {"warm_up_epochs": 0.5, "after": "reduce_on_plateau", "patience": 0},
    # Every epoch is without improvement.
    "reduce_on_plateau": {"patience": 0, "threshold": 0.999},
}

Pair = tuple[NeuralNetwork, Dataset]


class Counting(FullyConnected):
    """A layer whose output depends on the number of its training batches."""

    changing = ("batches",)

    def __init__(self, n_out: int, *, dtype: Any = "float64", rng: Any = None) -> None:
        super().__init__(n_out, "tanh", dtype=dtype, rng=rng)
        self.batches = 0

    def forward(self, X: np.ndarray) -> np.ndarray:
        """The output, divided by the number of batches so far."""
        self.batches += self.training
        return super().forward(X) / (1 + self.batches)

    def backward(self, dLdY: np.ndarray) -> np.ndarray:
        """The gradients of ``forward``."""
        return super().backward(dLdY / (1 + self.batches))


def rows(
    seed: int = 2, dtype: str = "float64", classes: int = 3, validates: bool = True
) -> Dataset:
    """22 examples of 4 features in batches of 5, and 6 for validation."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(28, 4)).astype(dtype)
    Y = np.eye(classes)[rng.integers(classes, size=28)].astype(dtype)
    held_out = (X[22:], Y[22:]) if validates else (None, None)
    return Dataset(X[:22], Y[:22], 5, *held_out, seed=seed)


def images(seed: int = 2) -> Dataset:
    """Images of bytes, flipped and shifted at random."""
    rng = np.random.default_rng(1)
    X = rng.integers(256, size=(20, 6, 6, 2), dtype=np.uint8)
    Y = np.eye(3)[rng.integers(3, size=20)]
    augmented = Preprocessing("float32", augmentation=Augmentation(flip=True, shift=1))
    return Dataset(X[:16], Y[:16], 5, X[16:], Y[16:], seed=seed, preprocessing=augmented)


def sequences(seed: int = 2) -> Dataset:
    """Sequences of 7 steps, with numbers as labels."""
    rng = np.random.default_rng(2)
    X, Y = rng.normal(size=(16, 2, 7)), rng.normal(size=(16, 2))
    return Dataset(X[:12], Y[:12], 5, X[12:], Y[12:], seed=seed)


def network(
    *hidden: dict[str, Any],
    loss: str = "cross_entropy",
    activation: str = "softmax",
    optimizer: dict[str, Any] | None = None,
    **options: Any,
) -> NeuralNetwork:
    """A network whose output layer has as many units as the dataset asks for."""
    output = {"name": "fully_connected", "n_out": None, "activation": activation}
    optimizer = optimizer or OPTIMIZERS["momentum"]
    return initialize_model("a", loss, [*hidden, output], optimizer, seed=1, **options)


def dense(n_out: int = 4, activation: str = "tanh") -> dict[str, Any]:
    """The arguments of a fully-connected layer."""
    return {"name": "fully_connected", "n_out": n_out, "activation": activation}


def with_schedule(optimizer: str, schedule: str) -> Callable[[], Pair]:
    """A network with dropout, a rule and a schedule."""
    args = {
        **OPTIMIZERS[optimizer],
        "lr_scheduler": schedule,
        "scheduler_args": SCHEDULES[schedule],
    }
    return lambda: (network(dense(), {"name": "dropout", "p": 0.3}, optimizer=args), rows())


def residual_block() -> dict[str, Any]:
    """A block with a generator inside, and buffers."""
    inner = [dense(), {"name": "batch_norm"}, {"name": "dropout", "p": 0.2}]
    return {"name": "residual", "layers": inner, "activation": "relu"}


def convolutional() -> NeuralNetwork:
    """A network for ``images``, in float32."""
    convolution = {"name": "conv2d", "n_out": 3, "kernel_shape": (3, 3), "activation": "relu"}
    pool = {"name": "pool2d", "kernel_shape": (2, 2), "mode": "max"}
    return network(convolution, {"name": "batch_norm"}, pool, {"name": "flatten"}, dtype="float32")


def recurrent() -> NeuralNetwork:
    """Two recurrent layers, one on the other, for ``sequences``."""
    elman = {"name": "elman", "n_out": 5, "activation": "tanh"}
    return network({**elman, "return_sequences": True}, elman, loss="l2", activation="linear")


def of_ones_own() -> NeuralNetwork:
    """A network with a layer that has a state of its own."""
    with mock.patch.dict(LAYERS, counting=Counting):
        return network({"name": "counting", "n_out": 4})


SPECIAL: dict[str, Callable[[], Pair]] = {
    "dropout with a seed": lambda: (network(dense(), {"name": "dropout", "seed": 3}), rows()),
    "batch normalization": lambda: (network(dense(), {"name": "batch_norm"}), rows()),
    "layer normalization": lambda: (network(dense(), {"name": "layer_norm"}), rows()),
    "residual": lambda: (network(residual_block()), rows()),
    "convolution, flips and shifts": lambda: (convolutional(), images()),
    "two recurrent layers": lambda: (recurrent(), sequences()),
    "penalties": lambda: (network(dense(), l2=0.01, l1=0.02), rows()),
    "float32": lambda: (network(dense(), dtype="float32"), rows(dtype="float32")),
    "no validation set": lambda: (network(dense()), rows(validates=False)),
    "two classes": lambda: (
        network(dense(), loss="squared_hinge", activation="linear"),
        rows(classes=2),
    ),
    "not canonical": lambda: (network(dense(), canonical=False), rows()),
    "a layer of one's own": lambda: (of_ones_own(), rows()),
}
CASES = {
    f"{optimizer}, {schedule}": with_schedule(optimizer, schedule)
    for optimizer in OPTIMIZERS
    for schedule in SCHEDULES
} | SPECIAL

Taken = tuple[int, dict[str, Any], dict[str, Any]]
"""A state: the epochs that are still to be trained, the network's part, the dataset's."""


def trained(pair: Pair, epochs: int = EPOCHS, **options: Any) -> tuple[list[Taken], Taken]:
    """Train; returns the state before the first step and after each one, and that at the end."""
    model, dataset = pair
    states, update = [], model.update
    last = model.epoch + epochs

    def take() -> Taken:
        return last - model.epoch, model.state(), dataset.state()

    def update_and_take(epoch: float) -> None:
        update(epoch)
        states.append(take())

    states.append(take())
    model.update = update_and_take
    model.train(dataset, epochs, **options)
    return states, take()


def continued(pair: Pair, taken: Taken, **options: Any) -> Taken:
    """Load a state into a new network and its dataset, and train on; the state at the end."""
    (model, dataset), (epochs, of_model, of_dataset) = pair, taken
    model.load_state(of_model)
    dataset.load_state(of_dataset)
    if epochs:
        model.train(dataset, epochs, **options)
    return 0, model.state(), dataset.state()


def _bits(value: Any) -> tuple[Any, ...]:
    """A value to its last bit; a NaN is equal to itself."""
    array = isinstance(value, np.ndarray)
    return (value.dtype, value.shape, value.tobytes()) if array else (repr(value),)


def differences(one: Any, other: Any, where: str = "") -> Iterator[str]:
    """The places at which two states differ, in a bit or in a type."""
    if type(one) is not type(other):
        yield f"{where}: {type(one).__name__} and {type(other).__name__}"
    elif isinstance(one, dict | list | tuple):
        one, other = (
            dict(value) if isinstance(value, dict) else dict(enumerate(value))
            for value in (one, other)
        )
        if list(one) != list(other):
            yield f"{where}: {list(one)} and {list(other)}"
        for key in one.keys() & other.keys():
            yield from differences(one[key], other[key], f"{where}/{key}")
    else:
        if len({_bits(one), _bits(other)}) > 1:
            yield f"{where}: {str(one)[:60]} and {str(other)[:60]}"
