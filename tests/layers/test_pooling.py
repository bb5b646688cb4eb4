"""Pooling: by hand, against a loop and differences, and where several numbers are the maximum."""

import unittest

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neural_networks.layers import Pool2D
from neural_networks.utils.grad_check import check_gradients
from tests.support.arrays import direction_error, dtypes, float_arrays, seeds
from tests.support.image_cases import Case, pool, windows

modes = st.sampled_from(["max", "average"])
WINDOWS = (
    Case((2, 2), 2, 0, (2, 4, 6, 2)),
    Case((3, 3), 2, 1, (2, 5, 6, 2)),
    Case((3, 2), 1, "same", (2, 4, 5, 2)),
    Case((1, 1), 1, 0, (2, 3, 2, 2)),
    Case((2, 3), 3, (1, 2), (2, 5, 4, 1)),
    Case((4, 5), 1, "valid", (2, 4, 5, 3)),
    Case((3, 3), 1, (2, 0, 0, 1), (2, 4, 3, 2)),
)


def gray(image):
    """A matrix as a batch of one image with one channel."""
    return np.asarray(image, float)[np.newaxis, :, :, np.newaxis]


def layer_of(case, mode, dtype="float64"):
    return Pool2D(case.kernel_shape, mode, case.stride, case.pad, dtype=dtype)


class TestByHand(unittest.TestCase):
    IMAGE = gray([[1, 3, 2, 1], [4, 2, 8, 0], [-5, -7, 6, 6], [-9, -6, 5, 7]])

    def test_two_by_two(self):
        for mode, expected in (("max", [[4, 8], [-5, 7]]), ("average", [[2.5, 2.75], [-6.75, 6]])):
            layer = Pool2D(2, mode, 2)
            np.testing.assert_array_equal(layer.forward(self.IMAGE), gray(expected), strict=True)

    def test_gradient_of_a_maximum(self):
        layer = Pool2D(2, "max", 2)
        layer.forward(self.IMAGE)
        found = layer.backward(gray([[10, 20], [30, 40]]))
        expected = [[0, 0, 0, 0], [10, 0, 20, 0], [30, 0, 0, 0], [0, 0, 0, 40]]
        np.testing.assert_array_equal(found, gray(expected), strict=True)

    def test_gradient_of_an_average(self):
        layer = Pool2D(2, "average", 2)
        layer.forward(self.IMAGE)
        found = layer.backward(gray([[4, 8], [12, 16]]))
        expected = [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]
        np.testing.assert_array_equal(found, gray(expected), strict=True)

    def test_defaults(self):
        """Maximum, stride 1, no border."""
        self.assertEqual(Pool2D(2).forward(self.IMAGE).shape, (1, 3, 3, 1))
        self.assertEqual(Pool2D(2).forward(self.IMAGE)[0, 1, 1, 0], 8)

    def test_channels_do_not_meet(self):
        X = np.concatenate([self.IMAGE, -self.IMAGE], axis=3)
        Y = Pool2D(2, "max", 2).forward(X)
        np.testing.assert_array_equal(Y[0, :, :, 1], [[-1, 0], [9, -5]])


class TestBorder(unittest.TestCase):
    def test_never_is_the_maximum(self):
        """Not even if all pixels are negative: a border of zeros would win."""
        self.assertEqual(Pool2D(3, pad=2).forward(gray([[-1e300]]))[0, 2, 2, 0], -1e300)
        X = gray([[-3, -1], [-2, -4]])
        layer = Pool2D(3, "max", 2, pad=1)
        np.testing.assert_array_equal(layer.forward(X), gray([[-1]]))
        layer = Pool2D(2, "max", 2, pad=1)
        np.testing.assert_array_equal(layer.forward(X), X)
        np.testing.assert_array_equal(layer.backward(2 * X), 2 * X)

    def test_counts_in_an_average(self):
        X = gray([[4, 8], [12, 16]])
        layer = Pool2D(2, "average", 2, pad=1)
        np.testing.assert_array_equal(layer.forward(X), X / 4)
        np.testing.assert_array_equal(layer.backward(X), X / 4)
        layer = Pool2D((2, 1), "average", 1, pad=(1, 0))
        np.testing.assert_array_equal(layer.forward(X), gray([[2, 4], [8, 12], [6, 8]]))


