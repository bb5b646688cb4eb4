"""Training steps written down as text, every number of them, to be compared by hand."""

import sys
from collections.abc import Iterator, Mapping
from typing import Any, TextIO

import numpy as np

from neural_networks.models import NeuralNetwork

NUMBERS: dict[str, Any] = {
    "precision": 8,
    "threshold": sys.maxsize,
    "linewidth": 75,
    "suppress": False,
}
"""How arrays are written: no number is left out, however many there are."""


class Trace:
    """Trains a network of one hidden layer, one example a step, and writes each step as text.

    The layers are ŷ = softmax(b), b = β z, z = σ(a), a = α x, where x and z begin with a 1, so
    that the first column of α (D, M + 1) and of β (K, D + 1) holds the biases.

    Parameters
    ----------
    file : text file
        What to write to.
    """

    def __init__(self, file: TextIO) -> None:
        self.file = file

    @staticmethod
    def bytes_per_step(model: NeuralNetwork) -> int:
        """About how much text a step makes."""
        # Each parameter once with its gradient and once after the step, and a few numbers more.
        return 11 * 2 * sum(layer.parameters[name].size for _, layer, name in model.parameters())

    def begin_epoch(self, epoch: int) -> None:
        """Write which epoch begins, counted from 0."""
        self.file.write(f"Epoch {epoch}\n")
        self.sample = 0

    def step(self, model: NeuralNetwork, x: np.ndarray, y: np.ndarray) -> None:
        """One step, as ``forward``, ``backward`` and ``update`` would make it.

        Parameters
        ----------
        model : NeuralNetwork
            A sigmoid layer and a softmax layer, both fully-connected, and cross-entropy.
        x : array, (1, M)
        y : array, (1, K)
        """
        self.file.write(f"\tSGD with respect to sample {self.sample}\n")
        with np.printoptions(**NUMBERS):
            self.file.writelines(_step_in_words(model, x, y))
        self.sample += 1


def _step_in_words(model: NeuralNetwork, x: np.ndarray, y: np.ndarray) -> Iterator[str]:
    """Make the step, module by module, and describe what each of them computes."""
    hidden: Any
    output: Any
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
    dLdb = model.loss.backward_from_logits(y, y_hat)
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
