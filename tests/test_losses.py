"""Graded tests of the losses, against values computed by PyTorch."""

import unittest
from pathlib import Path

import numpy as np

from neural_networks.losses import initialize_loss

DATA = Path(__file__).parent / "data"


def load(name: str) -> dict[str, np.ndarray]:
    """Y, Y_hat, dLdY_hat, (m, k) each, and L of a loss."""
    with np.load(DATA / f"{name}.npz", allow_pickle=False) as file:
        return dict(file)


def check_forward(name: str) -> None:
    """Compare ``forward`` with the expected loss."""
    data = load(name)
    L = initialize_loss(name).forward(data["Y"], data["Y_hat"])
    np.testing.assert_allclose(L, data["L"], rtol=1e-10, strict=True, err_msg=name)


def check_backward(name: str) -> None:
    """Compare ``backward`` with the expected dL/dY_hat."""
    data = load(name)
    dLdY_hat = initialize_loss(name).backward(data["Y"], data["Y_hat"])
    np.testing.assert_allclose(
        dLdY_hat, data["dLdY_hat"], rtol=1e-10, atol=1e-14, strict=True, err_msg=name
    )


class TestCrossEntropy(unittest.TestCase):
    def test_forward(self):
        check_forward("cross_entropy")

    def test_backward(self):
        check_backward("cross_entropy")


class TestL2(unittest.TestCase):
    def test_forward(self):
        check_forward("l2")

    def test_backward(self):
        check_backward("l2")
