"""Labels, and networks that are completed for them: refused, with a warning, or without a word."""

import unittest
import warnings

import numpy as np

from neural_networks.activations import ACTIVATIONS
from neural_networks.datasets import Dataset
from neural_networks.models import NeuralNetwork

SGD = {"name": "SGD", "lr": 0.1}
N = 20
RNG = np.random.default_rng(0)
LABELS = {
    "classes": np.eye(3)[np.arange(N) % 3],
    "soft classes": RNG.dirichlet(np.ones(3), N),
    "columns of 0 and 1": RNG.integers(0, 2, (N, 3)).astype(float),
    "0 and 1": (np.arange(N) % 2)[:, np.newaxis].astype(float),
    "-1 and 1": (2.0 * (np.arange(N) % 2) - 1)[:, np.newaxis],
    "ones": np.ones((N, 1)),
    "prices": RNG.uniform(2e5, 3e5, (N, 1)),
    "debts": -RNG.uniform(2e5, 3e5, (N, 1)),
}
PROBABILITIES = ("sigmoid", "softmax")
OTHERS = tuple(name for name in ACTIVATIONS if name not in PROBABILITIES)


def dense(activation, n_out=None, **options):
    return {"name": "fully_connected", "activation": activation, "n_out": n_out, **options}


def prepared(loss, layers, Y, X=None, **options):
    """A network completed for labels, and the warnings about it."""
    X = np.random.default_rng(1).normal(size=(len(Y), 4)) if X is None else X
    model = NeuralNetwork(loss, layers, SGD, seed=0, **options)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.prepare(Dataset(X, Y, batch_size=5, seed=0))
    return model, [str(warning.message) for warning in caught]


class Compatibility(unittest.TestCase):
    def assert_fits(self, loss, layers, Y, X=None):
        _, caught = prepared(loss, layers, Y, X)
        self.assertEqual(caught, [])

    def assert_refused(self, words, loss, layers, Y, X=None):
        with self.assertRaisesRegex(ValueError, words):
            prepared(loss, layers, Y, X)

    def assert_warns(self, words, loss, layers, Y, X=None):
        _, caught = prepared(loss, layers, Y, X)
        self.assertEqual(len(caught), 1)
        self.assertRegex(caught[0], words)
