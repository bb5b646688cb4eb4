"""The sanity ladder, on bundled digits: initial loss, overfitting, optimizers.

These are the first checks of a network that has just been written.
"""

import math
import unittest
from functools import cache

import numpy as np

from neural_networks.architectures import (
    fully_connected_net,
    three_layer_conv_net,
    two_layer_net,
)
from neural_networks.datasets import Dataset, initialize_dataset
from neural_networks.models import NeuralNetwork

SGD = {"name": "SGD", "lr": 0.1}
SEEDS = range(3)
GUESSING = math.log(10)  # the loss of ten classes that are all equally likely


@cache
def digits(images=False):
    """All training examples and their labels."""
    data = initialize_dataset("digits", images=images, seed=0).train
    return data.data, data.labels


def first(n, batch_size, seed):
    """A dataset of the first n digits."""
    X, Y = digits()
    return Dataset(X[:n], Y[:n], batch_size, seed=seed)


class TestTheFirstLoss(unittest.TestCase):
    NETWORKS = (
        (lambda scale: two_layer_net(n_out=10, weight_scale=scale), False),
        (lambda scale: fully_connected_net([100, 100], 10, weight_scale=scale), False),
        (lambda scale: three_layer_conv_net(n_out=10, weight_scale=scale), True),
    )

    def losses(self, scale, **penalty):
        """Of each network before any training: the loss of 200 digits, and the network."""
        for make, images in self.NETWORKS:
            X, Y = digits(images)
            for seed in SEEDS:
                model = NeuralNetwork("cross_entropy", make(scale), SGD, seed=seed, **penalty)
                yield model.backward(Y[:200], model.forward(X[:200])), model

    def test_is_that_of_guessing(self):
        for scale in (1e-2, 1e-3):
            for loss, _ in self.losses(scale):
                self.assertLess(abs(loss / GUESSING - 1), 0.02)
                self.assertNotEqual(loss, GUESSING)

    def test_weights_that_are_too_large_are_seen(self):
        for loss, _ in self.losses(1.0):
            self.assertGreater(loss / GUESSING, 2)

    def test_a_penalty_raises_it_by_its_own_size(self):
        plain = [loss for loss, _ in self.losses(1e-2)]
        for i, (loss, model) in enumerate(self.losses(1e-2, l2=0.1)):
            W = [layer.parameters["W"] for layer in model.layers if "W" in layer.parameters]
            penalty = 0.05 * sum(np.square(values).sum() for values in W)
            self.assertGreater(penalty, 0.03)
            self.assertAlmostEqual(loss - plain[i], penalty, places=12)


class TestFiftyDigitsByHeart(unittest.TestCase):
    def epochs_needed(self, hidden_sizes, seed, weight_scale=0.15):
        """Number of epochs until all 50 digits are right; infinite beyond 20."""
        layers = fully_connected_net(hidden_sizes, weight_scale=weight_scale)
        model = NeuralNetwork("cross_entropy", layers, SGD, seed=seed)
        data = first(50, 25, seed)
        for epoch in range(1, 21):
            model.train(data, 1)
            Y_hat, _ = model.predict(data.train.data, None)
            if model.error(data.train.labels, Y_hat) == 0:
                return epoch
        return math.inf

    def test_a_network_of_three_layers(self):
        for seed in SEEDS:
            self.assertLessEqual(self.epochs_needed([100, 100], seed), 12)

    def test_a_network_of_five_layers(self):
        for seed in SEEDS:
            self.assertLessEqual(self.epochs_needed([100] * 4, seed), 12)

    def test_a_poor_start_is_seen(self):
        """From weights this small, five layers pass on almost nothing."""
        self.assertEqual(self.epochs_needed([100] * 4, 0, weight_scale=1e-2), math.inf)


class TestOptimizersOnSixLayers(unittest.TestCase):
    EPOCHS = 5

    def loss_after(self, seed, **optimizer):
        layers = fully_connected_net([100] * 5, weight_scale=0.1)
        model = NeuralNetwork("cross_entropy", layers, optimizer, seed=seed)
        return model.train(first(500, 50, seed), self.EPOCHS)["train_loss"][-1]

    def test_all_are_ahead_of_plain_descent(self):
        for seed in SEEDS:
            plain = self.loss_after(seed, name="SGD", lr=0.01)
            momentum = self.loss_after(seed, name="SGD", lr=0.01, momentum=0.9)
            rmsprop = self.loss_after(seed, name="RMSProp", lr=0.001)
            adam = self.loss_after(seed, name="Adam", lr=0.001)
            self.assertGreater(plain, 2.2)
            self.assertLess(momentum, plain - 0.3)
            self.assertLess(rmsprop, 0.2)
            self.assertLess(adam, 0.5)


if __name__ == "__main__":
    unittest.main()
