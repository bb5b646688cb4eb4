"""Checks of the network, with small layers and a loss in place of the real ones.

They run by name alone: ``python -m unittest -v tests.check_models``.
"""

from tests.verdict import GradedTest


class TestNeuralNetwork(GradedTest):
    def test_forward(self):
        self.check("model.forward")

    def test_backward(self):
        self.check("model.backward")

    def test_predict(self):
        self.check("model.predict")
