"""Winograd's method: gradients against differences, adjoints, symmetries, tiles spoiled by inf."""

import unittest

import numpy as np

from neural_networks.layers import Conv2D
from neural_networks.utils.grad_check import check_gradients
from tests.support.arrays import direction_error
from tests.support.image_cases import FORWARDS, WAYS, Case, conv, gradient_checks, run
from tests.support.parts import winograd_from, workspace

SMALL = (
    Case((3, 3), 1, "same", (2, 6, 5, 2), 2),
    Case((3, 3), 1, "valid", (2, 7, 8, 1), 2),
    Case((3, 3), 1, (2, 0, 0, 1), (1, 5, 4, 2), 1),
    Case((5, 5), 1, "same", (1, 4, 5, 1), 2),
    Case((5, 5), 1, (0, 4, 3, 1), (1, 5, 4, 2), 1),
)
LARGE = (
    Case((3, 3), 1, "same", (8, 16, 16, 32), 24),
    Case((3, 3), 1, (0, 2, 1, 0), (4, 17, 13, 24), 40),
    Case((5, 5), 1, "same", (4, 13, 11, 32), 32),
)


def layer_of(case, activation="linear", dtype="float64"):
    return conv(case.X_shape, case.kernel_shape, case.n_out, activation, 1, case.pad, dtype)


def faster(layer, X, dLdY):
    return run(layer, X, dLdY, WAYS[-1])


class TestDifferences(unittest.TestCase):
    def test_central(self):
        for case in SMALL:
            for n_bytes in (1, 2**21):
                with self.subTest(case, n_bytes=n_bytes), winograd_from(1), workspace(n_bytes):
                    layer = layer_of(case, "tanh")
                    rng = np.random.default_rng(0)
                    X = rng.standard_normal(case.X_shape)
                    dLdY = rng.standard_normal(layer.output_shape(X.shape))
                    dLdX = faster(layer, X, dLdY)["dLdX"]
                    # The output by the formula, so that the gradients are those of the formula.
                    checks = gradient_checks(layer, X, dLdX, FORWARDS[0])
                    self.assertEqual(set(checks), {"X", "W", "b"})
                    for name, (fn, gradient, value) in checks.items():
                        self.assertLess(check_gradients(fn, gradient, value, dLdY), 1e-8, name)

    def test_random_directions(self):
        rng = np.random.default_rng(1)
        for case in LARGE:
            for activation in ("tanh", "softmax", "gelu"):
                layer = layer_of(case, activation)
                X = rng.standard_normal(case.X_shape)
                dLdY = rng.standard_normal(layer.output_shape(X.shape))
                dLdX = faster(layer, X, dLdY)["dLdX"]
                checks = gradient_checks(layer, X, dLdX, FORWARDS[1])
                for name, (fn, gradient, value) in checks.items():
                    with self.subTest(case, activation=activation, of=name):
                        self.assertLess(direction_error(fn, gradient, value, dLdY, rng), 1e-6)


class TestAdjoints(unittest.TestCase):
    """conv(X; W) is linear in X and in W: ⟨conv(X; W), D⟩ = ⟨X, dL/dX⟩ = ⟨W, dL/dW⟩."""

    def test_of_x_and_w(self):
        rng = np.random.default_rng(2)
        for case in LARGE:
            layer = layer_of(case)
            layer.parameters["b"] = np.zeros((1, case.n_out))
            X = rng.standard_normal(case.X_shape)
            dLdY = rng.standard_normal(layer.output_shape(X.shape))
            found = faster(layer, X, dLdY)
            size = np.linalg.norm(found["Y"]) * np.linalg.norm(dLdY)
            expected = np.vdot(found["Y"], dLdY)
            for value, name in ((X, "dLdX"), (layer.parameters["W"], "dLdW")):
                difference = np.vdot(value, found[name]) - expected
                self.assertLess(abs(difference), 1e-14 * size, f"{name} of {case}")

    def test_of_b(self):
        """Its gradient is the sum of dL/dY over images and pixels."""
        rng = np.random.default_rng(3)
        for case in LARGE:
            layer = layer_of(case)
            X = rng.standard_normal(case.X_shape)
            dLdY = rng.standard_normal(layer.output_shape(X.shape))
            found = faster(layer, X, dLdY)["dLdb"]
            np.testing.assert_allclose(found, dLdY.sum(axis=(0, 1, 2))[None], rtol=1e-10)


