"""Graded tests of the activation functions, against values computed by PyTorch."""

from tests.verdict import GradedTest


class TestLinear(GradedTest):
    def test_forward(self):
        self.check("linear.forward")

    def test_backward(self):
        self.check("linear.backward")


class TestSigmoid(GradedTest):
    def test_forward(self):
        self.check("sigmoid.forward")

    def test_backward(self):
        self.check("sigmoid.backward")


class TestTanH(GradedTest):
    def test_forward(self):
        self.check("tanh.forward")

    def test_backward(self):
        self.check("tanh.backward")


class TestReLU(GradedTest):
    def test_forward(self):
        self.check("relu.forward")

    def test_backward(self):
        self.check("relu.backward")


class TestSoftMax(GradedTest):
    def test_forward(self):
        self.check("softmax.forward")

    def test_backward(self):
        self.check("softmax.backward")


class TestArcTan(GradedTest):
    def test_forward(self):
        self.check("arctan.forward")

    def test_backward(self):
        self.check("arctan.backward")
