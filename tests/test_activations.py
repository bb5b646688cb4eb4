"""Graded tests of the activation functions, against values computed by PyTorch."""

import unittest
from pathlib import Path

import numpy as np

from neural_networks.activations import initialize_activation

DATA = Path(__file__).parent / "data"


def load(name: str) -> dict[str, np.ndarray]:
    """Z, Y, dLdY and dLdZ of an activation function, (m, n) each."""
    with np.load(DATA / f"{name}.npz", allow_pickle=False) as file:
        return {key: file[f"{key}_2d"] for key in ("Z", "Y", "dLdY", "dLdZ")}


def assert_close(actual: np.ndarray, expected: np.ndarray, what: str) -> None:
    """Fail, and say what differed, unless the arrays agree to rounding."""
    np.testing.assert_allclose(actual, expected, rtol=1e-10, atol=1e-14, strict=True, err_msg=what)


def check_forward(name: str) -> None:
    """Compare ``forward`` with the expected Y."""
    data = load(name)
    Y = initialize_activation(name).forward(data["Z"])
    assert_close(Y, data["Y"], f"Y of {name}")


def check_backward(name: str) -> None:
    """Compare ``backward`` with the expected dL/dZ."""
    data = load(name)
    dLdZ = initialize_activation(name).backward(data["Z"], data["dLdY"])
    assert_close(dLdZ, data["dLdZ"], f"dL/dZ of {name}")


class TestLinear(unittest.TestCase):
    def test_forward(self):
        check_forward("linear")

    def test_backward(self):
        check_backward("linear")


class TestSigmoid(unittest.TestCase):
    def test_forward(self):
        check_forward("sigmoid")

    def test_backward(self):
        check_backward("sigmoid")


class TestTanH(unittest.TestCase):
    def test_forward(self):
        check_forward("tanh")

    def test_backward(self):
        check_backward("tanh")


class TestReLU(unittest.TestCase):
    def test_forward(self):
        check_forward("relu")

    def test_backward(self):
        check_backward("relu")


class TestSoftMax(unittest.TestCase):
    def test_forward(self):
        check_forward("softmax")

    def test_backward(self):
        check_backward("softmax")


class TestArcTan(unittest.TestCase):
    def test_forward(self):
        check_forward("arctan")

    def test_backward(self):
        check_backward("arctan")