class TestSymmetries(unittest.TestCase):
    """Changes of the images whose effect on the result is known."""

    CASE = Case((3, 3), 1, "same", (2, 9, 10, 24), 26)
    NAMES = ("Y", "dLdX", "dLdW")

    def setUp(self):
        rng = np.random.default_rng(4)
        self.layer = layer_of(self.CASE)
        self.W, self.b = self.layer.parameters["W"], self.layer.parameters["b"]
        self.X = rng.standard_normal(self.CASE.X_shape)
        self.dLdY = rng.standard_normal(self.layer.output_shape(self.X.shape))
        self.expected = faster(self.layer, self.X, self.dLdY)

    def results(self, X, W, dLdY):
        self.layer.parameters["W"] = W
        found = faster(self.layer, X.copy(order="C"), dLdY.copy(order="C"))
        return [found[name] for name in self.NAMES]

    def assert_close(self, found, expected):
        for a, b, name in zip(found, expected, self.NAMES, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13, err_msg=name, strict=True)

    def test_mirrored_and_turned(self):
        """Axes of the images are 1 and 2, of the kernels 0 and 1."""
        X, W, dLdY = self.X, self.W, self.dLdY
        Y, dLdX, dLdW = (self.expected[name] for name in self.NAMES)
        for axes in ((1,), (2,), (1, 2)):
            own = [axis - 1 for axis in axes]
            found = self.results(np.flip(X, axes), np.flip(W, own), np.flip(dLdY, axes))
            self.assert_close(found, (np.flip(Y, axes), np.flip(dLdX, axes), np.flip(dLdW, own)))
        found = self.results(X.swapaxes(1, 2), W.swapaxes(0, 1), dLdY.swapaxes(1, 2))
        expected = Y.swapaxes(1, 2), dLdX.swapaxes(1, 2), dLdW.swapaxes(0, 1)
        self.assert_close(found, expected)

    def test_order_of_the_channels(self):
        rng = np.random.default_rng(5)
        of_X, of_Y = rng.permutation(24), rng.permutation(26)
        self.layer.parameters["b"] = self.b[:, of_Y]
        found = self.results(self.X[..., of_X], self.W[:, :, of_X][..., of_Y], self.dLdY[..., of_Y])
        Y, dLdX, dLdW = (self.expected[name] for name in self.NAMES)
        expected = Y[..., of_Y], dLdX[..., of_X], dLdW[:, :, of_X][..., of_Y]
        self.assert_close(found, expected)

    def test_moved_by_any_number_of_pixels(self):
        """Inside a wide border of zeros the same numbers come out, wherever the tiles lie."""
        layer = layer_of(self.CASE)
        X = np.zeros((1, 20, 20, 24))
        X[:, 3:12, 3:13] = self.X[:1]
        Y = layer.forward_faster(X) - self.b[0]
        for rows in range(6):
            columns = (rows * 5) % 6
            moved = layer.forward_faster(np.roll(X, (rows, columns), (1, 2))) - self.b[0]
            expected = np.roll(Y, (rows, columns), (1, 2))
            np.testing.assert_allclose(moved, expected, rtol=1e-11, atol=1e-13)

    def test_a_single_weight_moves_the_image(self):
        for k, C in ((3, 24), (5, 32)):
            layer = Conv2D(C, k, "linear")
            X = np.random.default_rng(6).standard_normal((2, 7, 6, C))
            layer._init_parameters(X.shape)
            for i, j in np.ndindex(k, k):
                W = np.zeros((k, k, C, C))
                W[i, j] = np.eye(C)
                layer.parameters["W"] = W
                around = np.pad(X, ((0, 0), (k // 2,) * 2, (k // 2,) * 2, (0, 0)))
                expected = around[:, i : i + 7, j : j + 6]
                np.testing.assert_allclose(layer.forward_faster(X), expected, atol=1e-13)


class TestSpoiledTiles(unittest.TestCase):
    """inf and NaN reach the numbers of the tiles that contain them, and no others."""

    def reached(self, y, x, shape, border, k):
        """True for the numbers of the tiles, of 6×6 pixels, with the pixel (y, x)."""
        masks = []
        for pixel, n, p in ((y, shape[0], border[0]), (x, shape[1], border[2])):
            step = 7 - k
            first = np.arange(n) // step * step
            masks.append((first <= pixel + p) & (pixel + p < first + 6))
        return np.logical_and.outer(*masks)

    def check(self, found, clean, reached, near):
        np.testing.assert_array_equal(found[0][~reached], clean[0][~reached])
        np.testing.assert_array_equal(found[1], clean[1])
        self.assertFalse(np.isfinite(found[0][near]).any())
        self.assertTrue(0 < reached.sum() < reached.size)

    def test_of_the_output_and_of_the_images_gradient(self):
        for k, C in ((3, 24), (5, 32)):
            case = Case((k, k), 1, "same", (2, 16, 15, C), C)
            layer = layer_of(case)
            rng = np.random.default_rng(7)
            X = rng.standard_normal(case.X_shape)
            dLdY = rng.standard_normal(case.X_shape)
            clean = faster(layer, X, dLdY)
            for y, x in ((0, 0), (8, 7), (5, 3), (15, 14)):
                for value in (np.inf, -np.inf, np.nan):
                    near = (
                        slice(max(0, y - k // 2), y + k // 2 + 1),
                        slice(max(0, x - k // 2), x + k // 2 + 1),
                    )
                    spoiled_X, spoiled = X.copy(), dLdY.copy()
                    spoiled_X[0, y, x, 1] = spoiled[0, y, x, 2] = value
                    reached = self.reached(y, x, (16, 15), layer.padding, k)
                    with self.subTest(k=k, pixel=(y, x), value=value):
                        with np.errstate(invalid="ignore"):
                            Y = layer.forward_faster(spoiled_X)
                            layer.forward_faster(X)
                            dLdX = layer.backward_faster(spoiled)
                        self.check(Y, clean["Y"], reached, near)
                        self.check(dLdX, clean["dLdX"], reached, near)


if __name__ == "__main__":
    unittest.main()
