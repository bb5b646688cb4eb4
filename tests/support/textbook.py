"""Textbook classes in place of ours: ``python -m tests.support.textbook [ROOM ...]``.

``ReLU``, ``CrossEntropy`` and ``FullyConnected`` as a course would hand them out: the methods that
it asks students to write, without a helper, a sequence or a guard. They replace the library's
classes, then the tests of the rooms run (all rooms by default), but for ``NOT_CLAIMED``.
"""

import sys
import unittest
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from neural_networks import activations, layers, losses
from neural_networks.layers import factory, fully_connected

ROOT = Path(__file__).resolve().parents[2]

NOT_CLAIMED: dict[str, str] = {}
"""Tests that ask for more than the textbook claims: the end of each test's id, and the reason."""


class ReLU(activations.ReLU):
    """σ(z) = max(0, z)."""

    def forward(self, Z):
        return np.maximum(0, Z)

    def backward(self, Z, dY):
        return dY * (Z > 0)


class CrossEntropy(losses.CrossEntropy):
    """L = -(1/m) Σ Y ln Y_hat."""

    def forward(self, Y, Y_hat):
        return float(-np.sum(Y * np.log(Y_hat)) / len(Y))

    def backward(self, Y, Y_hat):
        return -Y / Y_hat / len(Y)


class FullyConnected(fully_connected.FullyConnected):
    """Y = σ(X W + b)."""

    def _init_parameters(self, X_shape):
        self.n_in = X_shape[1]
        self.parameters["W"] = self._draw_weights((self.n_in, self.n_out))
        self.parameters["b"] = np.zeros((1, self.n_out))
        self.clear_gradients()

    def forward(self, X):
        X = self.check_input(X)
        W, b = self.parameters["W"], self.parameters["b"]
        Z = X @ W + b
        self.cache["X"], self.cache["Z"] = X, Z
        return self.activation(Z)

    def backward(self, dLdY):
        X, Z, W = self.cache["X"], self.cache["Z"], self.parameters["W"]
        dLdZ = self.activation.backward(Z, dLdY)
        self.gradients["W"] = X.T @ dLdZ
        self.gradients["b"] = dLdZ.sum(axis=0, keepdims=True)
        return dLdZ @ W.T


def install() -> None:
    """Replace the library's classes; call it before anything imports them by name."""
    for cls, modules, table, name in (
        (ReLU, [activations], activations.ACTIVATIONS, "relu"),
        (CrossEntropy, [losses], losses.LOSSES, "cross_entropy"),
        (FullyConnected, [layers, fully_connected], factory.LAYERS, "fully_connected"),
    ):
        table[name] = cls
        for module in modules:
            setattr(module, cls.__name__, cls)


def flatten(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    """The test cases of a suite of suites."""
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flatten(test)
        else:
            yield test


def main(rooms: list[str]) -> int:
    """Run the tests of the rooms with the textbook's classes; the exit status."""
    install()
    loader = unittest.TestLoader()
    folders = [str(ROOT / "tests" / room) for room in rooms] or [str(ROOT / "tests")]
    found = [
        test
        for folder in folders
        for test in flatten(loader.discover(folder, top_level_dir=str(ROOT)))
    ]
    claimed = [test for test in found if not test.id().endswith(tuple(NOT_CLAIMED))]
    print(f"{len(claimed)} of {len(found)} tests with textbook classes", file=sys.stderr)
    result = unittest.TextTestRunner(verbosity=0).run(unittest.TestSuite(claimed))
    return 0 if claimed and result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
