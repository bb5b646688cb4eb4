"""Pooling: worked examples, a loop, differences, ties."""

import unittest

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neural_networks.layers import Pool2D
from neural_networks.utils.grad_check import check_gradients
from tests.support.arrays import direction_error, dtypes, float_arrays, seeds
from tests.support.image_cases import WAYS, Case, pool, run, windows
from tests.support.passes import Passes

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


class TestByHand(Passes, unittest.TestCase):
    IMAGE = gray([[1, 3, 2, 1], [4, 2, 8, 0], [-5, -7, 6, 6], [-9, -6, 5, 7]])

    def test_two_by_two(self):
        for mode, expected in (("max", [[4, 8], [-5, 7]]), ("average", [[2.5, 2.75], [-6.75, 6]])):
            layer = Pool2D(2, mode, 2)
            np.testing.assert_array_equal(
                self.forward(layer, self.IMAGE), gray(expected), strict=True
            )

    def test_gradient_of_a_maximum(self):
        layer = Pool2D(2, "max", 2)
        self.forward(layer, self.IMAGE)
        found = self.backward(layer, gray([[10, 20], [30, 40]]))
        expected = [[0, 0, 0, 0], [10, 0, 20, 0], [30, 0, 0, 0], [0, 0, 0, 40]]
        np.testing.assert_array_equal(found, gray(expected), strict=True)

    def test_gradient_of_an_average(self):
        layer = Pool2D(2, "average", 2)
        self.forward(layer, self.IMAGE)
        found = self.backward(layer, gray([[4, 8], [12, 16]]))
        expected = [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]
        np.testing.assert_array_equal(found, gray(expected), strict=True)

    def test_defaults(self):
        """Maximum, stride 1, no border."""
        self.assertEqual(self.forward(Pool2D(2), self.IMAGE).shape, (1, 3, 3, 1))
        self.assertEqual(self.forward(Pool2D(2), self.IMAGE)[0, 1, 1, 0], 8)

    def test_channels_do_not_meet(self):
        X = np.concatenate([self.IMAGE, -self.IMAGE], axis=3)
        Y = self.forward(Pool2D(2, "max", 2), X)
        np.testing.assert_array_equal(Y[0, :, :, 1], [[-1, 0], [9, -5]])


class TestBorder(Passes, unittest.TestCase):
    def test_never_is_the_maximum(self):
        """Not even if all pixels are negative: a border of zeros would win."""
        self.assertEqual(self.forward(Pool2D(3, pad=2), gray([[-1e300]]))[0, 2, 2, 0], -1e300)
        X = gray([[-3, -1], [-2, -4]])
        layer = Pool2D(3, "max", 2, pad=1)
        np.testing.assert_array_equal(self.forward(layer, X), gray([[-1]]))
        layer = Pool2D(2, "max", 2, pad=1)
        np.testing.assert_array_equal(self.forward(layer, X), X)
        np.testing.assert_array_equal(self.backward(layer, 2 * X), 2 * X)

    def test_counts_in_an_average(self):
        X = gray([[4, 8], [12, 16]])
        layer = Pool2D(2, "average", 2, pad=1)
        np.testing.assert_array_equal(self.forward(layer, X), X / 4)
        np.testing.assert_array_equal(self.backward(layer, X), X / 4)
        layer = Pool2D((2, 1), "average", 1, pad=(1, 0))
        np.testing.assert_array_equal(self.forward(layer, X), gray([[2, 4], [8, 12], [6, 8]]))


