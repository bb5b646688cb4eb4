"""Traces of training steps: every intermediate value, as text."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from neural_networks.canonical import logit_gradient
from neural_networks.models import NeuralNetwork
from neural_networks.utils.files import atomic_write, real_path

NUMBERS: dict[str, Any] = {
    "precision": 8,
    "threshold": sys.maxsize,
    "linewidth": 75,
    "suppress": False,
}
"""Print options of arrays: all numbers, none replaced by dots."""


@contextmanager
def open_trace(path: Path | None, model: NeuralNetwork, n_steps: int) -> Iterator[Trace | None]:
    """Context with a trace, whose file appears when the context ends.

    Parameters
    ----------
    path : Path or None
        None yields None.
    model : NeuralNetwork
    n_steps : int
        The number of steps to come.

    Raises
    ------
    OSError
        If the disk has no room for them.
    """
    if path is None:
        yield None
        return
    size = n_steps * Trace.bytes_per_step(model)
    free = shutil.disk_usage(real_path(path).parent).free
    if size > free:
        raise OSError(f"trace: it would take {size / 1e9:,.1f} GB, and {free / 1e9:,.1f} are free")
    with atomic_write(path) as partial, partial.open("w", encoding="utf-8") as file:
        yield Trace(file)


class Trace:
    """A text that describes each training step of a network with one hidden layer.

    The layers are ŷ = softmax(b), b = β z, z = σ(a), a = α x, where x and z begin with a 1, so
    that the first column of α (D, M + 1) and of β (K, D + 1) holds the biases.

    Parameters
    ----------
    file : text file
        The text goes to it.
    """

    def __init__(self, file: TextIO) -> None:
        self.file = file

    @staticmethod
    def bytes_per_step(model: NeuralNetwork) -> int:
        """The approximate length of a step's text."""
        # Each parameter's gradient and its new value, and a few more numbers.
        layers = (layer.parameters.values() for layer in model.layers)
        return 11 * 2 * sum(value.size for values in layers for value in values)

    def begin_epoch(self, epoch: int) -> None:
        """Write the number of the epoch that begins, counted from 0."""
        self.file.write(f"Epoch {epoch}\n")
        self.sample = 0

    def step(self, model: NeuralNetwork, x: np.ndarray, y: np.ndarray) -> None:
        """Make one training step, equal to ``forward``, ``backward`` and ``update``, and write it.

        Parameters
        ----------
        model : NeuralNetwork
            A sigmoid layer and a softmax layer, both fully-connected, with cross-entropy.
        x : array, (1, M)
        y : array, (1, K)
        """
        self.file.write(f"\tSGD with respect to sample {self.sample}\n")
        with np.printoptions(**NUMBERS):
            self.file.writelines(_step_text(model, x, y))
        self.sample += 1


def _step_text(model: NeuralNetwork, x: np.ndarray, y: np.ndarray) -> Iterator[str]:
    """Make the step module by module, and yield the values as text."""
    hidden, output = model.layers

    yield "\t\tBegin forward pass\n"
    y_hat = model.forward(x)
    a, z, b = hidden.cache["Z"], output.cache["X"], output.cache["Z"]
    yield _named("Value of a (before sigmoid)", a)
    yield _named("Value of z (after sigmoid)", np.insert(z, 0, 1, axis=1))
    yield _named("Value of b (before softmax)", b)
    yield _named("Value of y_hat (after softmax)", y_hat)
    yield f"\t\t\tCross entropy: {model.loss(y, y_hat)}\n"

    yield "\t\tBegin backward pass\n"
    dLdb = logit_gradient(y, y_hat)
    dLdz = output.backward_from_logits(dLdb)
    dLda = hidden.activation.backward(a, dLdz)
    hidden.backward_from_logits(dLda)
    yield _named("d(loss)/d(b)", dLdb)
    yield _named("d(loss)/d(beta)", _with_biases(output.gradients))
    yield _named("d(loss)/d(z)", dLdz)
    yield _named("d(loss)/d(a)", dLda)
    yield _named("d(loss)/d(alpha)", _with_biases(hidden.gradients))

    yield "\t\tUpdate weights\n"
    model.update(0)
    yield _named("New alpha", _with_biases(hidden.parameters))
    yield _named("New beta", _with_biases(output.parameters))


def _with_biases(values: Mapping[str, np.ndarray]) -> np.ndarray:
    """W (d, n) and b (1, n), or their gradients, as one matrix (n, 1 + d)."""
    return np.concatenate([values["b"], values["W"]]).T


def _named(name: str, values: np.ndarray) -> str:
    return f"\t\t\t{name}:\n{values}\n"
