"""Gains of the initializers: their values, and the signal in a network of 20 layers."""

import math
import unittest

import numpy as np
from numpy.testing import assert_allclose

from neural_networks.activations import ACTIVATIONS, LeakyReLU, initialize_activation
from neural_networks.datasets import initialize_dataset
from neural_networks.layers import FullyConnected
from neural_networks.models import NeuralNetwork
from neural_networks.weights import GAINS, gain, initialize_weights

N_LAYERS = 20
OF_THE_COURSE = {"linear": 1, "sigmoid": 1, "tanh": 5 / 3, "arctan": 1, "softmax": 1}
"""Their gains are those of PyTorch, or of the course's kit, and not 1 / √E[σ(z)²]."""


def expected_gain(activation):
    """1 / √E[σ(z)²] for z ~ N(0, 1), by Gauss-Legendre quadrature on pieces without a kink."""
    points, shares = np.polynomial.legendre.leggauss(64)
    total = 0.0
    for left in range(-14, 14):
        z = left + (points + 1) / 2
        density = np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
        total += (shares / 2) @ (np.square(activation.forward(z)) * density)
    return 1 / math.sqrt(total)


class TestValues(unittest.TestCase):
    def test_every_activation_has_one(self):
        self.assertEqual(set(GAINS), set(ACTIVATIONS))

    def test_gains_of_the_course(self):
        for name, value in OF_THE_COURSE.items():
            self.assertEqual(gain(name), value)
        self.assertEqual((gain("relu"), gain(None)), (math.sqrt(2), 1))

    def test_others_keep_the_mean_square(self):
        for name in set(ACTIVATIONS) - set(OF_THE_COURSE):
            with self.subTest(name):
                found = expected_gain(initialize_activation(name))
                self.assertAlmostEqual(gain(name), found, places=12)

    def test_leaky_relu(self):
        """√(2 / (1 + a²)): He et al., and ``torch.nn.init.calculate_gain("leaky_relu", 0.01)``."""
        self.assertEqual(gain("leaky_relu"), math.sqrt(2 / (1 + LeakyReLU.slope**2)))
        self.assertAlmostEqual(gain("leaky_relu"), 1.4141428569978354, places=14)

    def test_they_scale_the_weights(self):
        for name in ("he_normal", "he_uniform", "xavier_normal", "xavier_uniform"):
            plain = initialize_weights(name, rng=0)((30, 20))
            for activation, factor in GAINS.items():
                W = initialize_weights(name, activation, rng=0)((30, 20))
                assert_allclose(W, factor * plain, atol=1e-14)


def mean_squares(activation, n_layers, width, X, weight_init="he_normal"):
    """The mean square of the pre-activations in each layer of a new network."""
    rng = np.random.default_rng(1)
    found = []
    for _ in range(n_layers):
        layer = FullyConnected(width, activation, weight_init, rng=rng)
        X = layer.forward(X)
        found.append(float(np.square(layer.cache["Z"]).mean()))
    return found


class TestSignal(unittest.TestCase):
    """The signal in 20 layers of new weights, for inputs z of the first activation ~ N(0, 1)."""

    def test_the_mean_square_is_kept(self):
        for name in ("relu", "leaky_relu", "elu", "gelu", "softplus"):
            # The first layer multiplies the mean square by the gain squared.
            X = np.random.default_rng(0).normal(size=(100, 500)) / gain(name)
            for weight_init in ("he_normal", "he_uniform", "xavier_normal"):
                found = mean_squares(name, N_LAYERS, 500, X, weight_init)
                # That of gelu moves away from 1, slowly: by a factor of 1.1 from layer to layer.
                most = 20 if name == "gelu" else 3
                with self.subTest(name, weight_init=weight_init):
                    self.assertTrue(min(found) > 1 / most and max(found) < most, found)

    def test_a_gain_of_1_loses_it(self):
        """The test above can fail: without a gain, nothing is left."""
        X = np.random.default_rng(0).normal(size=(100, 500))
        rng = np.random.default_rng(1)
        for name in ("leaky_relu", "gelu"):
            Z = X
            for _ in range(N_LAYERS):
                W = initialize_weights("he_normal", "linear", rng=rng)((500, 500))
                Z = initialize_activation(name).forward(Z @ W)
            self.assertLess(np.square(Z).mean(), 1e-4)


class TestTraining(unittest.TestCase):
    def test_20_layers_learn(self):
        """At chance, the error on digits is 0.9."""
        for name in ("gelu", "leaky_relu", "elu"):
            dataset = initialize_dataset("digits", 50, seed=0, dtype="float32")
            hidden = {"name": "fully_connected", "activation": name, "n_out": 48}
            layers = [{**hidden, "weight_init": "he_normal"}] * N_LAYERS
            output = {"name": "fully_connected", "activation": "softmax", "n_out": None}
            sgd = {"name": "SGD", "lr": 0.01, "momentum": 0.9}
            model = NeuralNetwork("cross_entropy", [*layers, output], sgd, seed=0, dtype="float32")
            history = model.train(dataset, 6)
            with self.subTest(name):
                self.assertLess(history["validation_error"][-1], 0.6)


if __name__ == "__main__":
    unittest.main()