class TestTies(Passes, unittest.TestCase):
    """Of several maxima, the first in row-major order gets the gradient."""

    def test_all_equal(self):
        layer = Pool2D((2, 3), "max", (2))
        for value in (5.0, 0.0, -1.0):
            self.forward(layer, np.full((1, 2, 3, 1), value))
            found = self.backward(layer, gray([[7]]))
            np.testing.assert_array_equal(found, gray([[7, 0, 0], [0, 0, 0]]))

    def test_row_by_row_not_column_by_column(self):
        layer = Pool2D(2)
        self.forward(layer, gray([[1, 9], [9, 9]]))
        np.testing.assert_array_equal(self.backward(layer, gray([[7]])), gray([[0, 7], [0, 0]]))

    def test_zeros_after_a_relu(self):
        X = np.maximum(gray([[-1, -2, 3, -4], [-5, -6, -7, 3]]), 0)
        layer = Pool2D(2, "max", 2)
        np.testing.assert_array_equal(self.forward(layer, X), gray([[0, 3]]))
        found = self.backward(layer, gray([[5, 6]]))
        np.testing.assert_array_equal(found, gray([[5, 0, 6, 0], [0, 0, 0, 0]]))

    def test_overlapping_windows(self):
        """Each window has its own first maximum; a pixel in two of them gets both."""
        layer = Pool2D((1, 2))
        self.forward(layer, gray([[4, 4, 1, 4]]))
        # Windows (4 4), (4 1), (1 4): the first, the second and the fourth pixel.
        found = self.backward(layer, gray([[1, 10, 100]]))
        np.testing.assert_array_equal(found, gray([[1, 10, 0, 100]]))
        self.forward(layer, gray([[1, 4, 1, 4]]))
        found = self.backward(layer, gray([[1, 10, 100]]))
        np.testing.assert_array_equal(found, gray([[0, 11, 0, 100]]))

    def test_in_a_window_that_begins_in_the_border(self):
        layer = Pool2D(3, "max", 1, pad=1)
        self.forward(layer, gray([[0, 0], [0, 0]]))
        found = self.backward(layer, gray([[1, 10], [100, 1000]]))
        np.testing.assert_array_equal(found, gray([[1111, 0], [0, 0]]))


class TestAgainstALoop(unittest.TestCase):
    @given(st.data(), windows(small_pad=True), modes, dtypes, seeds)
    def test_any_shape_and_value(self, draw, window, mode, dtype, seed):
        case, sides = window
        # Few different numbers: every other window is a tie.
        X = np.round(draw.draw(float_arrays(case.X_shape)) * 1.5).astype(dtype)
        layer = layer_of(case, mode, dtype)
        dLdY = np.random.default_rng(seed).standard_normal(layer.output_shape(X.shape))
        dLdY = dLdY.astype(dtype)
        expected, expected_dLdX = pool(X, dLdY, case, sides, mode)
        bound = 1e-12 if dtype == "float64" else 1e-5
        for way in WAYS:
            found = run(layer, X, dLdY, way)
            rounding = {"rtol": bound, "atol": bound, "err_msg": str(way)}
            np.testing.assert_allclose(found["Y"], expected, **rounding, strict=True)
            np.testing.assert_allclose(found["dLdX"], expected_dLdX, **rounding, strict=True)


class TestOrderInMemory(Passes, unittest.TestCase):
    def test_arrays_that_are_not_in_c_order(self):
        rng = np.random.default_rng(0)
        for mode in ("max", "average"):
            for case in WINDOWS:
                X = rng.standard_normal(case.X_shape[::-1]).T
                layer = layer_of(case, mode)
                dLdY = rng.standard_normal(self.forward(layer, X).shape[::-1]).T
                found = self.backward(layer, dLdY)
                X, dLdY = X.copy(order="C"), dLdY.copy(order="C")
                self.forward(layer, X)
                np.testing.assert_array_equal(found, self.backward(layer, dLdY))


class TestDifferences(Passes, unittest.TestCase):
    def distinct(self, rng, shape):
        """Numbers no two of which are closer than 0.1: nowhere near a tie."""
        return rng.permutation(np.arange(np.prod(shape)) / 10).reshape(shape) - 3

    def test_central(self):
        rng = np.random.default_rng(1)
        for mode in ("max", "average"):
            for case in WINDOWS:
                with self.subTest(case, mode=mode):
                    layer, X = layer_of(case, mode), self.distinct(rng, case.X_shape)
                    dLdY = rng.standard_normal(self.forward(layer, X).shape)
                    error = check_gradients(layer.forward, self.backward(layer, dLdY), X, dLdY)
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
                    dLdY = rng.standard_normal(self.forward(layer, X).shape)
                    dLdX = self.backward(layer, dLdY)
                    error = direction_error(layer.forward, dLdX, X, dLdY, rng)
                    self.assertLess(error, 1e-6)


class TestByHandFaster(TestByHand):
    """The same by ``forward_faster`` and ``backward_faster``."""

    suffix = "_faster"


class TestBorderFaster(TestBorder):
    """The same by ``forward_faster`` and ``backward_faster``."""

    suffix = "_faster"


class TestTiesFaster(TestTies):
    """The same by ``forward_faster`` and ``backward_faster``."""

    suffix = "_faster"


class TestOrderInMemoryFaster(TestOrderInMemory):
    """The same by ``forward_faster`` and ``backward_faster``."""

    suffix = "_faster"


class TestDifferencesFaster(TestDifferences):
    """The same by ``forward_faster`` and ``backward_faster``."""

    suffix = "_faster"


if __name__ == "__main__":
    unittest.main()
