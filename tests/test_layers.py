"""Graded tests of the layers, against values computed by PyTorch.

Their activations are the identity, tanh and arctan, so that each layer can be written first.
"""

from tests.verdict import GradedTest


class TestFullyConnected(GradedTest):
    def test_init_params(self):
        self.check("fully_connected.init_params")

    def test_forward(self):
        self.check("fully_connected.forward")

    def test_backward(self):
        self.check("fully_connected.backward")


class TestConv2D(GradedTest):
    def test_forward(self):
        self.check("conv2d.forward")

    def test_backward(self):
        self.check("conv2d.backward")


class TestPool2D(GradedTest):
    def test_forward(self):
        self.check("pool2d.forward")

    def test_backward(self):
        self.check("pool2d.backward")


class TestFlatten(GradedTest):
    def test_forward(self):
        self.check("flatten.forward")

    def test_backward(self):
        self.check("flatten.backward")
