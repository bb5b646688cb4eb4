"""Graded tests of the layers, against values computed by PyTorch."""

import unittest
from pathlib import Path

import numpy as np

from neural_networks.layers import initialize_layer

DATA = Path(__file__).parent / "data"


def load(name: str) -> dict[str, np.ndarray]:
    """The arrays of one file of ``tests/data``."""
    with np.load(DATA / f"{name}.npz", allow_pickle=False) as file:
        return dict(file)


def assert_close(actual: np.ndarray, expected: np.ndarray, what: str) -> None:
    """Fail, and say what differed, unless the arrays agree to rounding."""
    np.testing.assert_allclose(actual, expected, rtol=1e-10, atol=1e-13, strict=True, err_msg=what)


class TestFullyConnected(unittest.TestCase):
    ACTIVATIONS = ("linear", "tanh", "arctan")

    def layer(self, activation, data):
        layer = initialize_layer("fully_connected", activation=activation, n_out=3)
        layer.n_in = len(data["W"])
        layer.parameters["W"] = data["W"]
        layer.parameters["b"] = data["b"]
        return layer

    def test_init_params(self):
        n_in, n_out = 20, 30
        layer = initialize_layer("fully_connected", activation="linear", n_out=n_out)
        layer._init_parameters((-1, n_in))

        self.assertEqual(layer.n_in, n_in)
        self.assertEqual(set(layer.parameters), {"W", "b"})
        W, b = layer.parameters["W"], layer.parameters["b"]
        self.assertEqual(W.shape, (n_in, n_out), "shape of W")
        assert_close(b, np.zeros((1, n_out)), "b starts at 0")
        # xavier_uniform: uniform on ±√(6 / (n_in + n_out)), with mean 0.
        bound = np.sqrt(6 / (n_in + n_out))
        self.assertLessEqual(np.abs(W).max(), bound, "W leaves the bounds of xavier_uniform")
        self.assertGreater(np.abs(W).max(), 0.9 * bound, "W does not fill those bounds")
        self.assertLess(abs(W.mean()), 0.2 * bound, "mean of W")
        self.assertEqual(set(layer.gradients), {"W", "b"})
        assert_close(layer.gradients["W"], np.zeros((n_in, n_out)), "dL/dW starts at 0")
        assert_close(layer.gradients["b"], np.zeros((1, n_out)), "dL/db starts at 0")

    def test_forward(self):
        data = load("fully_connected")
        for activation in self.ACTIVATIONS:
            Y = self.layer(activation, data).forward(data["X"])
            assert_close(Y, data[f"Y_{activation}"], f"Y, {activation}")

    def test_backward(self):
        data = load("fully_connected")
        for activation in self.ACTIVATIONS:
            layer = self.layer(activation, data)
            layer.forward(data["X"])
            dLdX = layer.backward(data["dLdY"])

            assert_close(dLdX, data[f"dLdX_{activation}"], f"dL/dX, {activation}")
            for name in ("W", "b"):
                expected = data[f"dLd{name}_{activation}"]
                assert_close(layer.gradients[name], expected, f"dL/d{name}, {activation}")


class TestConv2D(unittest.TestCase):
    """Kernels of 3×2 pixels on images of 6×7 with two channels."""

    ACTIVATIONS = ("linear", "tanh", "arctan")
    PADS = ((1, "valid"), (2, "same"), (3, (2, 1)))  # with the stride before each

    def layer(self, activation, stride, pad, data):
        layer = initialize_layer(
            "conv2d", activation=activation, n_out=3, kernel_shape=(3, 2), stride=stride, pad=pad
        )
        layer.n_in = data["W"].shape[2]
        layer.parameters["W"] = data["W"]
        layer.parameters["b"] = data["b"]
        return layer

    def test_forward(self):
        data = load("conv2d")
        for stride, pad in self.PADS:
            for activation in self.ACTIVATIONS:
                what = f"stride {stride}, pad {pad!r}, {activation}"
                expected = data[f"Y_{stride}_{activation}"]
                Y = self.layer(activation, stride, pad, data).forward(data["X"])
                self.assertEqual(Y.shape, expected.shape, f"shape of Y, {what}")
                assert_close(Y, expected, f"Y, {what}")

    def test_backward(self):
        data = load("conv2d")
        for stride, pad in self.PADS:
            for activation in self.ACTIVATIONS:
                what = f"stride {stride}, pad {pad!r}, {activation}"
                layer = self.layer(activation, stride, pad, data)
                layer.forward(data["X"])
                dLdX = layer.backward(data[f"dLdY_{stride}"])

                for name in ("b", "W"):
                    expected = data[f"dLd{name}_{stride}_{activation}"]
                    assert_close(layer.gradients[name], expected, f"dL/d{name}, {what}")
                self.assertEqual(dLdX.shape, data["X"].shape, f"dL/dX has X's shape, {what}")
                assert_close(dLdX, data[f"dLdX_{stride}_{activation}"], f"dL/dX, {what}")


class TestPool2D(unittest.TestCase):
    """Windows of 3×2 pixels: side by side in a column, overlapping, and with a border."""

    MODES = ("max", "average")
    PADS = ((3, 0), (1, 0), (2, 1))  # with the stride before each

    def layer(self, mode, stride, pad):
        return initialize_layer("pool2d", kernel_shape=(3, 2), mode=mode, stride=stride, pad=pad)

    def test_forward(self):
        data = load("pool2d")
        for mode in self.MODES:
            for stride, pad in self.PADS:
                what = f"mode {mode!r}, stride {stride}, pad {pad}"
                expected = data[f"Y_{stride}_{mode}"]
                Y = self.layer(mode, stride, pad).forward(data["X"])
                self.assertEqual(Y.shape, expected.shape, f"shape of Y, {what}")
                assert_close(Y, expected, f"Y, {what}")

    def test_backward(self):
        data = load("pool2d")
        for mode in self.MODES:
            for stride, pad in self.PADS:
                what = f"mode {mode!r}, stride {stride}, pad {pad}"
                layer = self.layer(mode, stride, pad)
                layer.forward(data["X"])
                dLdX = layer.backward(data[f"dLdY_{stride}_{mode}"])
                self.assertEqual(dLdX.shape, data["X"].shape, f"dL/dX has X's shape, {what}")
                assert_close(dLdX, data[f"dLdX_{stride}_{mode}"], f"dL/dX, {what}")


class TestFlatten(unittest.TestCase):
    def test_forward(self):
        data = load("flatten")
        for keep_dim in ("first", "last"):
            Y = initialize_layer("flatten", keep_dim=keep_dim).forward(data["X"])
            assert_close(Y, data[f"Y_{keep_dim}"], f"Y, keep_dim={keep_dim!r}")

    def test_backward(self):
        data = load("flatten")
        for keep_dim in ("first", "last"):
            layer = initialize_layer("flatten", keep_dim=keep_dim)
            layer.forward(data["X"])
            dLdX = layer.backward(data[f"dLdY_{keep_dim}"])
            self.assertEqual(dLdX.shape, data["X"].shape, "dL/dX has the shape of X")
            assert_close(dLdX, data[f"dLdX_{keep_dim}"], f"dL/dX, keep_dim={keep_dim!r}")
