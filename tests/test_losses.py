"""Graded tests of the losses, against values computed by PyTorch."""

from tests.verdict import GradedTest


class TestCrossEntropy(GradedTest):
    def test_forward(self):
        self.check("cross_entropy.forward")

    def test_backward(self):
        self.check("cross_entropy.backward")


class TestL2(GradedTest):
    def test_forward(self):
        self.check("l2.forward")

    def test_backward(self):
        self.check("l2.backward")
