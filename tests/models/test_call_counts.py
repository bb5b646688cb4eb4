"""Numbers of Python calls in a pass and in a step: a reader's path stays short."""

import unittest

import numpy as np

from neural_networks.models import initialize_model
from tests.support.calls import calls


class TestCalls(unittest.TestCase):
    def setUp(self):
        layers = [
            {"name": "fully_connected", "activation": "relu", "n_out": 10},
            {"name": "fully_connected", "activation": "softmax", "n_out": 3},
        ]
        sgd = {"name": "SGD", "lr": 0.02, "momentum": 0.9}
        self.model = initialize_model("iris", "cross_entropy", layers, sgd, seed=0)
        rng = np.random.default_rng(0)
        self.X, self.Y = rng.normal(size=(25, 4)), np.eye(3)[rng.integers(0, 3, 25)]
        self.step()  # creates the parameters

    def step(self):
        self.model.backward(self.Y, self.model.forward(self.X))
        self.model.update(0.0)

    def test_forward_of_a_fully_connected_layer(self):
        found = calls(lambda: self.model.layers[0].forward_faster(self.X))
        self.assertIn("FullyConnected.forward", found)
        self.assertLessEqual(len(found), 8, found)

    def test_step_of_the_iris_network(self):
        found = calls(self.step)
        for name in ("NeuralNetwork.forward", "NeuralNetwork.backward", "SGD.update"):
            self.assertIn(name, found)
        self.assertLessEqual(len(found), 60, found)


if __name__ == "__main__":
    unittest.main()