class TestTies(unittest.TestCase):
    """Where several numbers are the maximum, the first in row-major order gets the gradient."""

    def test_all_equal(self):
        layer = Pool2D((2, 3), "max", (2))
        for value in (5.0, 0.0, -1.0):
            layer.forward(np.full((1, 2, 3, 1), value))
            found = layer.backward(gray([[7]]))
            np.testing.assert_array_equal(found, gray([[7, 0, 0], [0, 0, 0]]))

    def test_row_by_row_not_column_by_column(self):
        layer = Pool2D(2)
        layer.forward(gray([[1, 9], [9, 9]]))
        np.testing.assert_array_equal(layer.backward(gray([[7]])), gray([[0, 7], [0, 0]]))

    def test_zeros_after_a_relu(self):
        X = np.maximum(gray([[-1, -2, 3, -4], [-5, -6, -7, 3]]), 0)
        layer = Pool2D(2, "max", 2)
        np.testing.assert_array_equal(layer.forward(X), gray([[0, 3]]))
        found = layer.backward(gray([[5, 6]]))
        np.testing.assert_array_equal(found, gray([[5, 0, 6, 0], [0, 0, 0, 0]]))

    def test_overlapping_windows(self):
        """Each window has a first maximum of its own; a pixel in two of them gets both."""
        layer = Pool2D((1, 2))
        layer.forward(gray([[4, 4, 1, 4]]))
        # Windows (4 4), (4 1), (1 4): the first, the second and the fourth pixel.
        found = layer.backward(gray([[1, 10, 100]]))
        np.testing.assert_array_equal(found, gray([[1, 10, 0, 100]]))
        layer.forward(gray([[1, 4, 1, 4]]))
        found = layer.backward(gray([[1, 10, 100]]))
        np.testing.assert_array_equal(found, gray([[0, 11, 0, 100]]))

    def test_in_a_window_that_begins_in_the_border(self):
        layer = Pool2D(3, "max", 1, pad=1)
        layer.forward(gray([[0, 0], [0, 0]]))
        found = layer.backward(gray([[1, 10], [100, 1000]]))
        np.testing.assert_array_equal(found, gray([[1111, 0], [0, 0]]))


class TestAgainstALoop(unittest.TestCase):
    @given(st.data(), windows(small_pad=True), modes, dtypes, seeds)
    def test_any_shape_and_value(self, draw, window, mode, dtype, seed):
        case, sides = window
        # Few different numbers: every other window is a tie.
        X = np.round(draw.draw(float_arrays(case.X_shape)) * 1.5).astype(dtype)
        layer = layer_of(case, mode, dtype)
        Y = layer.forward(X)
        dLdY = np.random.default_rng(seed).standard_normal(Y.shape).astype(dtype)
        dLdX = layer.backward(dLdY)
        expected, expected_dLdX = pool(X, dLdY, case, sides, mode)
        bound = 1e-12 if dtype == "float64" else 1e-5
        np.testing.assert_allclose(Y, expected, rtol=bound, atol=bound, strict=True)
        np.testing.assert_allclose(dLdX, expected_dLdX, rtol=bound, atol=bound, strict=True)

    def test_arrays_that_are_not_in_c_order(self):
        rng = np.random.default_rng(0)
        for mode in ("max", "average"):
            for case in WINDOWS:
                X = rng.standard_normal(case.X_shape[::-1]).T
                layer = layer_of(case, mode)
                dLdY = rng.standard_normal(layer.forward(X).shape[::-1]).T
                found = layer.backward(dLdY)
                X, dLdY = X.copy(order="C"), dLdY.copy(order="C")
                layer.forward(X)
                np.testing.assert_array_equal(found, layer.backward(dLdY))


class TestDifferences(unittest.TestCase):
    def distinct(self, rng, shape):
        """Numbers no two of which are closer than 0.1: nowhere near a tie."""
        return rng.permutation(np.arange(np.prod(shape)) / 10).reshape(shape) - 3

    def test_central(self):
        rng = np.random.default_rng(1)
        for mode in ("max", "average"):
            for case in WINDOWS:
                with self.subTest(case, mode=mode):
                    layer, X = layer_of(case, mode), self.distinct(rng, case.X_shape)
                    dLdY = rng.standard_normal(layer.forward(X).shape)
                    error = check_gradients(layer.forward, layer.backward(dLdY), X, dLdY)
                    self.assertLess(error, 1e-8)

    def test_random_directions(self):
        rng = np.random.default_rng(2)
        for mode in ("max", "average"):
            for case in (
                Case((2, 2), 2, 0, (8, 16, 16, 8)),
                Case((3, 3), 2, 1, (8, 16, 16, 8)),
                Case((4, 3), 1, (3, 2), (8, 16, 16, 8)),
            ):
                with self.subTest(case, mode=mode):
                    layer, X = layer_of(case, mode), self.distinct(rng, case.X_shape)
                    dLdY = rng.standard_normal(layer.forward(X).shape)
                    dLdX = layer.backward(dLdY)
                    error = direction_error(layer.forward, dLdX, X, dLdY, rng)
                    self.assertLess(error, 1e-6)


if __name__ == "__main__":
    unittest.main()
