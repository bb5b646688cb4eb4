"""Checks of Elman's recurrent layer, against values computed by PyTorch.

They run by name alone: ``python -m unittest -v tests.check_elman``.
"""

from tests.verdict import GradedTest


class TestElman(GradedTest):
    def test_init_params(self):
        self.check("elman.init_params")

    def test_forward_step(self):
        self.check("elman.forward_step")

    def test_forward(self):
        self.check("elman.forward")

    def test_backward(self):
        self.check("elman.backward")
