"""Training curves by Winograd's method beside those by the plain sum, over five seeds."""

import unittest
from unittest import mock

import numpy as np

from neural_networks.models import NeuralNetwork
from neural_networks.utils import winograd
from tests.support.arrays import step
from tests.support.parts import winograd_from

SEEDS, STEPS, BATCH = range(5), 40, 24
CONV = {"name": "conv2d", "n_out": 16, "kernel_shape": 3, "activation": "relu"}
LAYERS = [
    CONV,
    CONV,
    {"name": "pool2d", "kernel_shape": 2, "stride": 2},
    CONV | {"n_out": 20, "pad": "valid"},
    {"name": "flatten"},
    {"name": "fully_connected", "n_out": 4, "activation": "softmax"},
]


def batches(seed):
    """Noisy images of bars in four directions, and their classes."""
    rng = np.random.default_rng(100 + seed)
    r, c = np.mgrid[:10, :10]
    directions = np.stack([r, c, r + c, r - c])
    for _ in range(STEPS):
        kinds, phases = rng.integers(4, size=BATCH), rng.uniform(0, 6, (BATCH, 1, 1))
        X = np.sin(directions[kinds] * 1.2 + phases) + 0.7 * rng.standard_normal((BATCH, 10, 10))
        yield X[..., np.newaxis].astype("float32"), np.eye(4, dtype="float32")[kinds]


def curve(seed, channels, dtype="float32"):
    """The losses of a training; with Winograd's method from a number of channels on, or without."""
    adam = {"name": "Adam", "lr": 0.002}
    model = NeuralNetwork("cross_entropy", LAYERS, adam, seed=seed, dtype=dtype)
    with winograd_from(channels):
        return np.array([step(model, X, Y) for X, Y in batches(seed)])


class TestCurves(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        transforms = mock.Mock(wraps=winograd.transformed_images)
        with mock.patch.object(winograd, "transformed_images", transforms):
            cls.winograd = np.array([curve(seed, 16) for seed in SEEDS])
            n_calls = transforms.call_count
            cls.plain = np.array([curve(seed, None) for seed in SEEDS])
        # Two layers, three convolutions each; at first there are a few parts more.
        assert n_calls == transforms.call_count >= len(SEEDS) * STEPS * 6

    def test_differ_less_than_those_of_two_seeds(self):
        """The mean of the last 20 losses, by a 20th of the spread; measured, a thousandth."""
        ends = [losses[:, -20:].mean(axis=1) for losses in (self.winograd, self.plain)]
        difference = np.abs(ends[0] - ends[1])
        self.assertLess(difference.max(), 0.05 * ends[1].std())
        self.assertLess(difference.max(), 1e-3)

    def test_begin_alike_and_are_not_the_same(self):
        """To rounding; the same numbers would be those of one method, compared with itself."""
        np.testing.assert_allclose(self.winograd[:, :5], self.plain[:, :5], rtol=3e-5)
        self.assertTrue((self.winograd != self.plain).any(axis=1).all())

    def test_all_learn(self):
        """From ln 4 or more."""
        for losses in (self.winograd, self.plain):
            self.assertGreater(losses[:, 0].min(), 1.2)
            self.assertLess(losses[:, -20:].mean(axis=1).max(), 0.9)


if __name__ == "__main__":
    unittest.main()
